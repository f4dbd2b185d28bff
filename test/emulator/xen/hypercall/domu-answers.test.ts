import { describe, expect, it } from 'vitest';
import { PFN_FREE, PFN_SCRATCH, TestMachine, va } from '../pv/test-machine.ts';

/**
 * What an unprivileged PV domain is answered, as read in Xen 4.17's sources (the function is named in each row): first
 * what is wrong with the argument, then what is not allowed.
 */
const SCRATCH = va(PFN_SCRATCH);
const BAD = 0x123000;
const XEN_AREA = -0x7f0000000000;
const SELF = 0x7ff0;
const [EPERM, ESRCH, ENXIO, EACCES, EFAULT, EINVAL] = [-1, -3, -6, -13, -14, -22] as const;
const [ENODEV, ENOSPC, ENOSYS, EOPNOTSUPP] = [-19, -28, -38, -95] as const;

type Row = readonly [what: string, call: readonly number[], words: readonly number[], answer: number];

const ROWS: readonly Row[] = [
  // do_platform_op, do_sysctl, do_domctl, do_paging_domctl_cont, do_mca
  ['platform_op, bad pointer', [7, BAD], [], EFAULT],
  ['platform_op, version', [7, SCRATCH], [17, 1], EACCES],
  ['sysctl, version', [35, SCRATCH], [3, 0x14], EACCES],
  ['sysctl', [35, SCRATCH], [3, 0x15], EPERM],
  ['domctl of nobody', [36, SCRATCH], [5, 0x15, 99], ESRCH],
  ['domctl of itself', [36, SCRATCH], [5, 0x15, 1], EPERM],
  ['domctl createdomain', [36, SCRATCH], [1, 0x15, 99], EPERM],
  ['paging_domctl_cont of another command', [49, SCRATCH], [5, 0x15, 1], EOPNOTSUPP],
  ['paging_domctl_cont', [49, SCRATCH], [10, 0x15, 1], EPERM],
  ['mca', [48, BAD], [], EPERM],
  ['kexec_op', [37, 0, SCRATCH], [], EPERM],
  ['hypfs_op', [42, 0, SCRATCH], [], EPERM],
  ['xsm_op without FLASK', [27, SCRATCH], [], ENOSYS],
  ['tmem_op', [38, SCRATCH], [], ENOSYS],
  ['argo_op, not configured', [39, 1, SCRATCH], [], ENOSYS],
  ['xenpmu_op, vpmu off', [40, 2, SCRATCH], [], EOPNOTSUPP],
  ['xenoprof_op, no such operation', [31, 99, SCRATCH], [], EINVAL],
  ['xenoprof_op init', [31, 0, SCRATCH], [], ENODEV],
  ['xenoprof_op start', [31, 8, SCRATCH], [], EPERM],
  ['console_io', [18, 0, 1, SCRATCH], [], EPERM],
  ['dm_op', [41, 1, 0, SCRATCH], [], EPERM],
  // do_hvm_op
  ['HVMOP_get_param, index', [34, 1, SCRATCH], [SELF, 39], EINVAL],
  ['HVMOP_get_param of nobody', [34, 1, SCRATCH], [99, 1], ESRCH],
  ['HVMOP_get_param', [34, 1, SCRATCH], [SELF, 1], EINVAL],
  ['HVMOP_get_time', [34, 10, SCRATCH], [], 0],
  ['HVMOP_get_time, bad pointer', [34, 10, BAD], [], EFAULT],
  ['HVMOP_guest_request_vm_event', [34, 24, 0], [], 0],
  ['HVMOP_altp2m', [34, 25, SCRATCH], [], EOPNOTSUPP],
  ['hvm_op, no such operation', [34, 99, SCRATCH], [], ENOSYS],
  // do_memory_op: operations on extents answer how many, whatever is wrong
  ['increase_reservation, bad pointer', [12, 0, BAD], [], 0],
  ['decrease_reservation of nobody', [12, 1, SCRATCH], [0, 0, 1, 0, 0, 0, 99], 0],
  ['populate_physmap, order', [12, 6, SCRATCH], [SCRATCH | 0, -1, 1, 0, 10, 0, SELF], 0],
  ['increase_reservation, 12 address bits', [12, 0, SCRATCH], [0, 0, 1, 0, 0, 12, SELF], 0],
  ['increase_reservation below the machine', [12, 0, SCRATCH], [0, 0, 1, 0, 0, 24, SELF], 0],
  ['decrease_reservation, continued past its end', [12, 1 | (3 << 6), SCRATCH], [0, 0, 2, 0, 0, 0, SELF], 3],
  ['maximum_ram_page, continued', [12, 2 | 64, 0], [], EINVAL],
  ['current_reservation of nobody', [12, 3, SCRATCH], [99], ESRCH],
  ['current_reservation of the host', [12, 3, SCRATCH], [0], EPERM],
  ['add_to_physmap', [12, 7, SCRATCH], [SELF, 0], EACCES],
  ['add_to_physmap of a foreign frame', [12, 7, SCRATCH], [SELF, 4], ENOSYS],
  ['add_to_physmap, bad pointer', [12, 7, BAD], [], EFAULT],
  ['add_to_physmap_batch of a range', [12, 23, SCRATCH], [SELF | (3 << 16)], EOPNOTSUPP],
  ['remove_from_physmap', [12, 15, SCRATCH], [SELF], EACCES],
  ['machine_memory_map', [12, 10, SCRATCH], [], EPERM],
  ['sharing_op', [12, 22, SCRATCH], [], ENOSYS],
  ['access_op', [12, 21, SCRATCH], [SELF], EPERM],
  ['claim_pages with a list', [12, 24, SCRATCH], [8, 0, 0, 0, 0, 0, 1], EINVAL],
  ['claim_pages', [12, 24, SCRATCH], [0, 0, 1, 0, 0, 0, 1], EPERM],
  ['reserved_device_memory_map', [12, 27, SCRATCH], [0, 5, SCRATCH | 0, -1], 0],
  ['reserved_device_memory_map, flags', [12, 27, SCRATCH], [2, 0, 0, 0], EINVAL],
  ['acquire_resource of nobody', [12, 28, SCRATCH], [99], ESRCH],
  ['acquire_resource of itself', [12, 28, SCRATCH], [SELF], EPERM],
  // memory_exchange
  ['exchange, order', [12, 11, SCRATCH], [0, 0, 1, 0, 10, 0, SELF, 0, 0, 0, 1, 0, 10, 0, SELF, 0, 0, 0], EPERM],
  ['exchange, unequal sizes', [12, 11, SCRATCH], [0, 0, 1, 0, 0, 0, SELF, 0, 0, 0, 2, 0, 0, 0, SELF, 0, 0, 0], EINVAL],
  ['exchange, two domains', [12, 11, SCRATCH], [0, 0, 1, 0, 0, 0, SELF, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], EINVAL],
  // do_sched_op
  ['remote_shutdown of nobody', [29, 4, SCRATCH], [99, 3], ESRCH],
  ['remote_shutdown of the host', [29, 4, SCRATCH], [0, 3], EPERM],
  ['pin_override', [29, 7, BAD], [], EPERM],
  ['poll, too many', [29, 3, SCRATCH], [0, 0, 129, 0, 0, 0], EINVAL],
  ['poll of Xen’s memory', [29, 3, SCRATCH], [0, 0xffff8100 | 0, 1, 0, 0, 0], EFAULT],
  ['watchdog, no such', [29, 6, SCRATCH], [3, 5], EINVAL],
  ['watchdog, not in use', [29, 6, SCRATCH], [1, 5], EINVAL],
  // do_vcpu_op
  ['vcpu_op of no vCPU', [24, 3, 9], [], -2],
  ['send_nmi with an argument', [24, 11, 0, SCRATCH], [], EINVAL],
  ['get_physid', [24, 12, 0, BAD], [], EINVAL],
  ['register_vcpu_info across a page', [24, 10, 0, SCRATCH], [0, 0, 4040, 0], ENXIO],
  ['register_vcpu_info, alignment', [24, 10, 0, SCRATCH], [0, 0, 4, 0], ENXIO],
  ['register_runstate in Xen’s area', [24, 5, 0, SCRATCH], [0, 0xffff8100 | 0], EFAULT],
  ['set_periodic_timer under a millisecond', [24, 6, 0, SCRATCH], [999_999, 0], EINVAL],
  // do_event_channel_op
  ['bind_interdomain to the host', [32, 0, SCRATCH], [0, 1], EINVAL],
  ['bind_interdomain to nobody', [32, 0, SCRATCH], [99, 1], ESRCH],
  ['alloc_unbound for the host itself', [32, 6, SCRATCH], [0 | (1 << 16)], EPERM],
  ['bind_pirq', [32, 2, SCRATCH], [1, 0], EPERM],
  ['status of a port that was never used', [32, 5, SCRATCH], [SELF, 50], 0],
  ['status past the last bucket', [32, 5, SCRATCH], [SELF, 64], EINVAL],
  ['unmask of a closed port', [32, 9, SCRATCH], [50], 0],
  ['set_priority with two levels', [32, 13, SCRATCH], [50, 1], EINVAL],
  ['expand_array with two levels', [32, 12, SCRATCH], [0, 0], EOPNOTSUPP],
  // do_physdev_op
  ['map_pirq', [33, 13, SCRATCH], [SELF, 1, 5, -1], EPERM],
  ['map_pirq of nobody', [33, 13, SCRATCH], [99, 1, 5, -1], ESRCH],
  ['setup_gsi, no such', [33, 21, SCRATCH], [24], EINVAL],
  ['setup_gsi', [33, 21, SCRATCH], [9], EPERM],
  ['restore_msi', [33, 19, SCRATCH], [0], ENODEV],
  ['manage_pci_add_ext', [33, 20, SCRATCH], [0, 2, 0], EINVAL],
  ['eoi of no PIRQ', [33, 12, SCRATCH], [5], EINVAL],
  ['irq_status_query', [33, 5, SCRATCH], [5, 0], 0],
  ['irq_status_query, no such', [33, 5, SCRATCH], [56, 0], EINVAL],
  ['irq_unmask_notify', [33, 4, 0], [], 0],
  ['the old physdev_op: set_iopl', [19, SCRATCH], [6, 0, 1], 0],
  ['the old physdev_op: set_iopl(4)', [19, SCRATCH], [6, 0, 4], EINVAL],
  ['the old event_channel_op: unmask', [16, SCRATCH], [9, 50], 0],
  ['the old event_channel_op: reset', [16, SCRATCH], [10, SELF], ENOSYS],
  ['the old sched_op: poll', [6, 3, SCRATCH], [], ENOSYS],
  // do_vm_assist, xen_version
  ['vm_assist, no such type', [21, 0, 6], [], EINVAL],
  ['vm_assist, no such command', [21, 2, 0], [], ENOSYS],
  ['vm_assist m2p_strict', [21, 0, 32], [], 0],
  ['get_features, second word', [17, 6, SCRATCH], [1], EINVAL],
  ['build_id', [17, 10, 0], [], EPERM],
  ['pagesize with an argument', [17, 7, SCRATCH], [], EINVAL],
  ['set_segment_base, no such', [25, 4, 0], [], EINVAL],
  ['set_segment_base, not canonical', [25, 0, 2 ** 50], [], EINVAL],
  // A structure in Xen's own area is never read (access_ok).
  ['evtchn_send in Xen’s area', [32, 4, XEN_AREA], [], EFAULT],
  ['no such hypercall', [55, SCRATCH], [], ENOSYS],
];

describe('a domU is answered', () => {
  it.each(ROWS)('%s', (_what, call, words, answer) => {
    const machine = new TestMachine().start();
    machine.poke(SCRATCH, ...words);
    expect(machine.hypercall(...(call as [number]))).toBe(answer);
    // Whatever is refused says why.
    if (answer < 0) expect(machine.lastReason()).not.toBe('');
  });

  it('get_free_pirq sets PIRQs aside, which may then be ended', () => {
    const machine = new TestMachine().start();
    machine.poke(SCRATCH, 1, 0);
    expect(machine.hypercall(33, 23, SCRATCH)).toBe(0);
    expect(machine.peek32(SCRATCH + 4)).toBe(16);
    machine.poke(SCRATCH, 16);
    expect(machine.hypercall(33, 12, SCRATCH)).toBe(0);
    for (let count = 0; count < 7; count++) {
      machine.poke(SCRATCH, 1, 0);
      expect(machine.hypercall(33, 23, SCRATCH)).toBe(0);
    }
    machine.poke(SCRATCH, 1, 0);
    expect(machine.hypercall(33, 23, SCRATCH)).toBe(ENOSPC);
  });

  it('the command line takes no more room than it needs', () => {
    const machine = new TestMachine().start();
    machine.poke(SCRATCH + 8, 0x11111111, 0x22222222);
    expect(machine.hypercall(17, 9, SCRATCH)).toBe(0);
    expect([machine.peek32(SCRATCH), machine.peek32(SCRATCH + 8)]).toEqual([0x6e65643c, 0x11111100]);
  });

  it('an iret inside a multicall ends it', () => {
    const machine = new TestMachine().start();
    const frame = va(PFN_FREE, 256);
    // rax, r11, rcx, flags, rip, cs, rflags, rsp, ss: back into the kernel.
    const words = [0xdead, 0, 0, 0, va(0), 0xe030, 0x200, va(PFN_FREE, 1024), 0xe02b];
    machine.poke(frame, ...words.flatMap((word) => [word | 0, word < 0 ? -1 : 0]));
    machine.poke(SCRATCH, 23, ...Array.from({ length: 15 }, () => 0), 17, 0, 0x55, 0);
    const value = machine.hypercallAtStack(frame, 13, SCRATCH, 2);
    expect(value).toBe(0xdead);
    // The second entry was not run.
    expect(machine.peek32(SCRATCH + 64 + 8)).toBe(0x55);
    expect(machine.xen.inMulticall).toBe(false);
  });

  it('a time in the past or very far ahead is taken for soon', () => {
    const machine = new TestMachine().start();
    machine.hypercall(15, -5);
    expect(machine.vcpu.singleshotTimer - machine.clock.now()).toBeGreaterThan(99_000_000);
    machine.hypercall(15, 2 ** 52);
    expect(machine.vcpu.singleshotTimer - machine.clock.now()).toBeLessThan(100_000_001);
  });
});

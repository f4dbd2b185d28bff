import { describe, expect, it } from 'vitest';
import * as evtchn from '../../../../emulator/xen/public/xen-4/event-channel.ts';
import * as gnttab from '../../../../emulator/xen/public/xen-4/grant-table.ts';
import { fillHypercallPage } from '../../../../emulator/xen/public/xen-4/hypercall-page.ts';
import { XENCONS_INTERFACE } from '../../../../emulator/xen/public/xen-4/io/console.ts';
import { XENSTORE_DOMAIN_INTERFACE } from '../../../../emulator/xen/public/xen-4/io/xs-wire.ts';
import * as memory from '../../../../emulator/xen/public/xen-4/memory.ts';
import * as sched from '../../../../emulator/xen/public/xen-4/sched.ts';
import * as xen from '../../../../emulator/xen/public/xen-4/xen.ts';

/** Offsets and sizes of reference/abi-xen-4-pv.md, which were computed by gcc from the headers of stable-4.17. */
describe('structure layouts', () => {
  it('start_info', () => {
    expect(xen.START_INFO[64].size).toBe(1168);
    expect(xen.START_INFO[32].size).toBe(1112);
    expect(xen.START_INFO[64].offset).toMatchObject({
      nr_pages: 32,
      shared_info: 40,
      flags: 48,
      store_mfn: 56,
      store_evtchn: 64,
      console_mfn: 72,
      console_evtchn: 80,
      console_dom0_info_off: 72,
      pt_base: 88,
      nr_pt_frames: 96,
      mfn_list: 104,
      mod_start: 112,
      mod_len: 120,
      cmd_line: 128,
      first_p2m_pfn: 1152,
      nr_p2m_frames: 1160,
    });
    expect(xen.START_INFO[32].offset).toMatchObject({
      nr_pages: 32,
      shared_info: 36,
      flags: 40,
      store_mfn: 44,
      store_evtchn: 48,
      console_mfn: 52,
      console_evtchn: 56,
      pt_base: 60,
      nr_pt_frames: 64,
      mfn_list: 68,
      mod_start: 72,
      mod_len: 76,
      cmd_line: 80,
      first_p2m_pfn: 1104,
      nr_p2m_frames: 1108,
    });
  });

  it('shared_info and vcpu_info', () => {
    expect(xen.SHARED_INFO[64].size).toBe(3136);
    expect(xen.SHARED_INFO[64].offset).toMatchObject({
      vcpu_info: 0,
      evtchn_pending: 2048,
      evtchn_mask: 2560,
      wc_version: 3072,
      wc_sec: 3076,
      wc_nsec: 3080,
      wc_sec_hi: 3084,
      arch_max_pfn: 3088,
      arch_pfn_to_mfn_frame_list_list: 3096,
      arch_nmi_reason: 3104,
      arch_p2m_cr3: 3112,
      arch_p2m_vaddr: 3120,
      arch_p2m_generation: 3128,
    });
    expect(xen.SHARED_INFO_32[32].size).toBe(2344);
    expect(xen.SHARED_INFO_32[32].offset).toMatchObject({
      evtchn_pending: 2048,
      evtchn_mask: 2176,
      wc_version: 2304,
      wc_sec: 2308,
      wc_nsec: 2312,
      arch_max_pfn: 2316,
      arch_pfn_to_mfn_frame_list_list: 2320,
      arch_nmi_reason: 2324,
      arch_p2m_cr3: 2328,
      arch_p2m_vaddr: 2332,
      arch_p2m_generation: 2336,
      wc_sec_hi: 2340,
    });
    expect(xen.VCPU_INFO[64]).toMatchObject({ size: 64, offset: { evtchn_pending_sel: 8, arch_cr2: 16, time: 32 } });
    expect(xen.VCPU_INFO_32[32]).toMatchObject({ size: 64, offset: { evtchn_pending_sel: 4, arch_cr2: 8, time: 32 } });
    expect(xen.VCPU_TIME_INFO[64]).toMatchObject({
      size: 32,
      offset: { version: 0, tsc_timestamp: 8, system_time: 16, tsc_to_system_mul: 24, tsc_shift: 28, flags: 29 },
    });
  });

  it('memory and scheduling structures', () => {
    expect([xen.TRAP_INFO[64].size, xen.TRAP_INFO[32].size]).toEqual([16, 8]);
    expect([xen.MULTICALL_ENTRY[64].size, xen.MULTICALL_ENTRY[32].size]).toEqual([64, 32]);
    expect([xen.MULTICALL_ENTRY[64].offset.args, xen.MULTICALL_ENTRY[32].offset.args]).toEqual([16, 8]);
    expect([xen.MMUEXT_OP[64].offset.arg1, xen.MMUEXT_OP[64].offset.arg2]).toEqual([8, 16]);
    expect([xen.MMUEXT_OP[32].offset.arg1, xen.MMUEXT_OP[32].offset.arg2]).toEqual([4, 8]);
    expect([memory.XEN_MEMORY_RESERVATION[64].size, memory.XEN_MEMORY_RESERVATION[32].size]).toEqual([32, 20]);
    expect(memory.XEN_MEMORY_EXCHANGE[64].offset).toMatchObject({ in: 0, out: 32, nr_exchanged: 64 });
    expect(memory.XEN_MEMORY_EXCHANGE[32].offset).toMatchObject({ in: 0, out: 20, nr_exchanged: 40 });
    expect([sched.VCPU_RUNSTATE_INFO[64].size, sched.VCPU_RUNSTATE_INFO[32].size]).toEqual([48, 44]);
    expect(sched.VCPU_RUNSTATE_INFO[64].offset).toMatchObject({ state: 0, state_entry_time: 8, time: 16 });
    expect(sched.VCPU_RUNSTATE_INFO[32].offset).toMatchObject({ state: 0, state_entry_time: 4, time: 12 });
  });

  it('event channel structures', () => {
    expect(evtchn.EVTCHN_BIND_INTERDOMAIN[64]).toMatchObject({ size: 12, offset: { remote_port: 4, local_port: 8 } });
    expect(evtchn.EVTCHN_STATUS[64]).toMatchObject({
      size: 24,
      offset: { port: 4, status: 8, vcpu: 12, u_dom: 16, u_port: 20 },
    });
    expect(evtchn.EVTCHN_ALLOC_UNBOUND[64].offset).toMatchObject({ dom: 0, remote_dom: 2, port: 4 });
    expect(evtchn.EVTCHN_INIT_CONTROL[64].offset).toMatchObject({ control_gfn: 0, offset: 8, vcpu: 12, link_bits: 16 });
    expect(evtchn.EVTCHN_FIFO_CONTROL_BLOCK[64]).toMatchObject({ size: 72, offset: { ready: 0, head: 8 } });
  });

  it('grant table structures', () => {
    expect(gnttab.GNTTAB_MAP_GRANT_REF[64]).toMatchObject({
      size: 32,
      offset: { host_addr: 0, flags: 8, ref: 12, dom: 16, status: 18, handle: 20, dev_bus_addr: 24 },
    });
    expect(gnttab.GNTTAB_UNMAP_GRANT_REF[64]).toMatchObject({ size: 24, offset: { handle: 16, status: 20 } });
    expect(gnttab.GNTTAB_SETUP_TABLE[64].offset).toMatchObject({ nr_frames: 4, status: 8, frame_list: 16 });
    expect(gnttab.GNTTAB_SETUP_TABLE[32].offset).toMatchObject({ nr_frames: 4, status: 8, frame_list: 12 });
    expect(gnttab.GNTTAB_QUERY_SIZE[64]).toMatchObject({
      size: 16,
      offset: { nr_frames: 4, max_nr_frames: 8, status: 12 },
    });
    expect(gnttab.GNTTAB_COPY[64]).toMatchObject({
      size: 40,
      offset: { source_ref: 0, dest_ref: 16, dest_domid: 24, dest_offset: 26, len: 32, flags: 34, status: 36 },
    });
    expect(gnttab.GNTTAB_COPY[32]).toMatchObject({
      size: 24,
      offset: { dest_ref: 8, dest_domid: 12, dest_offset: 14, len: 16, flags: 18, status: 20 },
    });
  });

  it('rings', () => {
    expect(XENCONS_INTERFACE[64].size).toBe(3088);
    expect(XENCONS_INTERFACE[64].offset).toMatchObject({
      in: 0,
      out: 1024,
      in_cons: 3072,
      in_prod: 3076,
      out_cons: 3080,
      out_prod: 3084,
    });
    expect(XENSTORE_DOMAIN_INTERFACE[64]).toMatchObject({
      size: 2076,
      offset: {
        req: 0,
        rsp: 1024,
        req_cons: 2048,
        req_prod: 2052,
        rsp_cons: 2056,
        rsp_prod: 2060,
        server_features: 2064,
      },
    });
  });

  it('hypercall page stubs', () => {
    const page = new Uint8Array(4096);
    fillHypercallPage(page, 64);
    const bytes = (slot: number, count: number): string =>
      Buffer.from(page.subarray(slot * 32, slot * 32 + count)).toString('hex');
    expect(bytes(29, 14)).toBe('514153b81d0000000f05415b59c3');
    expect(bytes(23, 11)).toBe('51415350b8170000000f05');
    fillHypercallPage(page, 32);
    expect(bytes(29, 8)).toBe('b81d000000cd82c3');
    expect(bytes(23, 8)).toBe('50b817000000cd82');
  });

  /** By gcc -m32 from public/arch-x86/xen-x86_32.h and xen.h of stable-4.17. */
  it('vcpu_guest_context of 32-bit guests', () => {
    const { size, offset } = sched.VCPU_GUEST_CONTEXT_32[32];
    expect(size).toBe(2800);
    expect(offset).toMatchObject({
      flags: 512,
      user_regs: 516,
      trap_ctxt: 584,
      ldt_base: 2632,
      gdt_frames: 2640,
      kernel_ss: 2708,
      ctrlreg: 2716,
      debugreg: 2748,
      event_callback_cs: 2780,
      failsafe_callback_eip: 2792,
      vm_assist: 2796,
    });
    const registers = { eax: 24, eip: 32, cs: 36, eflags: 40, esp: 44, ss: 48, gs: 64 };
    expect(sched.CPU_USER_REGS_32[32].offset).toMatchObject(registers);
    expect(sched.CPU_USER_REGS_32[32].size).toBe(68);
  });
});

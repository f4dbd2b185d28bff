import { highHalf, lowHalf, type MachineAddress } from '../../../../emulator/base/numbers.ts';
import type { Domain } from '../../../../emulator/xen/common/domain.ts';
import { grantEntryAddress } from '../../../../emulator/xen/common/grant-table.ts';
import { A, D, P, PFN_FREE, PFN_L1, RW, U, va } from '../pv/test-machine.ts';
import { DOMID_SELF, type Fuzzer, SCRATCH } from './fuzzer.ts';

/**
 * Sequences that lead somewhere: what one call gives, the next one uses, and now and then misuses. Each notes the calls
 * that succeeded, for grants by the status of the element.
 */

const LIST = SCRATCH + 2048;
/** Where grants are mapped: covered by the L1, beyond the pages of the domain. */
const PLACES = 100;
const FIRST_REF = 8;
const REFS = 12;

type Word = number | readonly [low: number, high: number];

function words(fuzzer: Fuzzer, at: number, list: readonly Word[]): void {
  const flat = list.flatMap((word) => (typeof word === 'number' ? [word] : [word[0], word[1]]));
  fuzzer.machine.poke(at, ...flat);
}

const wide = (value: number): Word => [lowHalf(value), highHalf(value)];

function call(fuzzer: Fuzzer, name: string, number: number, command: number, ...list: readonly Word[]): number {
  words(fuzzer, SCRATCH, list);
  const result = fuzzer.machine.hypercall(number, command, SCRATCH);
  fuzzer.note(name, result);
  return result;
}

const at = (fuzzer: Fuzzer, offset: number): number => fuzzer.machine.peek32(SCRATCH + offset);

// Event channels.

const event = (fuzzer: Fuzzer, name: string, command: number, ...list: readonly Word[]): number =>
  call(fuzzer, `event_channel_op.${name}`, 32, command, ...list);

function events(fuzzer: Fuzzer): void {
  const { random } = fuzzer;
  const remote = fuzzer.pick([DOMID_SELF, DOMID_SELF, 1, 2, 0, 99]);
  if (event(fuzzer, 'alloc_unbound', 6, DOMID_SELF | (remote << 16), 0) !== 0) return;
  const port = at(fuzzer, 4);
  if (event(fuzzer, 'bind_interdomain', 0, fuzzer.pick([DOMID_SELF, 1, 2]), port, 0) !== 0) return;
  const other = at(fuzzer, 8);
  for (let count = random.below(5); count > 0; count--) {
    const chosen = fuzzer.pick([port, other, random.below(70)]);
    switch (random.below(6)) {
      case 0:
        event(fuzzer, 'send', 4, chosen);
        break;
      case 1:
        event(fuzzer, 'unmask', 9, chosen);
        break;
      case 2:
        event(fuzzer, 'status', 5, DOMID_SELF, chosen, 0, 0, 0, 0);
        break;
      case 3:
        event(fuzzer, 'bind_vcpu', 8, chosen, random.below(3));
        break;
      case 4:
        event(fuzzer, 'set_priority', 13, chosen, random.below(18));
        break;
      default:
        // The old form of the same: command and structure in one.
        words(fuzzer, SCRATCH, [4, chosen, 0, 0, 0, 0, 0]);
        fuzzer.note('event_channel_op_compat', fuzzer.machine.hypercall(16, SCRATCH));
    }
  }
  if (random.below(3) !== 0) event(fuzzer, 'close', 3, fuzzer.pick([port, other]));
}

function boundEvents(fuzzer: Fuzzer): void {
  const { random } = fuzzer;
  if (event(fuzzer, 'bind_virq', 1, random.below(26), random.below(3), 0) === 0)
    event(fuzzer, 'close', 3, at(fuzzer, 8));
  if (event(fuzzer, 'bind_ipi', 7, random.below(3), 0) === 0) event(fuzzer, 'send', 4, at(fuzzer, 4));
  const frame = fuzzer.frame();
  if (random.below(3) === 0)
    event(fuzzer, 'init_control', 11, wide(frame), random.below(513) * 8, random.below(2), 0, 0);
  if (random.below(3) === 0) event(fuzzer, 'expand_array', 12, wide(fuzzer.frame()));
  if (random.below(30) === 0) event(fuzzer, 'reset', 10, DOMID_SELF);
}

// Grants, of the domain to itself and of the other domain to it.

function other(fuzzer: Fuzzer): Domain {
  return fuzzer.machine.xen.domains.get(2 as never) as Domain;
}

/** What a guest's kernel would write into one of its entries. */
function writeEntry(fuzzer: Fuzzer, granter: Domain, ref: number): void {
  const { machine, random } = fuzzer;
  const { grantTable } = granter;
  if (ref >= grantTable.entries) return;
  const flags = fuzzer.pick([1, 1, 1, 1 | 4, 1 | 0x100, 2, 3, 0]);
  const frame = granter.mfnOf(random.below(8) === 0 ? PFN_L1 : PFN_FREE + random.below(40)) ?? fuzzer.frame();
  const address = grantEntryAddress(grantTable, ref);
  const head = flags | (fuzzer.pick([1, 1, 1, 2]) << 16);
  if (grantTable.version === 1) machine.ram.write64(address, head, frame);
  else {
    const middle = (flags & 3) === 3 ? fuzzer.pick([1, 2]) : random.below(4096) | (random.below(4096) << 16);
    machine.ram.write64(address, head, middle);
    machine.ram.write64((address + 8) as MachineAddress, (flags & 3) === 3 ? FIRST_REF + random.below(REFS) : frame, 0);
  }
}

function grantCall(fuzzer: Fuzzer, name: string, command: number, status: number, list: readonly Word[]): boolean {
  words(fuzzer, SCRATCH, list);
  if (fuzzer.machine.hypercall(20, command, SCRATCH, 1) !== 0) return false;
  const done = (at(fuzzer, status & ~3) >>> ((status & 3) * 8)) % 65536 === 0;
  fuzzer.note(`grant_table_op.${name}`, done ? 0 : -1);
  return done;
}

function grants(fuzzer: Fuzzer): void {
  const { machine, random } = fuzzer;
  const granter = fuzzer.pick([machine.domain, other(fuzzer)]);
  const ref = FIRST_REF + random.below(REFS);
  if (random.below(2) === 0) writeEntry(fuzzer, granter, ref);
  const flags = fuzzer.pick([2, 2, 3, 6, 1, 7, 18, 2 | (3 << 16)]);
  const place = va(PLACES + random.below(8));
  const host = (flags & 16) === 0 ? place : (fuzzer.tables[3] as number) * 4096 + (PLACES + random.below(8)) * 8;
  const mapped = grantCall(fuzzer, 'map_grant_ref', 0, 18, [wide(host), flags, ref, granter.domid, 0, [0, 0]]);
  const [handle, bus] = [at(fuzzer, 20), at(fuzzer, 24) + at(fuzzer, 28) * 4294967296];
  if (random.below(3) === 0) copy(fuzzer, granter, ref);
  if (!mapped || random.below(6) === 0) return;
  if (random.below(5) === 0) {
    const replacement = fuzzer.pick([va(PFN_FREE + random.below(8)), va(PLACES + random.below(8)), 0]);
    grantCall(fuzzer, 'unmap_and_replace', 7, 20, [wide(host), wide(replacement), handle, 0]);
  } else {
    const device = fuzzer.pick([bus, bus, 0, 4096]);
    grantCall(fuzzer, 'unmap_grant_ref', 1, 20, [
      wide(host),
      wide(device),
      fuzzer.pick([handle, handle, handle, 0]),
      0,
    ]);
  }
}

function copy(fuzzer: Fuzzer, granter: Domain, ref: number): void {
  const { random } = fuzzer;
  const end = (isGrant: boolean): Word[] => {
    const domid = isGrant ? granter.domid : fuzzer.pick([DOMID_SELF, DOMID_SELF, DOMID_SELF, 1]);
    return [isGrant ? ref : fuzzer.frame(), 0, domid | (random.below(64) << 16), 0];
  };
  const flags = random.below(4);
  const list = [...end((flags & 1) !== 0), ...end((flags & 2) !== 0), random.below(64) | (flags << 16), 0];
  grantCall(fuzzer, 'copy', 5, 36, list);
}

function tables(fuzzer: Fuzzer): void {
  const { machine, random } = fuzzer;
  const { mappings } = machine.domain.grantTable;
  // Everything unmapped now and then, or no version ever changes.
  for (const [handle, mapping] of mappings.entries()) {
    if (mapping === undefined || random.below(2) === 0) continue;
    const bus = wide(mapping.mfn * 4096);
    for (let place = 0; place < 8 && mappings[handle] === mapping; place++)
      grantCall(fuzzer, 'unmap_grant_ref', 1, 20, [wide(va(PLACES + place)), bus, handle, 0]);
  }
  switch (random.below(5)) {
    case 0:
      words(fuzzer, SCRATCH, [1 + random.below(2)]);
      fuzzer.note('grant_table_op.set_version', machine.hypercall(20, 8, SCRATCH, 1));
      break;
    case 1:
      grantCall(fuzzer, 'setup_table', 2, 8, [DOMID_SELF, random.below(4), 0, 0, wide(LIST)]);
      break;
    case 2:
      grantCall(fuzzer, 'get_status_frames', 9, 6, [random.below(2), DOMID_SELF, wide(LIST)]);
      break;
    case 3:
      grantCall(fuzzer, 'swap_grant_ref', 11, 8, [FIRST_REF + random.below(REFS), FIRST_REF + random.below(REFS), 0]);
      break;
    default:
      transfer(fuzzer);
  }
}

/** A page unmapped and given away, to oneself or the other domain, which asked for one. */
function transfer(fuzzer: Fuzzer): void {
  const { machine, random } = fuzzer;
  const pfn = PFN_FREE + 30 + random.below(8);
  const frame = machine.domain.mfnOf(pfn);
  const taker = fuzzer.pick([machine.domain, other(fuzzer)]);
  const ref = FIRST_REF + random.below(REFS);
  if (frame === undefined || ref >= taker.grantTable.entries) return;
  if (random.below(4) !== 0) fuzzer.mapping(va(pfn), 0);
  if (random.below(4) !== 0) {
    const address = grantEntryAddress(taker.grantTable, ref);
    machine.ram.write64(address, 2 | (1 << 16), taker.grantTable.version === 1 ? pfn : 0);
    if (taker.grantTable.version === 2) machine.ram.write64((address + 8) as MachineAddress, pfn, 0);
  }
  taker.maxPages = Math.max(taker.maxPages, taker.totalPages + random.below(2));
  grantCall(fuzzer, 'transfer', 4, 16, [frame, 0, taker.domid, ref, 0, 0]);
}

// Memory.

function memory(fuzzer: Fuzzer): void {
  const { machine, random } = fuzzer;
  const pfn = PFN_FREE + 20 + random.below(8);
  const frame = machine.domain.mfnOf(pfn);
  if (frame !== undefined && random.below(3) !== 0) fuzzer.mapping(va(pfn), 0);
  const reservation = (order: number, flags: number): Word[] => [wide(LIST), [1, 0], order, flags, DOMID_SELF, 0];
  words(fuzzer, LIST, [wide(random.below(8) === 0 ? fuzzer.frame() : (frame ?? 0))]);
  const order = random.below(6) === 0 ? random.below(11) : 0;
  const taken = call(fuzzer, 'memory_op.decrease_reservation', 12, 1, ...reservation(order, 0)) > 0;
  if (!taken && random.below(4) !== 0) return;
  words(fuzzer, LIST, [wide(pfn)]);
  const flags = fuzzer.pick([0, 0, 0, 31, 40, 12]);
  const name = fuzzer.pick(['populate_physmap', 'populate_physmap', 'increase_reservation']);
  if (call(fuzzer, `memory_op.${name}`, 12, name === 'populate_physmap' ? 6 : 0, ...reservation(0, flags)) <= 0) return;
  const fresh = machine.peek32(LIST);
  fuzzer.store(0, fresh * 4096 + 1);
  fuzzer.store(1, pfn);
  fuzzer.note('mmu_update', machine.hypercall(1, SCRATCH, 1, 0, DOMID_SELF));
  fuzzer.mapping(va(pfn), fresh * 4096 + (P | RW | U | A | D));
}

function exchange(fuzzer: Fuzzer): void {
  const { machine, random } = fuzzer;
  const pfn = PFN_FREE + 10 + random.below(8);
  const order = random.below(2);
  const frames = Array.from(
    { length: 1 << order },
    (_, index): number => machine.domain.mfnOf(pfn + index) ?? fuzzer.frame(),
  );
  const unmapped = random.below(4) !== 0;
  for (let index = 0; unmapped && index < frames.length; index++) fuzzer.mapping(va(pfn + index), 0);
  if (random.below(8) === 0) frames[0] = fuzzer.frame();
  words(fuzzer, LIST, frames.map(wide));
  words(fuzzer, LIST + 64, [wide(pfn)]);
  const half = (list: number, count: number, extentOrder: number): Word[] => [
    wide(list),
    [count, 0],
    extentOrder,
    0,
    DOMID_SELF,
    0,
  ];
  call(fuzzer, 'memory_op.exchange', 12, 11, ...half(LIST, frames.length, 0), ...half(LIST + 64, 1, order), [0, 0]);
  if (at(fuzzer, 64) !== frames.length) return;
  const first = machine.peek32(LIST + 64);
  for (let index = 0; index < frames.length; index++)
    fuzzer.mapping(va(pfn + index), (first + index) * 4096 + (P | RW | U | A | D));
}

// vCPUs, timers, and whatever is asked with one simple structure.

const AREA = va(PFN_FREE + 40);

function vcpus(fuzzer: Fuzzer): void {
  const { machine, random } = fuzzer;
  const op = (name: string, command: number, vcpu: number, pointer: number, ...list: readonly Word[]): void => {
    words(fuzzer, SCRATCH, list);
    fuzzer.note(`vcpu_op.${name}`, machine.hypercall(24, command, vcpu, pointer));
  };
  op('set_periodic_timer', 6, random.below(2), SCRATCH, fuzzer.pick([1_000_000, 5_000_000, 10]), 0);
  op('set_singleshot_timer', 8, 0, SCRATCH, wide(machine.clock.now() + random.below(100)), 0, 0);
  op('register_runstate_memory_area', 5, random.below(2), SCRATCH, wide(fuzzer.pick([AREA, fuzzer.address()])), 0, 0);
  op('register_vcpu_time_memory_area', 13, random.below(2), SCRATCH, wide(fuzzer.pick([AREA, fuzzer.address()])), 0, 0);
  op('send_nmi', 11, random.below(3), 0);
  op('down', 2, 1, 0);
  op('up', 1, random.below(2), 0);
  op('is_up', 3, random.below(2), 0);
  op('get_runstate_info', 4, random.below(2), SCRATCH);
  op('stop_periodic_timer', 7, random.below(2), 0);
  op('stop_singleshot_timer', 9, random.below(2), 0);
  fuzzer.note('vm_assist', machine.hypercall(21, random.below(2), random.below(7)));
}

const SIMPLE: readonly (readonly [name: string, number: number, command: number, words: readonly Word[]])[] = [
  ['xen_version.pagesize', 17, 7, []],
  ['xen_version.version', 17, 0, []],
  ['xen_version.extraversion', 17, 1, []],
  ['xen_version.compile_info', 17, 2, []],
  ['xen_version.capabilities', 17, 3, []],
  ['xen_version.changeset', 17, 4, []],
  ['xen_version.platform_parameters', 17, 5, []],
  ['xen_version.get_features', 17, 6, [0, 0]],
  ['xen_version.guest_handle', 17, 8, []],
  ['xen_version.commandline', 17, 9, []],
  ['memory_op.maximum_ram_page', 12, 2, []],
  ['memory_op.machphys_mfn_list', 12, 5, [1, 0, wide(LIST), 0, 0]],
  ['memory_op.machphys_mapping', 12, 12, []],
  ['memory_op.set_memory_map', 12, 13, [DOMID_SELF, 0, 1, 0, wide(LIST)]],
  ['memory_op.maximum_gpfn', 12, 14, [DOMID_SELF]],
  ['memory_op.machphys_compat_mfn_list', 12, 25, [1, 0, wide(LIST), 0, 0]],
  ['hvm_op.get_time', 34, 10, []],
  ['hvm_op.xentrace', 34, 11, [0]],
  ['sched_op.watchdog', 29, 6, [0, 1000]],
  ['sched_op.shutdown_code', 29, 5, [0]],
  ['physdev_op.irq_status_query', 33, 5, [5, 0]],
  ['physdev_op.set_iopl', 33, 6, [1]],
  ['physdev_op.set_iobitmap', 33, 7, [[0, 0], 8, 0]],
  ['physdev_op.get_free_pirq', 33, 23, [1, 0]],
  ['physdev_op.eoi', 33, 12, [16]],
  ['memory_op.reserved_device_memory_map', 12, 27, [0, 0, [0, 0], 0, 0, 0]],
  ['memory_op.current_reservation', 12, 3, [DOMID_SELF]],
  ['memory_op.maximum_reservation', 12, 4, [DOMID_SELF]],
  ['memory_op.memory_map', 12, 9, [1, 0, wide(LIST)]],
];

function simple(fuzzer: Fuzzer): void {
  const { machine } = fuzzer;
  const [name, number, command, list] = fuzzer.pick(SIMPLE);
  if (name === 'xen_version.pagesize') fuzzer.note(name, machine.hypercall(number, command, 0));
  else call(fuzzer, name, number, command, ...list);
  grantCall(fuzzer, 'query_size', 6, 12, [DOMID_SELF, 0, 0, 0]);
  words(fuzzer, SCRATCH, [DOMID_SELF, 0]);
  fuzzer.note('grant_table_op.get_version', machine.hypercall(20, 10, SCRATCH, 1));
  fuzzer.note('hvm_op.guest_request_vm_event', machine.hypercall(34, 24, 0));
  if (fuzzer.random.below(20) === 0) {
    words(fuzzer, SCRATCH, [wide(fuzzer.frame())]);
    const version = fuzzer.pick([1, 2]);
    fuzzer.note(`physdev_op.pirq_eoi_gmfn_v${version}`, machine.hypercall(33, version === 1 ? 17 : 28, SCRATCH));
  }
  const page = machine.domain.mfnOf(PFN_FREE + 9) ?? fuzzer.frame();
  const descriptor = fuzzer.pick([0x00cff30000000000, 0x00cffb0000000000, 0, 0x0000890000000000]);
  fuzzer.note('update_descriptor', machine.hypercall(10, page * 4096 + fuzzer.random.below(64) * 8, descriptor));
  words(fuzzer, SCRATCH, [wide(page * 4096), 64 | (64 << 16), fuzzer.random.below(4)]);
  fuzzer.note('grant_table_op.cache_flush', machine.hypercall(20, 12, SCRATCH, 1));
}

/** Several calls in one, good and bad ones. */
function multicall(fuzzer: Fuzzer): void {
  const { machine, random } = fuzzer;
  const entry = (op: number, ...args: readonly number[]): Word[] => [
    wide(op),
    [0, 0],
    ...Array.from({ length: 6 }, (_, index) => wide(args[index] ?? 0)),
  ];
  const pfn = PFN_FREE + random.below(8);
  const frame = machine.domain.mfnOf(pfn) ?? 0;
  const list = [
    ...entry(14, va(pfn), frame * 4096 + fuzzer.pick([P | A, P | RW | A, 0, P | 8])),
    ...entry(17, 0, 0),
    ...entry(fuzzer.pick([13, 55, 3, 5]), 1, 2),
  ];
  words(fuzzer, LIST, list);
  fuzzer.note('multicall', machine.hypercall(13, LIST, 3));
}

export const SEQUENCES: readonly ((fuzzer: Fuzzer) => void)[] = [
  events,
  boundEvents,
  grants,
  grants,
  grants,
  tables,
  memory,
  exchange,
  vcpus,
  simple,
  multicall,
];

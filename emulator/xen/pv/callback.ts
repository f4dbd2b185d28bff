import { highHalf, isCanonical, type VirtualAddress } from '../../base/numbers.ts';
import type { Domain } from '../common/domain.ts';
import { readStruct } from '../common/guest-access.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import { hex, isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import { type Callback, newTrapHandler, type TrapHandler, type Vcpu } from '../common/vcpu.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import type { Width } from '../public/struct.ts';
import {
  CALLBACK_REGISTER,
  CALLBACK_REGISTER_32,
  CALLBACK_UNREGISTER,
  CALLBACKF_MASK_EVENTS,
  XENNMI_CALLBACK,
} from '../public/xen-4/physdev.ts';
import { FLAT_COMPAT_RING1_CS, FLAT_RING3_CS64, TRAP_INFO } from '../public/xen-4/xen.ts';
import { fixedSelector } from './descriptor-tables.ts';

/** Callbacks, the trap table and the kernel stack (pv/callback.c, pv/misc-hypercalls.c). */

const NMI_VECTOR = 2;

/** One row per CALLBACKTYPE_: what registers it. 32-bit guests have no callback of 64-bit `syscall`. */
interface CallbackRow {
  readonly set: (vcpu: Vcpu, callback: Callback) => void;
  readonly only64?: boolean;
  /** A kernel can do without it. */
  readonly unset?: (vcpu: Vcpu) => void;
}

const CALLBACKS: Readonly<Record<number, CallbackRow>> = {
  0: {
    set: (vcpu, callback) => {
      vcpu.eventCallback = callback;
    },
  },
  1: {
    set: (vcpu, callback) => {
      vcpu.failsafeCallback = callback;
    },
  },
  2: {
    set: (vcpu, callback) => {
      vcpu.syscallCallback = callback;
    },
    only64: true,
  },
  4: {
    set: setNmiHandler,
    unset: (vcpu) => {
      vcpu.traps[NMI_VECTOR] = newTrapHandler();
    },
  },
  5: {
    set: (vcpu, callback) => {
      vcpu.sysenterCallback = callback;
    },
  },
  7: {
    set: (vcpu, callback) => {
      vcpu.syscall32Callback = callback;
    },
  },
};

function callbackRow(domain: Domain, type: number): CallbackRow | Refusal {
  const row = CALLBACKS[type];
  if (row === undefined || (row.only64 === true && domain.width === 32))
    return refuse('ENOSYS', `there is no callback type ${type}`);
  return row;
}

function setNmiHandler(vcpu: Vcpu, callback: Callback): void {
  vcpu.nmiCallback = callback;
  const cs = kernelCs(vcpu.domain.width);
  vcpu.traps[NMI_VECTOR] = { address: callback.address, cs, dpl: 0, maskEvents: true };
}

/** Code selector of kernels, as Xen provides it. */
export function kernelCs(width: Width): number {
  return width === 64 ? FLAT_RING3_CS64 : FLAT_COMPAT_RING1_CS;
}

export function checkAddress(address: number): Refusal | undefined {
  return isCanonical(highHalf(address)) ? undefined : refuse('EINVAL', `address ${hex(address)} is not canonical`);
}

/** HYPERVISOR_callback_op: CALLBACKOP_register. */
export function doCallbackRegister({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  const given = readCallback(xen, domain, args.address(1));
  if (isRefusal(given)) return given;
  const { type, flags, address, cs } = given;
  const bad = checkAddress(address);
  if (bad !== undefined) return bad;
  const row = callbackRow(domain, type);
  if (isRefusal(row)) return row;
  row.set(vcpu, { address, cs, maskEvents: (flags & CALLBACKF_MASK_EVENTS) !== 0 });
  return 0;
}

function readCallback(
  xen: Hypervisor,
  domain: Domain,
  at: VirtualAddress,
): { type: number; flags: number; address: VirtualAddress; cs: number } | Refusal {
  if (domain.width === 64) {
    const op = readStruct(xen, domain, at, CALLBACK_REGISTER);
    if (isRefusal(op)) return op;
    return { type: op.get('type'), flags: op.get('flags'), address: op.get('address') as VirtualAddress, cs: 0 };
  }
  const op = readStruct(xen, domain, at, CALLBACK_REGISTER_32);
  if (isRefusal(op)) return op;
  const cs = fixedSelector(op.get('address_cs') & 0xffff, 32);
  return { type: op.get('type'), flags: op.get('flags'), address: op.get('address_eip') as VirtualAddress, cs };
}

/** CALLBACKOP_unregister: what a kernel cannot do without stays. */
export function doCallbackUnregister({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  const op = readStruct(xen, domain, args.address(1), CALLBACK_UNREGISTER);
  if (isRefusal(op)) return op;
  const type = op.get('type');
  const row = callbackRow(domain, type);
  if (isRefusal(row)) return row;
  if (row.unset === undefined) return refuse('EINVAL', `callback type ${type} cannot be unregistered`);
  row.unset(vcpu);
  return 0;
}

/** HYPERVISOR_set_callbacks(event, failsafe, syscall); 32-bit: selector and offset of event, then of failsafe. */
export function doSetCallbacks({ domain, vcpu, args }: HypercallContext): HypercallResult {
  if (domain.width === 32) {
    const callback = (index: number): { address: VirtualAddress; cs: number } => ({
      address: args.address(index + 1),
      cs: fixedSelector(args.u32(index) & 0xffff, 32),
    });
    vcpu.eventCallback = { ...callback(0), maskEvents: true };
    vcpu.failsafeCallback = { ...callback(2), maskEvents: false };
    return 0;
  }
  // Xen passes over an address that is not canonical, and the call succeeds all the same.
  const given = (index: number, maskEvents: boolean, before: Callback): Callback =>
    checkAddress(args.address(index)) === undefined ? { address: args.address(index), cs: 0, maskEvents } : before;
  vcpu.eventCallback = given(0, true, vcpu.eventCallback);
  vcpu.failsafeCallback = given(1, false, vcpu.failsafeCallback);
  vcpu.syscallCallback = given(2, false, vcpu.syscallCallback);
  return 0;
}

/** HYPERVISOR_set_trap_table(table): ends with address 0. A null table clears all. */
export function doSetTrapTable({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  const table = args.address(0);
  if (table === 0) {
    for (let vector = 0; vector < 256; vector++) vcpu.traps[vector] = newTrapHandler();
    return 0;
  }
  const size = TRAP_INFO[domain.width].size;
  for (let index = 0; ; index++) {
    const entry = readStruct(xen, domain, (table + index * size) as VirtualAddress, TRAP_INFO);
    if (isRefusal(entry)) return entry;
    const address = entry.get('address') as VirtualAddress;
    if (address === 0) return 0;
    const bad = checkAddress(address);
    if (bad !== undefined) return bad;
    const vector = entry.get('vector');
    vcpu.traps[vector] = trapHandler(domain.width, address, entry.get('cs'), entry.get('flags'));
    if (vector === NMI_VECTOR && vcpu.nmiPending) xen.wake(vcpu);
  }
}

/** The code selector that a 64-bit guest gives is not used: handlers run in Xen's flat one. */
export function trapHandler(width: Width, address: VirtualAddress, selector: number, flags: number): TrapHandler {
  const cs = width === 64 ? FLAT_RING3_CS64 : fixedSelector(selector, 32);
  return { address, cs, dpl: flags & 3, maskEvents: (flags & 4) !== 0 };
}

/** HYPERVISOR_nmi_op. */
export function doNmiRegister({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  const op = readStruct(xen, domain, args.address(1), XENNMI_CALLBACK);
  if (isRefusal(op)) return op;
  const address = op.get('handler_address') as VirtualAddress;
  const bad = checkAddress(address);
  if (bad !== undefined) return bad;
  setNmiHandler(vcpu, { address, cs: 0, maskEvents: true });
  return 0;
}

export function doNmiUnregister({ vcpu }: HypercallContext): HypercallResult {
  vcpu.traps[NMI_VECTOR] = newTrapHandler();
  return 0;
}

/** HYPERVISOR_stack_switch(ss, sp). */
export function doStackSwitch({ domain, vcpu, args }: HypercallContext): HypercallResult {
  vcpu.kernelSs = fixedSelector(args.u32(0) & 0xffff, domain.width);
  vcpu.kernelSp = args.address(1);
  return 0;
}

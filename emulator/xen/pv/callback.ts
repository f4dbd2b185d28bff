import { highHalf, isCanonical, type VirtualAddress } from '../../base/numbers.ts';
import { readStruct } from '../common/guest-access.ts';
import { hex, isRefusal, type Refusal, refuse } from '../common/refusal.ts';
import { type Callback, newTrapHandler, type TrapHandler, type Vcpu } from '../common/vcpu.ts';
import type { HypercallContext, HypercallResult } from '../hypercall/call.ts';
import { CALLBACK_REGISTER, CALLBACK_UNREGISTER, CALLBACKF_MASK_EVENTS } from '../public/xen-4/physdev.ts';
import { FLAT_RING3_CS64, TRAP_INFO } from '../public/xen-4/xen.ts';

/** Callbacks, the trap table and the kernel stack (pv/callback.c, pv/misc-hypercalls.c). */

const NMI_VECTOR = 2;

/** Which of a vCPU's callbacks a CALLBACKTYPE_ number names. */
const SLOTS: Readonly<Record<number, (vcpu: Vcpu, callback: Callback) => void>> = {
  0: (vcpu, callback) => {
    vcpu.eventCallback = callback;
  },
  1: (vcpu, callback) => {
    vcpu.failsafeCallback = callback;
  },
  2: (vcpu, callback) => {
    vcpu.syscallCallback = callback;
  },
  // The deprecated sysenter number is taken for the new one.
  3: (vcpu, callback) => {
    vcpu.sysenterCallback = callback;
  },
  4: setNmiHandler,
  5: (vcpu, callback) => {
    vcpu.sysenterCallback = callback;
  },
  7: (vcpu, callback) => {
    vcpu.syscall32Callback = callback;
  },
};

function setNmiHandler(vcpu: Vcpu, callback: Callback): void {
  vcpu.nmiCallback = callback;
  vcpu.traps[NMI_VECTOR] = { address: callback.address, cs: FLAT_RING3_CS64, dpl: 0, maskEvents: true };
}

export function checkAddress(address: number): Refusal | undefined {
  return isCanonical(highHalf(address)) ? undefined : refuse('EINVAL', `address ${hex(address)} is not canonical`);
}

/** HYPERVISOR_callback_op: CALLBACKOP_register. */
export function doCallbackRegister({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  const op = readStruct(xen, domain, args.address(1), CALLBACK_REGISTER);
  if (isRefusal(op)) return op;
  const type = op.get('type');
  const address = op.get('address') as VirtualAddress;
  const bad = checkAddress(address);
  if (bad !== undefined) return bad;
  const slot = SLOTS[type];
  if (slot === undefined) return refuse('ENOSYS', `there is no callback type ${type}`);
  slot(vcpu, { address, maskEvents: (op.get('flags') & CALLBACKF_MASK_EVENTS) !== 0 });
  return 0;
}

/** CALLBACKOP_unregister: what a kernel cannot do without stays. */
export function doCallbackUnregister({ xen, domain, vcpu, args }: HypercallContext): HypercallResult {
  const op = readStruct(xen, domain, args.address(1), CALLBACK_UNREGISTER);
  if (isRefusal(op)) return op;
  const type = op.get('type');
  if (type === 0 || type === 1 || type === 2 || type === 3 || type === 5) {
    return refuse('EINVAL', `callback type ${type} cannot be unregistered`);
  }
  if (type !== NMI_CALLBACK) return refuse('ENOSYS', `there is no callback type ${type}`);
  vcpu.traps[NMI_VECTOR] = newTrapHandler();
  return 0;
}

const NMI_CALLBACK = 4;

/** HYPERVISOR_set_callbacks(event, failsafe, syscall), the 64-bit form. */
export function doSetCallbacks({ vcpu, args }: HypercallContext): HypercallResult {
  for (let index = 0; index < 3; index++) {
    const bad = checkAddress(args.address(index));
    if (bad !== undefined) return bad;
  }
  vcpu.eventCallback = { address: args.address(0), maskEvents: true };
  vcpu.failsafeCallback = { ...vcpu.failsafeCallback, address: args.address(1) };
  vcpu.syscallCallback = { ...vcpu.syscallCallback, address: args.address(2) };
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
    vcpu.traps[vector] = trapHandler(address, entry.get('flags'));
    if (vector === NMI_VECTOR && vcpu.nmiPending) xen.wake(vcpu);
  }
}

/** The code selector that a 64-bit guest gives is not used: handlers run in Xen's flat one. */
function trapHandler(address: VirtualAddress, flags: number): TrapHandler {
  return { address, cs: FLAT_RING3_CS64, dpl: flags & 3, maskEvents: (flags & 4) !== 0 };
}

/** HYPERVISOR_nmi_op. */
export function doNmiRegister({ xen, vcpu, args }: HypercallContext): HypercallResult {
  const bytes = xen.processor.readVirtual(args.address(1), 8);
  if (bytes === undefined) return refuse('EFAULT', 'xennmi_callback cannot be read');
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const address = (view.getInt32(4, true) * 4294967296 + view.getUint32(0, true)) as VirtualAddress;
  const bad = checkAddress(address);
  if (bad !== undefined) return bad;
  setNmiHandler(vcpu, { address, maskEvents: true });
  return 0;
}

export function doNmiUnregister({ vcpu }: HypercallContext): HypercallResult {
  vcpu.traps[NMI_VECTOR] = newTrapHandler();
  return 0;
}

/** HYPERVISOR_stack_switch(ss, sp). */
export function doStackSwitch({ vcpu, args }: HypercallContext): HypercallResult {
  vcpu.kernelSs = args.u32(0) | 3;
  vcpu.kernelSp = args.address(1);
  return 0;
}

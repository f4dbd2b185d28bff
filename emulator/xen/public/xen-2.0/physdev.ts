import { struct } from '../struct.ts';

/** public/physdev.h of Xen 2.0: a command, padding, and a union of which each command has its part; 40 bytes. */

const CMD = { cmd: 'u32', pad0: 'u32' } as const;
const DEVICE = { bus: 'u32', dev: 'u32', func: 'u32' } as const;

export const PHYSDEV_PCI_CFGREG = struct('physdev_op', {
  ...CMD,
  ...DEVICE,
  reg: 'u32',
  len: 'u32',
  value: 'u32',
  pad1: { type: 'u32', count: 2 },
});
export const PHYSDEV_PCI_DEVICE = struct('physdev_op', { ...CMD, ...DEVICE, pad1: { type: 'u32', count: 5 } });
export const PHYSDEV_PCI_ROOT_BUSES = struct('physdev_op', {
  ...CMD,
  busmask: { type: 'u32', count: 8, format: 'hex', out: true },
});
export const PHYSDEV_IRQ_STATUS = struct('physdev_op', {
  ...CMD,
  irq: 'u32',
  flags: { type: 'u32', out: true, format: { flags: { 1: 'NEEDS_UNMASK_NOTIFY' } } },
  pad1: { type: 'u32', count: 6 },
});

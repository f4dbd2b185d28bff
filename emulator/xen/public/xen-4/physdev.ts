import { type StructDefinition, struct } from '../struct.ts';

/** public/physdev.h and callback.h, nmi.h, xenpmu.h as far as a domU meets them. */

export const PHYSDEV_EOI = struct('physdev_eoi', { irq: 'u32' });
export const PHYSDEV_IRQ_STATUS_QUERY = struct('physdev_irq_status_query', {
  irq: 'u32',
  flags: { type: 'u32', out: true },
});
export const PHYSDEV_SET_IOPL = struct('physdev_set_iopl', { iopl: 'u32' });
export const PHYSDEV_SET_IOBITMAP = struct('physdev_set_iobitmap', { bitmap: 'pointer', nr_ports: 'u32' });
export const PHYSDEV_APIC = struct('physdev_apic', {
  apic_physbase: 'ulong',
  reg: 'u32',
  value: { type: 'u32', out: true },
});
export const PHYSDEV_IRQ = struct('physdev_irq', { irq: 'u32', vector: { type: 'u32', out: true } });
export const PHYSDEV_MAP_PIRQ = struct('physdev_map_pirq', {
  domid: { type: 'u16', format: 'domid' },
  type: 's32',
  index: 's32',
  pirq: 's32',
  bus: 's32',
  devfn: 's32',
  entry_nr: 's32',
  table_base: 'u64',
});
export const PHYSDEV_UNMAP_PIRQ = struct('physdev_unmap_pirq', {
  domid: { type: 'u16', format: 'domid' },
  pirq: 's32',
});
export const PHYSDEV_MANAGE_PCI = struct('physdev_manage_pci', { bus: 'u8', devfn: 'u8' });
export const PHYSDEV_MANAGE_PCI_EXT = struct('physdev_manage_pci_ext', {
  bus: 'u8',
  devfn: 'u8',
  is_extfn: 'u32',
  is_virtfn: 'u32',
  physfn_bus: 'u8',
  physfn_devfn: 'u8',
});
export const PHYSDEV_SETUP_GSI = struct('physdev_setup_gsi', { gsi: 's32', triggering: 'u8', polarity: 'u8' });
export const PHYSDEV_PCI_DEVICE = struct('physdev_pci_device', { seg: 'u16', bus: 'u8', devfn: 'u8' });
export const PHYSDEV_GET_FREE_PIRQ = struct('physdev_get_free_pirq', { type: 's32', pirq: { type: 'u32', out: true } });
/** The old entry (hypercall 19): cmd, then the operation's structure. */
export const PHYSDEV_OP_COMPAT = struct('physdev_op', { cmd: 'u32', u: { type: 'ulong', count: 2 } });

export const CALLBACK_NAMES: Readonly<Record<number, string>> = {
  0: 'event',
  1: 'failsafe',
  2: 'syscall',
  3: 'sysenter_deprecated',
  4: 'nmi',
  5: 'sysenter',
  7: 'syscall32',
};
export const CALLBACK_REGISTER = struct('callback_register', {
  type: { type: 'u16', format: { values: CALLBACK_NAMES } },
  flags: 'u16',
  address: 'pointer',
});
/** Compat guests give a selector and an offset. */
export const CALLBACK_REGISTER_32 = struct('callback_register', {
  type: { type: 'u16', format: { values: CALLBACK_NAMES } },
  flags: 'u16',
  address_cs: 'u32',
  address_eip: 'u32',
});
/** Both, for showing. */
export const CALLBACK_REGISTER_SHOWN: StructDefinition<string> = {
  name: 'callback_register',
  64: CALLBACK_REGISTER[64],
  32: CALLBACK_REGISTER_32[32],
};
export const CALLBACK_UNREGISTER = struct('callback_unregister', {
  type: { type: 'u16', format: { values: CALLBACK_NAMES } },
  unused: 'u16',
});
export const CALLBACKF_MASK_EVENTS = 1;

export const XENNMI_CALLBACK = struct('xennmi_callback', { handler_address: 'pointer', pad: 'ulong' });

export const XENPMU_PARAMS = struct('xen_pmu_params', {
  version_maj: 'u32',
  version_min: 'u32',
  val: 'u64',
  vcpu: 'u32',
  pad: 'u32',
});

import { expect } from 'vitest';
import { HYPERCALL_ROWS } from '../../../../emulator/xen/hypercall/table.ts';

/**
 * Operations that no argument makes succeed for a domU, or that the fuzz leaves out because they end or stop the vCPU.
 * Everything else of the table must have succeeded.
 */
const OUT_OF_REACH: ReadonlySet<string> = new Set([
  ...['sched_op', 'sched_op_compat', 'iret'],
  ...['platform_op', 'sysctl', 'domctl', 'kexec_op', 'hypfs_op', 'dm_op', 'mca', 'paging_domctl_cont', 'console_io'],
  ...['xsm_op', 'xenoprof_op', 'tmem_op', 'argo_op', 'xenpmu_op'],
  ...['event_channel_op.bind_pirq', 'grant_table_op.dump_table', 'vcpu_op.initialise', 'vcpu_op.get_physid'],
  'xen_version.build_id',
]);
const REFUSED: Readonly<Record<string, RegExp>> = {
  memory_op:
    /^(add_to_physmap|add_to_physmap_batch|machine_memory_map|remove_from_physmap|[sg]et_pod_target|paging_op|access_op|sharing_op|claim_pages|get_vnumainfo|acquire_resource|get_sharing_\w+)$/,
  physdev_op:
    /^(apic_\w+|alloc_irq_vector|map_pirq|unmap_pirq|manage_pci_\w+|restore_msi\w*|setup_gsi|pci_\w+|dbgp_op|\w+_msix)$/,
  hvm_op: /^(set_param|get_param|flush_tlbs|pagetable_dying|get_mem_type|set_evtchn_upcall_vector|altp2m)$/,
};

/** Names of all operations that a domU can have succeed. */
export function reachable(): string[] {
  return HYPERCALL_ROWS.flatMap(({ name, suboperations }) => {
    if (OUT_OF_REACH.has(name)) return [];
    if (suboperations === undefined) return name === 'mmuext_op' ? [] : [name];
    return suboperations
      .filter((suboperation) => REFUSED[name]?.test(suboperation.name) !== true)
      .map((suboperation) => `${name}.${suboperation.name}`);
  }).filter((name) => !OUT_OF_REACH.has(name));
}

export function expectCoverage(successes: ReadonlyMap<string, number>): void {
  expect(reachable().filter((name) => (successes.get(name) ?? 0) === 0)).toEqual([]);
}

/** How often each operation succeeded, one line each. */
export function report(successes: ReadonlyMap<string, number>): string {
  return [...successes]
    .sort()
    .map(([name, count]) => `${name} ${count}`)
    .join('\n');
}

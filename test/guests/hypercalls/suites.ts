/** The test kernels: one for each interface of Xen that numbers its hypercalls in its own way. */
export interface Suite {
  /** As `xen_abi` has it. */
  readonly abi: '4' | '2.0';
  /** Its folder: one folder inside it for each hypercall, and `framework`. */
  readonly folder: string;
  /** Sources of another suite's framework that it shares. */
  readonly shared: readonly string[];
  readonly widths: readonly Width[];
}

export type Width = 64 | 32;

export const XEN_4: Suite = { abi: '4', folder: 'test/guests/hypercalls', shared: [], widths: [64, 32] };

const FRAMEWORK = `${XEN_4.folder}/framework`;

export const XEN_2_0: Suite = {
  abi: '2.0',
  folder: 'test/guests/hypercalls-2.0',
  shared: ['checks.c', 'command-line.c', 'string.c', 'test.h', 'text.h', 'public/errno.h'].map(
    (file) => `${FRAMEWORK}/${file}`,
  ),
  widths: [32],
};

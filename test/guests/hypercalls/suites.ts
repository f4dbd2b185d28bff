/** The test kernels: one for each interface of Xen that numbers its hypercalls in its own way. */
export interface Suite {
  /** As `xen_abi` has it. */
  readonly abi: '4' | '2.0' | '1.2';
  /** Its folder: one folder inside it for each hypercall, and `framework`. */
  readonly folder: string;
  /** Folders of other suites where headers are looked for as well. */
  readonly includes: readonly string[];
  /** Sources of other suites' frameworks that it shares. */
  readonly shared: readonly string[];
  /** Tests of other suites that hold for it too: folders. */
  readonly sharedTests: readonly string[];
  readonly widths: readonly Width[];
}

export type Width = 64 | 32;

export const XEN_4: Suite = {
  abi: '4',
  folder: 'test/guests/hypercalls',
  includes: [],
  shared: [],
  sharedTests: [],
  widths: [64, 32],
};

const FRAMEWORK_4 = `${XEN_4.folder}/framework`;
const TEXT_AND_CHECKS = ['checks.c', 'command-line.c', 'string.c', 'test.h', 'text.h', 'public/errno.h'].map(
  (file) => `${FRAMEWORK_4}/${file}`,
);

export const XEN_2_0: Suite = {
  abi: '2.0',
  folder: 'test/guests/hypercalls-2.0',
  includes: [FRAMEWORK_4],
  shared: TEXT_AND_CHECKS,
  sharedTests: [],
  widths: [32],
};

const FRAMEWORK_2_0 = `${XEN_2_0.folder}/framework`;

export const XEN_1_2: Suite = {
  abi: '1.2',
  folder: 'test/guests/hypercalls-1.2',
  includes: [FRAMEWORK_2_0, FRAMEWORK_4],
  shared: [...TEXT_AND_CHECKS, ...['start.S', 'traps.c', 'traps.h'].map((file) => `${FRAMEWORK_2_0}/${file}`)],
  sharedTests: [
    'fpu-taskswitch',
    'get-debugreg',
    'set-debugreg',
    'set-fast-trap',
    'set-trap-table',
    'stack-switch',
  ].map((folder) => `${XEN_2_0.folder}/${folder}`),
  widths: [32],
};

export const SUITES: readonly Suite[] = [XEN_4, XEN_2_0, XEN_1_2];

/** Exceptions by vector (SDM vol. 3, table 6-1), under the names of Xen's TRAP_… and of the manual. */
export interface TrapName {
  readonly vector: number;
  readonly name: string;
  readonly mnemonic: string;
  /** Why Xen never hands it to a PV guest. */
  readonly impossible?: string;
}

const NOT_DELIVERED =
  'Xen does not hand it to guests; a fault while one is delivered crashes the domain, which always stops';

export const TRAP_NAMES: readonly TrapName[] = [
  { vector: 0, name: 'divide_error', mnemonic: '#DE' },
  { vector: 1, name: 'debug', mnemonic: '#DB' },
  { vector: 2, name: 'nmi', mnemonic: 'NMI' },
  { vector: 3, name: 'int3', mnemonic: '#BP' },
  { vector: 4, name: 'overflow', mnemonic: '#OF' },
  { vector: 5, name: 'bounds', mnemonic: '#BR' },
  { vector: 6, name: 'invalid_op', mnemonic: '#UD' },
  { vector: 7, name: 'no_device', mnemonic: '#NM' },
  { vector: 8, name: 'double_fault', mnemonic: '#DF', impossible: NOT_DELIVERED },
  { vector: 9, name: 'coproc_seg', mnemonic: 'vector 9', impossible: 'no processor since the 80387 raises it' },
  { vector: 10, name: 'invalid_tss', mnemonic: '#TS' },
  { vector: 11, name: 'no_segment', mnemonic: '#NP' },
  { vector: 12, name: 'stack_error', mnemonic: '#SS' },
  { vector: 13, name: 'gp_fault', mnemonic: '#GP' },
  { vector: 14, name: 'page_fault', mnemonic: '#PF' },
  { vector: 15, name: 'spurious_int', mnemonic: 'vector 15', impossible: 'no processor raises it' },
  { vector: 16, name: 'copro_error', mnemonic: '#MF' },
  { vector: 17, name: 'alignment_check', mnemonic: '#AC' },
  { vector: 18, name: 'machine_check', mnemonic: '#MC', impossible: 'this machine has no machine checks' },
  { vector: 19, name: 'simd_error', mnemonic: '#XM' },
];

/** Other names of the same, as kernels and manuals have them. */
const ALIASES: Readonly<Record<string, string>> = {
  breakpoint: 'int3',
  general_protection: 'gp_fault',
  general_protection_fault: 'gp_fault',
  invalid_opcode: 'invalid_op',
  device_not_available: 'no_device',
  segment_not_present: 'no_segment',
  stack_segment: 'stack_error',
  divide: 'divide_error',
};

/** Also by mnemonic, with its "#" or without. */
export function trapByName(text: string): TrapName | undefined {
  const name = text.toLowerCase().replace(/^(trap_|#)/, '');
  const wanted = ALIASES[name] ?? name;
  return TRAP_NAMES.find((trap) => trap.name === wanted || trap.mnemonic.toLowerCase().replace('#', '') === wanted);
}

export function trapByVector(vector: number): TrapName | undefined {
  return TRAP_NAMES.find((trap) => trap.vector === vector);
}

/** "page_fault"; "0x80" for a vector without a name. */
export function trapTitle(vector: number): string {
  return trapByVector(vector)?.name ?? `0x${vector.toString(16)}`;
}

export const trapSpellings: readonly string[] = [...TRAP_NAMES.map(({ name }) => name), ...Object.keys(ALIASES)];

import type { CaseDraft } from '../case.ts';
import type { Form, FormGroup } from '../form.ts';
import { SELECTOR_CS, SELECTOR_DATA } from '../layout.ts';
import type { Random } from '../random.ts';

/**
 * Null, Linux's user segments (also with other RPLs), and one beyond every table. Kernel descriptors are left out: a
 * virtual machine may hide them.
 */
const SELECTORS: readonly number[] = [
  0,
  1,
  2,
  3,
  SELECTOR_DATA,
  SELECTOR_DATA,
  SELECTOR_CS,
  SELECTOR_DATA - 3,
  SELECTOR_DATA - 1,
  SELECTOR_CS - 2,
  0xfff8,
  0xfffb,
];

function selectors(draft: CaseDraft, random: Random): void {
  for (let i = 0; i < 16; i++) {
    if (i === 4) continue;
    draft.gpr[i] = ((draft.gpr[i] as bigint) & ~0xffffn) | BigInt(random.pick(SELECTORS));
  }
  for (let at = 0; at < draft.window.length; at += 2) draft.windowView.setUint16(at, random.pick(SELECTORS), true);
}

function forms(): Form[] {
  const common = { prepare: selectors, memoryBytes: 2, align: 2, only64: true, cases: 120 } as const;
  /** A register that took part in an address holds no selector of the list: what it names is the machine's. */
  const skip = (draft: CaseDraft): boolean => {
    if (draft.rmRegister !== undefined)
      return !SELECTORS.includes(Number((draft.gpr[draft.rmRegister] as bigint) & 0xffffn));
    return draft.place !== 'middle' && draft.place !== 'read-only crossing';
  };
  const loads = (
    [
      ['es', 0],
      ['ds', 3],
    ] as const
  ).map(([name, modrm]): Form => ({ ...common, name: `mov ${name}, r/m16`, opcode: [0x8e], modrm, skip }));
  const queries = ([16, 32, 64] as const).flatMap((size): Form[] => [
    { ...common, name: `lar r${size}, r/m16`, size, opcode: [0x0f, 0x02], modrm: 'register', skip },
    { ...common, name: `lsl r${size}, r/m16`, size, opcode: [0x0f, 0x03], modrm: 'register', skip },
  ]);
  return [
    ...loads,
    ...queries,
    { ...common, name: 'verr r/m16', opcode: [0x0f, 0x00], modrm: 4, skip },
    { ...common, name: 'verw r/m16', opcode: [0x0f, 0x00], modrm: 5, noPrefixes: true, skip },
  ];
}

export const SEGMENTS: FormGroup = { name: 'segments', forms: forms() };

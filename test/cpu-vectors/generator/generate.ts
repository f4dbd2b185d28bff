/**
 * Records what the real CPU does: `node run-typescript.mjs test/cpu-vectors/generator/generate.ts [group…]`.
 * Needs an x86-64 Linux and gcc. Makes the cases of every form, lets runner.c execute them, and writes
 * test/cpu-vectors/data/<group>.bin (see results.ts for the format). The cases depend on nothing but the tables.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { type CaseDraft, makeCases } from '../case.ts';
import type { FormGroup } from '../form.ts';
import { GROUPS } from '../groups.ts';
import { DATA_SIZE } from '../layout.ts';
import { encodeResult, type FormHeader, InputHash, type Result } from '../results.ts';

const directory = 'test/cpu-vectors';
/** Size of struct result in runner.c, and where its fields are. */
const RESULT = {
  error: 4,
  cr2: 8,
  rip: 16,
  flags: 24,
  gpr: 32,
  fpu: 160,
  diffLength: 672,
  diff: 674,
  size: 674 + 1024,
};
const COMPLETED = 256;

function cpuModel(): string {
  const info = readFileSync('/proc/cpuinfo', 'utf8');
  const field = (name: string): string => new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(info)?.[1] ?? '?';
  return `${field('model name')}, family ${field('cpu family')}, model ${field('model')}, stepping ${field('stepping')}`;
}

/** struct test_case of runner.c. */
function encodeCase(draft: CaseDraft): Uint8Array {
  const head = Buffer.alloc(40 + 128);
  head[1] = draft.untilBreak ? 1 : 0;
  head[2] = draft.fpu === undefined ? 0 : 1;
  head[3] = draft.code.length;
  head.writeUInt32LE(draft.codeAddress, 4);
  head.writeUInt32LE(draft.windowAddress, 8);
  head.writeUInt32LE(draft.flags, 12);
  head.set(draft.code, 16);
  head.writeUInt16LE(draft.window.length, 32);
  draft.gpr.forEach((value, i) => {
    head.writeBigUInt64LE(value, 40 + 8 * i);
  });
  return Buffer.concat([head, draft.fpu ?? new Uint8Array(0), draft.window]);
}

function decodeResult(record: Buffer): Result {
  const trap = record.readUInt32LE(0);
  const memory: { offset: number; bytes: Uint8Array }[] = [];
  const end = RESULT.diff + record.readUInt16LE(RESULT.diffLength);
  for (let at = RESULT.diff; at < end; ) {
    const length = record.readUInt16LE(at + 2);
    memory.push({ offset: record.readUInt16LE(at), bytes: record.subarray(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return {
    fault:
      trap === COMPLETED
        ? undefined
        : {
            vector: trap,
            errorCode: record.readUInt32LE(RESULT.error),
            cr2: record.readBigUInt64LE(RESULT.cr2),
          },
    rip: record.readBigUInt64LE(RESULT.rip),
    flags: record.readUInt32LE(RESULT.flags),
    gpr: BigUint64Array.from({ length: 16 }, (_, i) => record.readBigUInt64LE(RESULT.gpr + 8 * i)),
    memory,
    fpu: record.subarray(RESULT.fpu, RESULT.fpu + 512),
  };
}

function record(group: FormGroup, runner: string, temporary: string): void {
  const drafts: CaseDraft[] = [];
  const headers: { name: string; inputs: string; first: number }[] = [];
  for (const form of group.forms) {
    const hash = new InputHash();
    const first = drafts.length;
    for (const draft of makeCases(form)) {
      if (draft.windowAddress % 8 !== 0 || draft.window.length > DATA_SIZE) throw new Error(`window of ${form.name}`);
      hash.add(draft);
      drafts.push(draft);
    }
    if (headers.some((header) => header.name === form.name)) throw new Error(`two forms are named ${form.name}`);
    headers.push({ name: form.name, inputs: hash.digest(), first });
  }
  const input = join(temporary, 'cases');
  const output = join(temporary, 'results');
  writeFileSync(input, Buffer.concat(drafts.map(encodeCase)));
  execFileSync(runner, [input, output], { stdio: 'inherit' });
  const raw = readFileSync(output);
  const bodies: Uint8Array[] = [];
  const forms: FormHeader[] = [];
  let faults = 0;
  headers.forEach(({ name, inputs, first }, number) => {
    const end = headers[number + 1]?.first ?? drafts.length;
    let length = 0;
    for (let i = first; i < end; i++) {
      const result = decodeResult(raw.subarray(i * RESULT.size, (i + 1) * RESULT.size));
      if (result.fault !== undefined) faults++;
      const body = encodeResult(drafts[i] as CaseDraft, result);
      bodies.push(body);
      length += body.length;
    }
    forms.push({ name, cases: end - first, inputs, length });
  });
  const header = Buffer.from(JSON.stringify({ cpu: cpuModel(), forms }));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(header.length);
  const packed = brotliCompressSync(Buffer.concat([size, header, ...bodies]), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 },
  });
  mkdirSync(`${directory}/data`, { recursive: true });
  writeFileSync(`${directory}/data/${group.name}.bin`, packed);
  console.log(
    `${group.name}: ${group.forms.length} forms, ${drafts.length} cases, ${faults} faults, ${packed.length} bytes`,
  );
}

function main(wanted: readonly string[]): void {
  const temporary = mkdtempSync(join(tmpdir(), 'cpu-vectors-'));
  try {
    const runner = join(temporary, 'runner');
    execFileSync(
      'gcc',
      ['-static-pie', '-O2', '-Wall', '-fno-stack-protector', '-o', runner, `${directory}/generator/runner.c`],
      { stdio: 'inherit' },
    );
    for (const group of GROUPS)
      if (wanted.length === 0 || wanted.includes(group.name)) record(group, runner, temporary);
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

main(process.argv.slice(2));

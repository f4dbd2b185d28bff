import { ExpressionError } from '../expression/error.ts';
import { evaluateNumber } from '../expression/evaluator.ts';
import { decodeInteger } from '../expression/objects.ts';
import { U8, type ValueType } from '../expression/types.ts';
import type { SessionContext } from './context.ts';
import { frameEnvironment } from './frame-environment.ts';
import { describeFrame, frameMark, framesOf } from './stack.ts';
import type { FrameHandle } from './stop-data.ts';

type Command = (context: SessionContext, frame: FrameHandle, rest: string) => Promise<string>;

const HELP = `Expressions: registers ($rax or rax), symbols, numbers, C operators, casts, *(u64*)address, arguments of the
hypercall stopped at. Commands:
  x/COUNT FORMAT SIZE ADDRESS   memory; FORMAT x d u c s i, SIZE b h w g: x/8gx $rsp
  registers                     all registers
  bt                            the stack
  symbol ADDRESS                nearest symbol
  rings                         shared rings of the domain
  counters                      instructions and virtual time`;

const COMMANDS: Readonly<Record<string, Command>> = {
  help: () => Promise.resolve(HELP),
  registers: showRegisters,
  bt: showStack,
  symbol: showSymbol,
  rings: showRings,
  counters: showCounters,
};

export const COMMAND_NAMES: readonly string[] = ['x/', ...Object.keys(COMMANDS)];

/** Runs a debug-console command; undefined: the text is not one. Throws `ExpressionError`. */
export async function runCommand(
  context: SessionContext,
  frame: FrameHandle,
  text: string,
): Promise<string | undefined> {
  if (/^x(\/|\s)/.test(text)) return await examine(context, frame, text.slice(1).trim());
  const match = /^([a-z]+)(?:\s+(.*))?$/.exec(text);
  const command = match?.[1] !== undefined && Object.hasOwn(COMMANDS, match[1]) ? COMMANDS[match[1]] : undefined;
  // A symbol of the same name is reached with & before it.
  return command === undefined ? undefined : await command(context, frame, match?.[2] ?? '');
}

const SIZES: Readonly<Record<string, 1 | 2 | 4 | 8>> = { b: 1, h: 2, w: 4, g: 8 };
const MAXIMUM_COUNT = 4096;

/** gdb's x command. */
async function examine(context: SessionContext, frame: FrameHandle, text: string): Promise<string> {
  const match = /^(?:\/(\d*)([a-z]*))?\s*(.+)$/.exec(text);
  if (match?.[3] === undefined) throw new ExpressionError('Write x/8gx ADDRESS.');
  const letters = [...(match[2] ?? '')];
  const size = letters.map((letter) => SIZES[letter]).find((found) => found !== undefined) ?? 8;
  const format = letters.find((letter) => !(letter in SIZES)) ?? 'x';
  if (!/^[xducsi]$/.test(format)) throw new ExpressionError(`There is no format "${format}"; use x, d, u, c, s or i.`);
  const count = Math.min(match[1] === undefined || match[1] === '' ? 1 : Number(match[1]), MAXIMUM_COUNT);
  const address = BigInt.asUintN(64, await evaluateNumber(match[3], frameEnvironment(context, frame)));
  if (format === 'i') return await examineInstructions(context, address, count);
  if (format === 's') return await examineText(context, address);
  return await examineWords(context, address, count, format === 'c' ? 1 : size, format);
}

async function examineInstructions(context: SessionContext, address: bigint, count: number): Promise<string> {
  const list = await context.disassembler.around(await context.code(), address, 0, count);
  const symbols = await context.symbols();
  return list
    .map(({ address: at, text }) => {
      const symbol = symbols.describe(at);
      return `${hexadecimal(at)}${symbol === undefined ? '' : ` <${symbol}>`}:\t${text}`;
    })
    .join('\n');
}

async function examineText(context: SessionContext, address: bigint): Promise<string> {
  const bytes = await context.target.readMemory('virtual', hexadecimal(address), 1024);
  const end = bytes.indexOf(0);
  return JSON.stringify(String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end)));
}

async function examineWords(
  context: SessionContext,
  address: bigint,
  count: number,
  size: 1 | 2 | 4 | 8,
  format: string,
): Promise<string> {
  const bytes = await context.target.readMemory('virtual', hexadecimal(address), count * size);
  const type: ValueType = { kind: 'integer', size, signed: format === 'd', name: '' };
  const perLine = 16 / size;
  const lines: string[] = [];
  for (let index = 0; index < count; index += perLine) {
    const words: string[] = [];
    for (let at = index; at < Math.min(index + perLine, count); at++) {
      const part = bytes.subarray(at * size, (at + 1) * size);
      words.push(part.length < size ? '??' : formatWord(part, type, format));
    }
    lines.push(`${hexadecimal(address + BigInt(index * size))}:\t${words.join('\t')}`);
  }
  return lines.join('\n');
}

function formatWord(bytes: Uint8Array, type: ValueType, format: string): string {
  const value = decodeInteger(bytes, format === 'c' ? U8 : type);
  if (format === 'x') return `0x${value.toString(16).padStart(bytes.length * 2, '0')}`;
  return format === 'c' ? JSON.stringify(String.fromCharCode(Number(value))) : value.toString();
}

async function showRegisters(context: SessionContext, frame: FrameHandle): Promise<string> {
  const { general, segment, control, flags } = await context.stopped.registers(frame.vcpu);
  const lines = [general, segment, control].flatMap((group) =>
    Object.entries(group).map(([name, value]) => `${name.padEnd(14)}${value}`),
  );
  return [...lines, `${'rflags'.padEnd(14)}${flags.value} [${flags.words}]`].join('\n');
}

async function showStack(context: SessionContext, frame: FrameHandle): Promise<string> {
  const symbols = await context.symbols();
  const frames = await framesOf(context, context.stopped, frame.vcpu);
  return frames
    .map(
      ({ level, frame }) =>
        `#${level}  ${hexadecimal(frame.rip)} ${describeFrame(symbols, frame) ?? '??'}${frameMark(frame)}`,
    )
    .join('\n');
}

async function showSymbol(context: SessionContext, frame: FrameHandle, rest: string): Promise<string> {
  const address = BigInt.asUintN(64, await evaluateNumber(rest, frameEnvironment(context, frame)));
  return (await context.symbols()).describe(address) ?? `No symbol covers ${hexadecimal(address)}.`;
}

async function showRings(context: SessionContext, frame: FrameHandle): Promise<string> {
  const thread = (await context.target.threads()).find(({ vcpu }) => vcpu === frame.vcpu);
  const rings = await context.target.rings(thread?.domain ?? 0);
  if (rings.length === 0) return 'No rings.';
  return rings
    .map(({ name, mfn, port, indices }) => {
      const fields = indices.map((index) => `${index.name} ${index.value}`).join(', ');
      return `${name}: mfn ${mfn}, port ${port}, ${fields}`;
    })
    .join('\n');
}

async function showCounters(context: SessionContext): Promise<string> {
  const { instructions, virtualSeconds } = await context.target.statistics();
  return `${instructions} instructions, ${virtualSeconds.toFixed(6)} s of virtual time`;
}

const hexadecimal = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;

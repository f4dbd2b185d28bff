/**
 * One gdb at the other end: the remote serial protocol (gdb manual, appendix E), all-stop. Threads are vCPUs, numbered
 * from 1.
 *
 * NOT IMPLEMENTED: non-stop mode, multiprocess extensions, memory of another vCPU's address space than the running one's,
 * file I/O, tracepoints, reverse execution.
 */
import { DisposableStore } from '../../emulator/base/disposable.ts';
import { Emitter } from '../../emulator/base/event.ts';
import type { DebugTarget, StopEvent, ThreadInfo } from '../../emulator/debug/target.ts';
import { monitor } from './monitor.ts';
import {
  ACKNOWLEDGE,
  ASK_AGAIN,
  encodePacket,
  fromHex,
  hexOfText,
  type Incoming,
  MAXIMUM_PACKET,
  PacketReader,
  toHex,
} from './packet.ts';
import { Points } from './points.ts';
import { decodeRegister, encodeRegister } from './register-values.ts';
import { type RegisterRow, registerRows, targetXml } from './target-description.ts';

/** Numbers of gdb's own signals (gdb/signals.h). */
const SIGNAL_INT = 2;
const SIGNAL_TRAP = 5;
const SIGNAL_SEGV = 11;
const EINVAL = 'E16';
const EFAULT = 'E0e';
const OK = 'OK';
/** An empty answer: not supported. */
const UNKNOWN = '';

/** Answers what goes back; undefined: nothing yet, a stop reply will come. */
type Handler = (rest: string) => string | undefined | Promise<string | undefined>;

const threadId = (vcpu: number): string => (vcpu + 1).toString(16);

export class GdbSession {
  private readonly disposables = new DisposableStore();
  private readonly ended = this.disposables.add(new Emitter<'detached' | 'killed'>());
  private readonly reader = new PacketReader();
  private readonly points: Points;
  private readonly hypercalls = new Set<string>();
  private acknowledging = true;
  private running = false;
  private vcpu = 0;
  private lastStop: StopEvent | undefined;
  private lastSent: Uint8Array = new Uint8Array();
  /** Packets are answered one after the other. */
  private queue: Promise<void> = Promise.resolve();
  /** gdb is done with the machine. */
  readonly onEnded = this.ended.event;

  /** By the longest prefix that fits. */
  private readonly handlers: readonly (readonly [prefix: string, handler: Handler])[] = [
    ['?', () => this.stopReply()],
    ['D', () => this.detach()],
    ['G', (rest) => this.writeAllRegisters(rest)],
    ['Hc', () => OK],
    ['Hg', (rest) => this.selectThread(rest)],
    ['M', (rest) => this.writeMemory(rest, fromHex)],
    ['P', (rest) => this.writeRegister(rest)],
    ['QStartNoAckMode', () => this.stopAcknowledging()],
    ['T', async (rest) => ((await this.threadOf(rest)) === undefined ? EINVAL : OK)],
    ['X', (rest) => this.writeMemory(rest, (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0)))],
    ['Z', (rest) => this.changePoint(rest, true)],
    ['c', () => this.resume()],
    ['g', () => this.readAllRegisters()],
    ['k', () => this.kill()],
    ['m', (rest) => this.readMemory(rest)],
    ['p', (rest) => this.readRegister(rest)],
    ['qAttached', () => '1'],
    ['qC', () => `QC${threadId(this.vcpu)}`],
    ['qRcmd,', (rest) => this.runMonitor(rest)],
    ['qSupported', () => this.supported()],
    ['qSymbol::', () => OK],
    ['qThreadExtraInfo,', (rest) => this.describeThread(rest)],
    ['qXfer:features:read:target.xml:', async (rest) => transfer(targetXml(await this.bits()), rest)],
    ['qXfer:threads:read::', async (rest) => transfer(threadsXml(await this.target.threads()), rest)],
    ['qfThreadInfo', async () => `m${(await this.target.threads()).map(({ vcpu }) => threadId(vcpu)).join(',')}`],
    ['qsThreadInfo', () => 'l'],
    ['s', () => this.step(this.vcpu)],
    ['vCont;', (rest) => this.continueOrStep(rest)],
    ['vCont?', () => 'vCont;c;C;s;S;r'],
    ['vKill', () => this.kill()],
    ['z', (rest) => this.changePoint(rest, false)],
  ];

  constructor(
    private readonly target: DebugTarget,
    private readonly send: (bytes: Uint8Array) => void,
    /** What gdb cannot be told. */
    private readonly log: (line: string) => void,
  ) {
    this.points = new Points(target);
    this.disposables.add(target.onStopped((event) => this.stopped(event)));
    this.disposables.add(target.onFailed(log));
  }

  /** gdb expects a machine that stands still. */
  async start(): Promise<void> {
    if (!(await this.target.statistics()).running) return;
    const stopped = new Promise<void>((resolve) => {
      const subscription = this.target.onStopped(() => {
        subscription.dispose();
        resolve();
      });
    });
    await this.target.pause();
    await stopped;
  }

  /** Bytes from gdb. */
  receive(bytes: Uint8Array): void {
    for (const incoming of this.reader.push(bytes)) this.take(incoming);
  }

  dispose(): void {
    this.disposables.dispose();
  }

  private take(incoming: Incoming): void {
    switch (incoming.kind) {
      case 'interrupt':
        if (this.running) void this.target.pause();
        break;
      case 'repeat':
        this.send(this.lastSent);
        break;
      case 'damaged':
        this.send(ASK_AGAIN);
        break;
      case 'acknowledged':
        break;
      case 'packet':
        if (this.acknowledging) this.send(ACKNOWLEDGE);
        this.queue = this.queue.then(() => this.answer(incoming.payload));
        break;
    }
  }

  private async answer(payload: string): Promise<void> {
    const found = this.handlers.filter(([prefix]) => payload.startsWith(prefix));
    const [prefix, handler] = found.sort(([left], [right]) => right.length - left.length)[0] ?? [];
    try {
      const reply = handler === undefined ? UNKNOWN : await handler(payload.slice((prefix as string).length));
      if (reply !== undefined) this.reply(reply);
    } catch (error) {
      this.log(`gdb's packet "${payload.slice(0, 40)}": ${error instanceof Error ? error.message : String(error)}`);
      this.reply('E01');
    }
  }

  private reply(payload: string): void {
    this.lastSent = encodePacket(payload);
    this.send(this.lastSent);
  }

  /** Text on gdb's screen. It takes any only while it waits. */
  private print(text: string): void {
    this.reply(`O${hexOfText(text)}`);
  }

  private supported(): string {
    const features = 'qXfer:features:read+;qXfer:threads:read+;QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+';
    return `PacketSize=${MAXIMUM_PACKET.toString(16)};${features}`;
  }

  private stopAcknowledging(): string {
    this.acknowledging = false;
    return OK;
  }

  // ---- Running

  private stopped(event: StopEvent): void {
    this.lastStop = event;
    this.vcpu = event.vcpu;
    if (!this.running) return;
    this.running = false;
    if (event.reason === 'hypercall' || event.reason === 'crash') this.print(`${event.text}\n`);
    this.reply(this.stopReply());
  }

  private stopReply(): string {
    const stop = this.lastStop;
    if (stop?.final === true && stop.reason === 'shutdown') return 'W00';
    const signal = stop?.reason === 'crash' ? SIGNAL_SEGV : stop?.reason === 'pause' ? SIGNAL_INT : SIGNAL_TRAP;
    const what = stop === undefined ? '' : this.points.describe(stop);
    return `T${signal.toString(16).padStart(2, '0')}${what}thread:${threadId(this.vcpu)};`;
  }

  private async resume(): Promise<string | undefined> {
    // A machine whose domains have all ended never stops again.
    if (this.lastStop?.final === true) return 'W00';
    this.running = true;
    await this.target.resume();
    return undefined;
  }

  private async step(vcpu: number, low?: string, high?: string): Promise<string | undefined> {
    if (this.lastStop?.final === true) return 'W00';
    this.running = true;
    const within = low === undefined || high === undefined ? undefined : [{ low: `0x${low}`, high: `0x${high}` }];
    await this.target.step(vcpu, 'in', undefined, within);
    return undefined;
  }

  /** "s:1;c": the vCPU that steps; without one, all run. */
  private async continueOrStep(actions: string): Promise<string | undefined> {
    const step = actions.split(';').find((action) => /^[sSr]/.test(action));
    if (step === undefined) return await this.resume();
    const [action = '', thread] = step.split(':');
    const vcpu = thread === undefined ? this.vcpu : ((await this.threadOf(thread)) ?? this.vcpu);
    const range = /^r([0-9a-f]+),([0-9a-f]+)$/.exec(action);
    return await this.step(vcpu, range?.[1], range?.[2]);
  }

  private async detach(): Promise<string> {
    await this.points.clear();
    await this.target.setHypercallBreakpoints([]);
    await this.target.resume();
    void this.queue.then(() => this.ended.fire('detached'));
    return OK;
  }

  private kill(): string {
    void this.queue.then(() => this.ended.fire('killed'));
    return OK;
  }

  // ---- Threads and registers

  /** The vCPU of a thread id; any for 0 and -1; undefined where there is none. */
  private async threadOf(text: string): Promise<number | undefined> {
    if (text === '0' || text === '-1' || text === '') return this.vcpu;
    const id = Number.parseInt(text, 16) - 1;
    return (await this.target.threads()).find(({ vcpu }) => vcpu === id)?.vcpu;
  }

  private async selectThread(text: string): Promise<string> {
    const vcpu = await this.threadOf(text);
    if (vcpu === undefined) return EINVAL;
    this.vcpu = vcpu;
    return OK;
  }

  private async describeThread(text: string): Promise<string> {
    const vcpu = await this.threadOf(text);
    const thread = (await this.target.threads()).find((known) => known.vcpu === vcpu);
    return thread === undefined ? EINVAL : hexOfText(`${thread.name}, ${thread.state}`);
  }

  /** Width of the first domain: gdb cannot change its mind about the architecture. */
  private async bits(): Promise<32 | 64> {
    return (await this.target.threads())[0]?.bits ?? 64;
  }

  private async rows(): Promise<readonly RegisterRow[]> {
    return registerRows(await this.bits());
  }

  private async readAllRegisters(): Promise<string> {
    const registers = await this.target.registers(this.vcpu);
    return (await this.rows()).map((row) => encodeRegister(row, registers)).join('');
  }

  private async readRegister(text: string): Promise<string> {
    const row = (await this.rows())[Number.parseInt(text, 16)];
    return row === undefined ? EINVAL : encodeRegister(row, await this.target.registers(this.vcpu));
  }

  private async writeRegister(text: string): Promise<string> {
    const [number = '', digits = ''] = text.split('=');
    const row = (await this.rows())[Number.parseInt(number, 16)];
    return row !== undefined && (await this.store(row, digits)) ? OK : EINVAL;
  }

  /** gdb sends all of them back; those that have not changed are left alone, for some may not be set. */
  private async writeAllRegisters(digits: string): Promise<string> {
    const registers = await this.target.registers(this.vcpu);
    let at = 0;
    for (const row of await this.rows()) {
      const value = digits.slice(at, at + row.bits / 4);
      at += row.bits / 4;
      if (value.length < row.bits / 4) return EINVAL;
      if (value.toLowerCase() !== encodeRegister(row, registers) && !(await this.store(row, value))) return EINVAL;
    }
    return OK;
  }

  private async store({ source }: RegisterRow, digits: string): Promise<boolean> {
    const value = decodeRegister(digits);
    return (
      source !== undefined && value !== undefined && (await this.target.setRegister(this.vcpu, source.name, value))
    );
  }

  // ---- Memory and points

  private async readMemory(text: string): Promise<string> {
    const match = /^([0-9a-fA-F]+),([0-9a-fA-F]+)$/.exec(text);
    if (match === null) return EINVAL;
    const length = Math.min(Number.parseInt(match[2] as string, 16), MAXIMUM_PACKET / 2);
    const bytes = await this.target.readMemory('virtual', `0x${match[1]}`, length);
    return bytes.length === 0 && length > 0 ? EFAULT : toHex(bytes);
  }

  private async writeMemory(text: string, decode: (data: string) => Uint8Array | undefined): Promise<string> {
    const match = /^([0-9a-fA-F]+),([0-9a-fA-F]+):([\s\S]*)$/.exec(text);
    const bytes = match === null ? undefined : decode(match[3] as string);
    if (match === null || bytes === undefined || bytes.length !== Number.parseInt(match[2] as string, 16))
      return EINVAL;
    // Nothing to write: gdb asks whether the packet is known.
    if (bytes.length === 0) return OK;
    const written = await this.target.writeMemory('virtual', `0x${match[1]}`, bytes);
    return written === bytes.length ? OK : EFAULT;
  }

  private async changePoint(text: string, insert: boolean): Promise<string> {
    const done = await this.points.change(text, insert);
    return done === undefined ? EINVAL : done ? OK : UNKNOWN;
  }

  private async runMonitor(digits: string): Promise<string> {
    const bytes = fromHex(digits);
    if (bytes === undefined) return EINVAL;
    const { target, vcpu, hypercalls } = this;
    const lines = await monitor({ target, vcpu, hypercalls }, new TextDecoder().decode(bytes));
    return hexOfText(lines.map((line) => `${line}\n`).join(''));
  }
}

/** A piece of a document: "m" and what there is at "OFFSET,LENGTH", or "l" and the last of it. */
function transfer(document: string, place: string): string {
  const [offset = 0, length = 0] = place.split(',').map((text) => Number.parseInt(text, 16));
  const piece = document.slice(offset, offset + length);
  return `${offset + length >= document.length ? 'l' : 'm'}${piece}`;
}

function threadsXml(threads: readonly ThreadInfo[]): string {
  const rows = threads.map(({ vcpu, name, state }) => {
    return `<thread id="${threadId(vcpu)}" name="${escapeXml(name)}">${state}</thread>`;
  });
  return `<?xml version="1.0"?><threads>${rows.join('')}</threads>`;
}

const escapeXml = (text: string): string => text.replace(/[<>&"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

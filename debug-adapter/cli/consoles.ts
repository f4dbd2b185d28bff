/** The consoles of all domains on one terminal: what is shown how, who is typed at, what the script watches. */
import type { Disposable } from '../../emulator/base/disposable.ts';
import type { Machine } from '../../emulator/xen/toolstack/machine-boot.ts';
import { type RunOptions, usage } from './arguments.ts';
import { ConsoleScript, type ConsoleText } from './console-script.ts';
import type { Terminal } from './terminal.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** A longer line is shown in pieces. */
const MAX_LINE = 4096;

export class Consoles implements Disposable {
  readonly script: ConsoleScript;
  /** Name of the domain that gets what is typed. */
  readonly foreground: string;
  private readonly subscription: Disposable;
  /** The foreground's bytes go out as they come; otherwise everybody's, in lines with a name before them. */
  private readonly raw: boolean;
  private readonly lines = new Map<string, number[]>();
  private lastByte = NEWLINE;

  /** @throws UserError `usage` when there is no domain of the name of --console */
  constructor(
    private readonly machine: Machine,
    private readonly terminal: Terminal,
    options: Pick<RunOptions, 'until' | 'script' | 'console'>,
    /** The text of --until is complete. */
    onMatched: () => void,
  ) {
    const names = this.names;
    this.foreground = options.console ?? (names[0] as string);
    if (!names.includes(this.foreground)) {
      throw usage(`--console names ${this.foreground}, and the domains are ${names.join(', ')}`);
    }
    this.raw = names.length === 1 || options.console !== undefined || terminal.interactive;
    const at = (text: string, otherwise: string): ConsoleText => addressed(text, names, otherwise);
    const steps = options.script.map(({ after, input, control }) => {
      const seen = at(after, this.foreground);
      return {
        after: seen,
        input: input === undefined ? undefined : at(input, seen.domain),
        control: control === undefined ? undefined : at(control, seen.domain),
      };
    });
    const until = options.until === undefined ? undefined : at(options.until, this.foreground);
    this.script = new ConsoleScript(
      until,
      steps,
      (domain, bytes) => this.typeOn(domain, bytes),
      (domain, line) => this.ask(domain, line),
    );
    this.subscription = machine.onConsole(({ domain, bytes }) => {
      this.show(domain.name, bytes);
      if (this.script.onOutput(domain.name, bytes)) onMatched();
    });
  }

  get names(): readonly string[] {
    return this.machine.domains.map(({ domain }) => domain.name);
  }

  type(bytes: Uint8Array): void {
    this.typeOn(this.foreground, bytes);
  }

  /** What has not ended in a line is shown now. */
  flush(): void {
    for (const [name, line] of this.lines) if (line.length > 0) this.writeLine(name, line.splice(0));
    if (this.lastByte !== NEWLINE) this.terminal.write('\n');
    this.lastByte = NEWLINE;
  }

  dispose(): void {
    this.subscription.dispose();
  }

  private typeOn(name: string, bytes: Uint8Array): void {
    const to = this.machine.domains.find(({ domain }) => domain.name === name);
    if (to !== undefined) this.machine.sendConsole(to.domain.domid, bytes);
  }

  private ask(name: string, line: string): void {
    const to = this.machine.domains.find(({ domain }) => domain.name === name);
    if (to !== undefined) this.machine.control(to.domain.domid, line);
  }

  private show(name: string, bytes: Uint8Array): void {
    if (this.raw) {
      if (name !== this.foreground) return;
      this.terminal.write(bytes);
      this.lastByte = bytes.at(-1) ?? this.lastByte;
      return;
    }
    const line = this.lines.get(name) ?? [];
    this.lines.set(name, line);
    for (const byte of bytes) {
      if (byte === NEWLINE || line.length >= MAX_LINE) this.writeLine(name, line.splice(0));
      if (byte !== NEWLINE && byte !== RETURN) line.push(byte);
    }
  }

  private writeLine(name: string, line: readonly number[]): void {
    this.terminal.write(`${name}: `);
    this.terminal.write(Uint8Array.from([...line, NEWLINE]));
  }
}

/** "NAME:TEXT" where there are several domains and one of them is called NAME; otherwise all of it is the text. */
function addressed(text: string, names: readonly string[], otherwise: string): ConsoleText {
  const name = names.length < 2 ? undefined : names.find((each) => text.startsWith(`${each}:`));
  return name === undefined ? { domain: otherwise, text } : { domain: name, text: text.slice(name.length + 1) };
}

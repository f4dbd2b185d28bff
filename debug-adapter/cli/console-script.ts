/** Watches consoles for texts: types and asks domains for something, and says when the text to stop at is complete. */

/** A text on one domain's console. */
export interface ConsoleText {
  /** Its name. */
  readonly domain: string;
  readonly text: string;
}

/** Once `after` has appeared, type `input`, or carry out `control` (toolstack/domain-control.ts). */
export interface ConsoleStep {
  readonly after: ConsoleText;
  readonly input?: ConsoleText | undefined;
  readonly control?: ConsoleText | undefined;
}

export class ConsoleScript {
  private step = 0;
  private readonly encoder = new TextEncoder();
  private readonly finderOfUntil: TextFinder | undefined;
  private finder: TextFinder | undefined;
  /** The text of --until has appeared. */
  matched = false;

  constructor(
    private readonly until: ConsoleText | undefined,
    /** In order: each waits for its text after the one before. */
    private readonly steps: readonly ConsoleStep[],
    /** Types bytes on a domain's console. */
    private readonly type: (domain: string, bytes: Uint8Array) => void,
    /** Asks something of a domain, by a command line. */
    private readonly control: (domain: string, line: string) => void = () => {},
  ) {
    this.finderOfUntil = until === undefined ? undefined : new TextFinder(this.encoder.encode(until.text));
    this.finder = this.finderOfStep();
  }

  /** Bytes that a guest has just printed. True when they complete the text of --until. */
  onOutput(domain: string, bytes: Uint8Array): boolean {
    const due: ConsoleStep[] = [];
    for (const byte of bytes) {
      if (domain === this.until?.domain && this.finderOfUntil?.feed(byte) === true) this.matched = true;
      const step = this.steps[this.step];
      if (step?.after.domain === domain && this.finder?.feed(byte) === true) {
        due.push(step);
        this.step++;
        this.finder = this.finderOfStep();
      }
    }
    if (this.matched) return true;
    for (const { input, control } of due) {
      if (input !== undefined) this.type(input.domain, this.encoder.encode(input.text));
      if (control !== undefined) this.control(control.domain, control.text);
    }
    return false;
  }

  private finderOfStep(): TextFinder | undefined {
    const step = this.steps[this.step];
    return step === undefined ? undefined : new TextFinder(this.encoder.encode(step.after.text));
  }
}

/** Knuth, Morris, Pratt: finds a text in a stream, byte by byte, wherever the stream is cut. */
export class TextFinder {
  private readonly fallback: Int32Array;
  private matched = 0;

  constructor(private readonly text: Uint8Array) {
    this.fallback = new Int32Array(text.length + 1);
    for (let index = 1, length = 0; index < text.length; ) {
      if (text[index] === text[length]) this.fallback[++index] = ++length;
      else if (length > 0) length = this.fallback[length]!;
      else this.fallback[++index] = 0;
    }
  }

  /** True when this byte completes the text. */
  feed(byte: number): boolean {
    while (this.matched > 0 && (this.matched === this.text.length || this.text[this.matched] !== byte)) {
      this.matched = this.fallback[this.matched]!;
    }
    if (this.text[this.matched] === byte) this.matched++;
    return this.matched === this.text.length;
  }
}

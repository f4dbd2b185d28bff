/** Watches a console for texts: types when asked to, and says when the text to stop at is complete. */
import type { ScriptStep } from './arguments.ts';

export class ConsoleScript {
  private step = 0;
  private readonly encoder = new TextEncoder();
  private readonly until: TextFinder | undefined;
  private finder: TextFinder | undefined;
  /** The text of --until has appeared. */
  matched = false;

  constructor(
    until: string | undefined,
    private readonly steps: readonly ScriptStep[],
    /** Types bytes on the console. */
    private readonly type: (bytes: Uint8Array) => void,
  ) {
    this.until = until === undefined ? undefined : new TextFinder(this.encoder.encode(until));
    this.finder = this.finderOfStep();
  }

  /** Bytes the guest has just printed. True when they complete the text of --until. */
  onOutput(bytes: Uint8Array): boolean {
    const inputs: string[] = [];
    for (const byte of bytes) {
      if (this.until?.feed(byte) === true) this.matched = true;
      if (this.finder?.feed(byte) === true) {
        inputs.push(this.steps[this.step]!.input);
        this.step++;
        this.finder = this.finderOfStep();
      }
    }
    if (!this.matched) for (const input of inputs) this.type(this.encoder.encode(input));
    return this.matched;
  }

  private finderOfStep(): TextFinder | undefined {
    const step = this.steps[this.step];
    return step === undefined ? undefined : new TextFinder(this.encoder.encode(step.after));
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

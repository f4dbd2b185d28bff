import * as vscode from 'vscode';
import { ConsoleText } from './console-text.ts';

/** RIS: forgets the colours and modes that a guest has set, screen and scrollback (ECMA-48, 8.3.105). */
const RESET = '\x1bc';

/**
 * One guest console. Exists before the guest's first instruction and stays after its end, so that no output is ever
 * lost and a crash can be read; whatever is written before VS Code opens the terminal waits.
 */
export class GuestTerminal implements vscode.Disposable {
  private readonly written = new vscode.EventEmitter<string>();
  private readonly closed = new vscode.EventEmitter<void>();
  private text = new ConsoleText();
  private waiting: string[] | undefined = [];
  private readonly terminal: vscode.Terminal;
  /** Set while a live domain listens; input goes nowhere otherwise. */
  onInput: ((bytes: Uint8Array) => void) | undefined;

  constructor(readonly name: string) {
    const encoder = new TextEncoder();
    this.terminal = vscode.window.createTerminal({
      name,
      iconPath: new vscode.ThemeIcon('vm'),
      isTransient: true,
      pty: {
        onDidWrite: this.written.event,
        onDidClose: this.closed.event,
        open: () => this.flush(),
        close: () => {
          this.onInput = undefined;
        },
        handleInput: (input: string) => this.onInput?.(encoder.encode(input)),
      },
    });
  }

  /** Whether the user has closed it. */
  get isClosed(): boolean {
    return this.terminal.exitStatus !== undefined;
  }

  show(): void {
    this.terminal.show(true);
  }

  focus(): void {
    this.terminal.show(false);
  }

  /** An empty screen for the next run. A new terminal would cost the workbench a tenth of a second of every F5. */
  clear(): void {
    this.text = new ConsoleText();
    this.writeText(RESET);
  }

  write(bytes: Uint8Array): void {
    this.writeText(this.text.push(bytes));
  }

  writeText(text: string): void {
    if (this.waiting !== undefined) this.waiting.push(text);
    else this.written.fire(text);
  }

  dispose(): void {
    this.terminal.dispose();
    this.written.dispose();
    this.closed.dispose();
  }

  private flush(): void {
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    for (const text of waiting) this.written.fire(text);
  }
}

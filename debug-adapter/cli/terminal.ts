/** This terminal as the console of a domain: raw keys in, bytes out. */
import type { Disposable } from '../../emulator/base/disposable.ts';
import { toDisposable } from '../../emulator/base/disposable.ts';

/** Ctrl-], as in xl console and telnet. */
const LEAVE = 0x1d;

export interface Terminal {
  /** A person sits there. */
  readonly interactive: boolean;
  /** Bytes for standard output. */
  write(bytes: Uint8Array | string): void;
  /** A line for standard error. */
  log(line: string): void;
  /** Typed bytes, and Ctrl-]. The end of input ends nothing. Dispose to give the terminal back. */
  listen(onInput: (bytes: Uint8Array) => void, onLeave: () => void): Disposable;
}

/** Whoever kills us gets the terminal back in order, and the status that shells expect. */
const KILLED_STATUS = { SIGTERM: 143, SIGHUP: 129 } as const;

export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  // `xenoscope run … | head`: nobody reads any more.
  stdout.on('error', () => process.exit(0));
  const interactive = stdin.isTTY === true && stdout.isTTY === true;
  return {
    interactive,
    write: (bytes) => void stdout.write(bytes),
    log: (line) => void stderr.write(`${line}${interactive && stdin.isRaw ? '\r\n' : '\n'}`),
    listen(onInput, onLeave) {
      const onData = (chunk: Buffer): void => {
        const leave = interactive ? chunk.indexOf(LEAVE) : -1;
        const typed = leave < 0 ? chunk : chunk.subarray(0, leave);
        if (typed.length > 0) onInput(typed);
        if (leave >= 0) onLeave();
      };
      if (interactive) {
        stdin.setRawMode(true);
        for (const [signal, status] of Object.entries(KILLED_STATUS)) {
          process.once(signal, () => {
            stdin.setRawMode(false);
            process.exit(status);
          });
        }
      }
      stdin.on('data', onData);
      // A closed or unreadable standard input is no reason to end.
      stdin.on('error', () => {});
      stdin.resume();
      return toDisposable(() => {
        stdin.off('data', onData);
        stdin.pause();
        if (interactive) stdin.setRawMode(false);
      });
    },
  };
}

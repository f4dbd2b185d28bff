interface DomainConsole {
  readonly chunks: Uint8Array[];
  /** Chunks up to here have been handed on. */
  taken: number;
}

/** Console bytes of all domains from the first one on. They come in within guest instructions and go out in batches. */
export class ConsoleHistory {
  private readonly consoles = new Map<number, DomainConsole>();

  add(domain: number, bytes: Uint8Array): void {
    let entry = this.consoles.get(domain);
    if (entry === undefined) {
      entry = { chunks: [], taken: 0 };
      this.consoles.set(domain, entry);
    }
    entry.chunks.push(bytes.slice());
  }

  /** What has come in since the last call, one piece a domain. */
  takeFresh(): readonly { readonly domain: number; readonly bytes: Uint8Array }[] {
    const fresh: { domain: number; bytes: Uint8Array }[] = [];
    for (const [domain, entry] of this.consoles) {
      if (entry.taken === entry.chunks.length) continue;
      const bytes = join(entry.chunks.slice(entry.taken));
      // Joined chunks stay joined, so that a long session does not keep one object a character.
      entry.chunks.splice(entry.taken, entry.chunks.length - entry.taken, bytes);
      entry.taken = entry.chunks.length;
      fresh.push({ domain, bytes });
    }
    return fresh;
  }

  all(domain: number): Uint8Array {
    return join(this.consoles.get(domain)?.chunks ?? []);
  }
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

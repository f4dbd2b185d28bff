/** DAP's base protocol on a byte stream: "Content-Length: N", an empty line, N bytes of JSON. */
const SEPARATOR = [13, 10, 13, 10] as const;
/** More than any message is; a length beyond it means that the other side speaks something else. */
const MAXIMUM_LENGTH = 256 << 20;
const MAXIMUM_HEADER = 4096;

/** The stream is no DAP, and cannot be understood from here on. */
export class FramingError extends Error {
  override readonly name = 'FramingError';
}

export function encodeMessage(message: unknown): Uint8Array {
  const encoder = new TextEncoder();
  const body = encoder.encode(JSON.stringify(message));
  const header = encoder.encode(`Content-Length: ${body.length}\r\n\r\n`);
  const all = new Uint8Array(header.length + body.length);
  all.set(header);
  all.set(body, header.length);
  return all;
}

/** Cuts a stream into messages, however its pieces come. */
export class MessageReader {
  private pieces: Uint8Array[] = [];
  private size = 0;
  /** Bytes of the body that is being read; undefined in a header. */
  private wanted: number | undefined;

  /** Complete messages, in order. Throws `FramingError`. */
  push(piece: Uint8Array): unknown[] {
    this.pieces.push(piece);
    this.size += piece.length;
    const messages: unknown[] = [];
    for (;;) {
      if (this.wanted === undefined) {
        const header = this.takeHeader();
        if (header === undefined) return messages;
        this.wanted = contentLength(header);
      }
      if (this.size < this.wanted) return messages;
      messages.push(parse(decode(this.take(this.wanted))));
      this.wanted = undefined;
    }
  }

  private takeHeader(): string | undefined {
    const bytes = this.joined();
    const end = bytes.findIndex((_, at) => SEPARATOR.every((byte, index) => bytes[at + index] === byte));
    if (end < 0) {
      if (bytes.length > MAXIMUM_HEADER) throw new FramingError('no header where one is due');
      return undefined;
    }
    return decode(this.take(end + SEPARATOR.length));
  }

  private take(length: number): Uint8Array {
    const bytes = this.joined();
    this.pieces = [bytes.subarray(length)];
    this.size -= length;
    return bytes.subarray(0, length);
  }

  private joined(): Uint8Array {
    const [first] = this.pieces;
    if (first !== undefined && this.pieces.length === 1) return first;
    const all = new Uint8Array(this.size);
    let at = 0;
    for (const piece of this.pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    this.pieces = [all];
    return all;
  }
}

function contentLength(header: string): number {
  const match = /^content-length:[ \t]*(\d+)[ \t]*$/im.exec(header.replaceAll('\r', ''));
  const length = Number(match?.[1]);
  if (match === null || length > MAXIMUM_LENGTH) throw new FramingError('a header without a believable Content-Length');
  return length;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FramingError('a message that is not JSON');
  }
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/**
 * The syntax of xl.cfg(5): `key = value` lines with strings, numbers and (nested) lists, `+=`, `;`, `#` comments.
 * Knows nothing of what keys mean; see domain-config.ts.
 */
import { UserError } from '../../base/user-error.ts';

export type XlValue =
  | { readonly kind: 'string'; readonly text: string; readonly at: Position }
  | { readonly kind: 'number'; readonly value: number; readonly text: string; readonly at: Position }
  | { readonly kind: 'list'; readonly items: readonly XlValue[]; readonly at: Position };

/** Both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface XlAssignment {
  readonly key: string;
  readonly value: XlValue;
  readonly at: Position;
}

export function syntaxError(file: string, at: Position, what: string): UserError {
  return new UserError(
    'config.syntax',
    `${file}:${at.line}:${at.column}: ${what}.`,
    'The format is that of xl.cfg: lines like name = "demo", memory = 64, disk = ["…"].',
  );
}

/** Assignments in order, `+=` already carried out. `file` is for messages. @throws UserError `config.syntax` */
export function parseXlConfig(source: string, file: string): XlAssignment[] {
  return new Parser(new Lexer(source, file)).assignments();
}

type TokenKind = 'name' | 'string' | 'number' | '=' | '+=' | '[' | ']' | ',' | ';' | 'newline' | 'end';

interface Token {
  readonly kind: TokenKind;
  /** Unescaped contents of a string; the spelling of anything else. */
  readonly text: string;
  readonly at: Position;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

class Lexer {
  private offset = 0;
  private line = 1;
  private lineStart = 0;

  constructor(
    private readonly source: string,
    readonly file: string,
  ) {}

  next(): Token {
    this.skipBlanks();
    const at = this.position();
    const rest = this.source.slice(this.offset, this.offset + 256);
    const first = rest[0];
    if (first === undefined) return { kind: 'end', text: 'the end of the file', at };
    if (first === '\n') {
      this.offset++;
      this.line++;
      this.lineStart = this.offset;
      return { kind: 'newline', text: 'the end of the line', at };
    }
    if (first === '"' || first === "'") return this.string(first, at);
    if (rest.startsWith('+=')) return this.take('+=', '+=', at);
    if (first === '=' || first === '[' || first === ']' || first === ',' || first === ';') {
      return this.take(first, first, at);
    }
    const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(rest)?.[0];
    if (name !== undefined) return this.take('name', name, at);
    const number = /^-?(?:0x[0-9a-fA-F]+|[0-9]+)(?![A-Za-z0-9_.])/.exec(rest)?.[0];
    if (number !== undefined) return this.take('number', number, at);
    throw syntaxError(this.file, at, `unexpected "${rest.split(/[\s,;\]]/)[0] || first}"`);
  }

  private take(kind: TokenKind, text: string, at: Position): Token {
    this.offset += text.length;
    return { kind, text, at };
  }

  private position(): Position {
    return { line: this.line, column: this.offset - this.lineStart + 1 };
  }

  private skipBlanks(): void {
    for (;;) {
      const char = this.source[this.offset];
      if (char === ' ' || char === '\t' || char === '\r' || char === '\uFEFF') this.offset++;
      else if (char === '#') {
        const end = this.source.indexOf('\n', this.offset);
        this.offset = end < 0 ? this.source.length : end;
      } else return;
    }
  }

  private string(quote: string, at: Position): Token {
    let text = '';
    this.offset++;
    for (;;) {
      const char = this.source[this.offset];
      if (char === undefined || char === '\n') throw syntaxError(this.file, at, `this string has no closing ${quote}`);
      this.offset++;
      if (char === quote) return { kind: 'string', text, at };
      text += char === '\\' ? this.escape() : char;
    }
  }

  private escape(): string {
    const at = this.position();
    const char = this.source[this.offset++] ?? '';
    if (char === 'x') {
      const digits = /^[0-9a-fA-F]{2}/.exec(this.source.slice(this.offset, this.offset + 2))?.[0];
      if (digits === undefined) throw syntaxError(this.file, at, '\\x must be followed by two hexadecimal digits');
      this.offset += 2;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    if (char === '\\' || char === '"' || char === "'") return char;
    const simple = SIMPLE_ESCAPES[char];
    if (simple === undefined) throw syntaxError(this.file, at, `unknown escape \\${char}`);
    return simple;
  }
}

/** Lists nest no deeper than this; a configuration has two levels at most. */
const MAX_DEPTH = 16;

class Parser {
  private token: Token;

  constructor(private readonly lexer: Lexer) {
    this.token = lexer.next();
  }

  assignments(): XlAssignment[] {
    const found = new Map<string, XlAssignment>();
    for (;;) {
      this.skip('newline', ';');
      if (this.at('end')) return [...found.values()];
      const name = this.expect('name', 'a setting like memory = 64');
      const append = this.token.kind === '+=';
      if (!append) this.check('=', `"=" after ${name.text}`);
      this.advance();
      const value = this.value(0);
      if (!this.at('end', ';', 'newline')) this.check('newline', 'the end of the line');
      const before = found.get(name.text);
      const whole = append && before !== undefined ? this.appended(before.value, value) : value;
      // A Map keeps the first position; a setting that is given again counts where it is given last.
      found.delete(name.text);
      found.set(name.text, { key: name.text, value: whole, at: name.at });
    }
  }

  private appended(before: XlValue, value: XlValue): XlValue {
    if (before.kind === 'list') {
      return { ...before, items: [...before.items, ...(value.kind === 'list' ? value.items : [value])] };
    }
    if (before.kind === 'string' && value.kind === 'string') return { ...before, text: before.text + value.text };
    throw syntaxError(this.lexer.file, value.at, `cannot append a ${value.kind} to a ${before.kind}`);
  }

  private value(depth: number): XlValue {
    const { kind, text, at } = this.token;
    if (kind === 'string') {
      this.advance();
      return { kind, text, at };
    }
    if (kind === 'number') {
      const value = Number(text.replace('-', '')) * (text.startsWith('-') ? -1 : 1);
      if (!Number.isSafeInteger(value)) throw syntaxError(this.lexer.file, at, `the number ${text} is too large`);
      this.advance();
      return { kind, value, text, at };
    }
    this.check('[', 'a "string", a number or a [list]');
    if (depth >= MAX_DEPTH) throw syntaxError(this.lexer.file, at, 'lists are nested too deeply');
    this.advance();
    const items: XlValue[] = [];
    this.skip('newline');
    while (this.token.kind !== ']') {
      items.push(this.value(depth + 1));
      this.skip('newline');
      if (this.token.kind === ',') this.advance();
      else this.check(']', '"," or "]" in a list');
      this.skip('newline');
    }
    this.advance();
    return { kind: 'list', items, at };
  }

  private at(...kinds: readonly TokenKind[]): boolean {
    return kinds.includes(this.token.kind);
  }

  private advance(): void {
    this.token = this.lexer.next();
  }

  private skip(...kinds: TokenKind[]): void {
    while (this.at(...kinds)) this.advance();
  }

  private check(kind: TokenKind, expected: string): void {
    if (this.token.kind === kind) return;
    const found = this.token.kind === 'string' ? `"${this.token.text}"` : this.token.text;
    throw syntaxError(this.lexer.file, this.token.at, `expected ${expected}, found ${found}`);
  }

  private expect(kind: TokenKind, expected: string): Token {
    this.check(kind, expected);
    const token = this.token;
    this.advance();
    return token;
  }
}

import { syntaxError, tooDeep } from './error.ts';
import { type Token, tokenize } from './lexer.ts';
import { TYPE_WORDS, typeByName, type ValueType } from './types.ts';

export type Node =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'register'; readonly name: string }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Node }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Node; readonly right: Node }
  | { readonly kind: 'conditional'; readonly test: Node; readonly then: Node; readonly otherwise: Node }
  | { readonly kind: 'cast'; readonly type: ValueType; readonly operand: Node }
  | { readonly kind: 'index'; readonly base: Node; readonly index: Node }
  | { readonly kind: 'member'; readonly base: Node; readonly name: string };

/** Binary operators by precedence, weakest first (C11, 6.5.5 to 6.5.14). */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];
const PREFIXES: ReadonlySet<string> = new Set(['-', '+', '~', '!', '*', '&']);
const MAXIMUM_DEPTH = 100;

/** C-like expression to tree. Throws `ExpressionError`. */
export function parseExpression(text: string): Node {
  const parser = new Parser(tokenize(text));
  return parser.whole();
}

class Parser {
  private at = 0;
  private depth = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  whole(): Node {
    const node = this.conditional();
    if (this.token.kind !== 'end') throw syntaxError(this.token.text, 'an operator');
    return node;
  }

  private get token(): Token {
    return this.tokens[this.at] as Token;
  }

  private is(text: string): boolean {
    return this.token.kind === 'operator' && this.token.text === text;
  }

  private accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  private expect(text: string): void {
    if (!this.accept(text)) throw syntaxError(this.token.text, `"${text}"`);
  }

  private conditional(): Node {
    if (++this.depth > MAXIMUM_DEPTH) throw tooDeep();
    const test = this.binary(0);
    let node = test;
    if (this.accept('?')) {
      const then = this.conditional();
      this.expect(':');
      node = { kind: 'conditional', test, then, otherwise: this.conditional() };
    }
    this.depth--;
    return node;
  }

  private binary(level: number): Node {
    const operators = LEVELS[level];
    if (operators === undefined) return this.unary();
    let left = this.binary(level + 1);
    for (;;) {
      const operator = operators.find((candidate) => this.is(candidate));
      if (operator === undefined) return left;
      this.at++;
      left = { kind: 'binary', operator, left, right: this.binary(level + 1) };
    }
  }

  private unary(): Node {
    if (++this.depth > MAXIMUM_DEPTH) throw tooDeep();
    const node = this.unaryInside();
    this.depth--;
    return node;
  }

  private unaryInside(): Node {
    if (this.token.kind === 'operator' && PREFIXES.has(this.token.text)) {
      const operator = this.token.text;
      this.at++;
      return { kind: 'unary', operator, operand: this.unary() };
    }
    const type = this.acceptCast();
    if (type !== undefined) return { kind: 'cast', type, operand: this.unary() };
    return this.postfix(this.primary());
  }

  /** "(u32*)": a parenthesis that holds type words and stars only. */
  private acceptCast(): ValueType | undefined {
    if (!this.is('(')) return undefined;
    const words: string[] = [];
    let ahead = this.at + 1;
    for (; ; ahead++) {
      const token = this.tokens[ahead];
      if (token?.kind !== 'name' || !TYPE_WORDS.has(token.text)) break;
      words.push(token.text);
    }
    let type = typeByName(words.join(' '));
    if (type === undefined) return undefined;
    for (; this.tokens[ahead]?.text === '*'; ahead++) type = { kind: 'pointer', to: type };
    if (this.tokens[ahead]?.text !== ')') return undefined;
    this.at = ahead + 1;
    return type;
  }

  private postfix(start: Node): Node {
    let node = start;
    for (;;) {
      if (this.accept('[')) {
        node = { kind: 'index', base: node, index: this.conditional() };
        this.expect(']');
      } else if (this.accept('.') || this.accept('->')) {
        const token = this.token;
        if (token.kind !== 'name' && token.kind !== 'number') throw syntaxError(token.text, 'the name of a member');
        this.at++;
        node = { kind: 'member', base: node, name: token.text };
      } else return node;
    }
  }

  private primary(): Node {
    const token = this.token;
    this.at++;
    switch (token.kind) {
      case 'number':
        return { kind: 'number', value: token.value };
      case 'name':
        return { kind: 'name', name: token.text };
      case 'register':
        return { kind: 'register', name: token.text };
      default:
        break;
    }
    if (token.text !== '(') throw syntaxError(token.text, 'a number, a register or a name');
    const inside = this.conditional();
    this.expect(')');
    return inside;
  }
}

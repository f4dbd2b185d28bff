import { syntaxError, tooDeep } from './error.ts';
import { type Token, tokenize } from './lexer.ts';
import { TYPE_WORDS, typeByName } from './types.ts';

export type Node =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'register'; readonly name: string }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Node }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Node; readonly right: Node }
  | { readonly kind: 'conditional'; readonly test: Node; readonly then: Node; readonly otherwise: Node }
  | { readonly kind: 'cast'; readonly type: TypeSyntax; readonly operand: Node }
  | { readonly kind: 'size'; readonly of: TypeSyntax | Node }
  | { readonly kind: 'index'; readonly base: Node; readonly index: Node }
  | { readonly kind: 'member'; readonly base: Node; readonly name: string };

/** A type as it is written: "struct node", two stars. */
export interface TypeSyntax {
  readonly kind: 'type';
  readonly name: string;
  readonly pointers: number;
}

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

const KEYWORDS: ReadonlySet<string> = new Set(['struct', 'union', 'enum', 'class']);
const QUALIFIERS: ReadonlySet<string> = new Set(['const', 'volatile', 'restrict']);
/** Operators that may follow a value or begin one: "(x) - 1" is a difference unless x is a type. */
const AMBIGUOUS: ReadonlySet<string> = new Set(['-', '+', '*', '&']);
const OPENING: ReadonlySet<string> = new Set(['(', '~', '!']);

/** C-like expression to tree. `types`: names of types, where the grammar alone cannot tell. Throws `ExpressionError`. */
export function parseExpression(text: string, types: ReadonlySet<string> = new Set()): Node {
  const parser = new Parser(tokenize(text), types);
  return parser.whole();
}

/** Names that may be those of types, and decide how the text is to be read. Throws `ExpressionError`. */
export function ambiguousNames(text: string): readonly string[] {
  const tokens = tokenize(text);
  const found: string[] = [];
  for (const [at, token] of tokens.entries()) {
    const [open, close, next] = [tokens[at - 1], tokens[at + 1], tokens[at + 2]];
    if (token.kind !== 'name' || open?.text !== '(' || close?.text !== ')') continue;
    const isOperand = tokens[at - 2]?.kind === 'name' && tokens[at - 2]?.text !== 'sizeof';
    if (!isOperand && (AMBIGUOUS.has(next?.text ?? '') || tokens[at - 2]?.text === 'sizeof')) found.push(token.text);
  }
  return found;
}

class Parser {
  private at = 0;
  private depth = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly types: ReadonlySet<string>,
  ) {}

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
    if (this.token.kind === 'name' && this.token.text === 'sizeof') {
      this.at++;
      return { kind: 'size', of: this.acceptType(true) ?? this.unary() };
    }
    const type = this.acceptType(false);
    if (type !== undefined) return { kind: 'cast', type, operand: this.unary() };
    return this.postfix(this.primary());
  }

  /** "(u32*)", "(struct page *)", "(pte_t)": a parenthesis that holds a type. `always`: an operand need not follow. */
  private acceptType(always: boolean): TypeSyntax | undefined {
    if (!this.is('(')) return undefined;
    const words: string[] = [];
    let ahead = this.at + 1;
    for (; ; ahead++) {
      const token = this.tokens[ahead];
      if (token?.kind !== 'name') break;
      if (!QUALIFIERS.has(token.text)) words.push(token.text);
    }
    let pointers = 0;
    for (; this.tokens[ahead]?.text === '*' || QUALIFIERS.has(this.tokens[ahead]?.text ?? ''); ahead++) {
      if (this.tokens[ahead]?.text === '*') pointers++;
    }
    const [first, second] = words;
    if (this.tokens[ahead]?.text !== ')' || first === undefined) return undefined;
    const isTagged = KEYWORDS.has(first) && second !== undefined && words.length === 2;
    const isBuiltIn = words.every((word) => TYPE_WORDS.has(word)) && typeByName(words.join(' ')) !== undefined;
    if (!isTagged && !isBuiltIn && words.length > 1) return undefined;
    const isType = isTagged || isBuiltIn || pointers > 0 || this.types.has(first);
    if (!isType && (always || !beginsOperand(this.tokens[ahead + 1]))) return undefined;
    this.at = ahead + 1;
    return { kind: 'type', name: words.join(' '), pointers };
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

/** What stands behind "(name)" and cannot go on an expression: so the name was a type. */
function beginsOperand(token: Token | undefined): boolean {
  if (token === undefined || token.kind === 'end') return false;
  return token.kind !== 'operator' || OPENING.has(token.text);
}

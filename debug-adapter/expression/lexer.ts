import { badCharacter, badNumber } from './error.ts';

export type Token =
  | { readonly kind: 'number'; readonly text: string; readonly value: bigint }
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'register'; readonly text: string }
  | { readonly kind: 'operator'; readonly text: string }
  | { readonly kind: 'end'; readonly text: '' };

/** Longest first, so that the first match is the right one. */
const OPERATORS = [
  '<<', '>>', '<=', '>=', '==', '!=', '&&', '||', '->',
  '+', '-', '*', '/', '%', '&', '|', '^', '~', '!', '<', '>', '(', ')', '[', ']', '.', '?', ':', ',',
] as const; // biome-ignore format: a table

const BLANK = /\s/;
const WORD = /[A-Za-z0-9_]/;

/** Splits an expression into tokens, with one `end` token at the end. Throws `ExpressionError`. */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const word = (from: number): string => {
    let end = from;
    while (end < text.length && WORD.test(text.charAt(end))) end++;
    // A symbol such as "__UNIQUE_ID.3" or "foo.cold" goes on behind a dot only through member access.
    return text.slice(from, end);
  };
  while (at < text.length) {
    const character = text.charAt(at);
    if (BLANK.test(character)) {
      at++;
    } else if (/[0-9]/.test(character)) {
      const found = word(at);
      tokens.push({ kind: 'number', text: found, value: parseNumber(found) });
      at += found.length;
    } else if (character === '$' || character === '%') {
      const found = word(at + 1);
      // "%" is also the remainder operator: it names a register only where an operand is due.
      if (character === '%' && (found === '' || /^[0-9]/.test(found) || endsOperand(tokens.at(-1)))) {
        tokens.push({ kind: 'operator', text: '%' });
        at++;
      } else if (found === '') {
        throw badCharacter(character);
      } else {
        tokens.push({ kind: 'register', text: found });
        at += 1 + found.length;
      }
    } else if (WORD.test(character)) {
      const found = word(at);
      tokens.push({ kind: 'name', text: found });
      at += found.length;
    } else if (character === "'") {
      const match = /^'(\\?[\x20-\x7e])'/.exec(text.slice(at));
      if (match?.[1] === undefined) throw badCharacter(character);
      tokens.push({ kind: 'number', text: match[0], value: BigInt(unescape1(match[1]).charCodeAt(0)) });
      at += match[0].length;
    } else {
      const operator = OPERATORS.find((candidate) => text.startsWith(candidate, at));
      if (operator === undefined) throw badCharacter(character);
      tokens.push({ kind: 'operator', text: operator });
      at += operator.length;
    }
  }
  tokens.push({ kind: 'end', text: '' });
  return tokens;
}

function parseNumber(text: string): bigint {
  const digits = text.replace(/_/g, '').replace(/(?<=[0-9a-fA-F])[uUlL]+$/, '');
  if (!/^(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|[0-9]+)$/.test(digits)) throw badNumber(text);
  const value = BigInt(digits);
  if (value > 0xffffffffffffffffn) throw badNumber(text);
  return value;
}

const endsOperand = (token: Token | undefined): boolean =>
  token !== undefined && (token.kind !== 'operator' || token.text === ')' || token.text === ']');

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' };
const unescape1 = (text: string): string => (text.length === 1 ? text : (ESCAPES[text.charAt(1)] ?? text.charAt(1)));

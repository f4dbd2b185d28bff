import type { Row } from '../isa/row.ts';

/** Which prefix a row insists on. 'any': rows that do not look at 66, F2, F3 as part of the opcode. */
export type MandatoryPrefix = 'any' | 'none' | 'no repeat' | 0x66 | 0xf2 | 0xf3;

export interface Encoding {
  readonly prefix: MandatoryPrefix;
  readonly rexW: boolean;
  /** 0: one byte; 1: 0F; 2: 0F 38; 3: 0F 3A. */
  readonly map: number;
  readonly opcode: number;
  readonly hasModrm: boolean;
  /** ModRM.reg must be this; -1: any. */
  readonly digit: number;
  /** Whole ModRM byte is fixed under this mask; mask 0: not. */
  readonly modrm: number;
  readonly modrmMask: number;
  /** Low three bits of the opcode are a register. */
  readonly plusRegister: boolean;
}

/** Parses the manual's notation: `66 0F 38 17 /r`, `REX.W 0F C7 /1`, `50 +r`, `0F 01 F8`, `D8 C0 +i`. */
export function parseEncoding(row: Row): Encoding {
  const tokens: string[] = row.encoding.split(' ');
  let prefix: MandatoryPrefix = 'any';
  let rexW = false;
  for (;;) {
    const token = tokens[0];
    if (token === 'NP') prefix = 'none';
    else if (token === 'NFx') prefix = 'no repeat';
    else if (token === 'REX.W') rexW = true;
    else if ((token === '66' || token === 'F2' || token === 'F3') && tokens.length > 1)
      prefix = Number.parseInt(token, 16) as 0x66;
    else break;
    tokens.shift();
  }
  let map = 0;
  if (tokens[0] === '0F') {
    tokens.shift();
    map = 1;
    const second = tokens[0] as string;
    if ((second === '38' || second === '3A') && /^[0-9A-F]{2}$/.test(tokens[1] ?? '')) {
      map = second === '38' ? 2 : 3;
      tokens.shift();
    }
  }
  const opcode = Number.parseInt(tokens.shift() as string, 16);
  let hasModrm = false;
  let digit = -1;
  let modrm = 0;
  let modrmMask = 0;
  let plusRegister = false;
  for (const token of tokens) {
    if (token === '/r') hasModrm = true;
    else if (token === '+r') plusRegister = true;
    else if (token === '+i') modrmMask = 0xf8;
    else if (token.startsWith('/')) {
      hasModrm = true;
      digit = Number(token.slice(1));
    } else {
      hasModrm = true;
      modrm = Number.parseInt(token, 16);
      modrmMask = 0xff;
    }
  }
  return { prefix, rexW, map, opcode, hasModrm, digit, modrm, modrmMask, plusRegister };
}

/** Binary opcodes of the WebAssembly core specification, section 5.4, by operation and width. */
const table32: Record<string, number> = {};
const table64: Record<string, number> = {};

function number(target: Record<string, number>, first: number, names: string): void {
  for (const [index, name] of names.split(' ').entries()) target[name] = first + index;
}

const comparisons = 'eqz eq ne ltS ltU gtS gtU leS leU geS geU';
const arithmetic = 'clz ctz popcnt add sub mul divS divU remS remU and or xor shl shrS shrU rotl rotr';
number(table32, 0x45, comparisons);
number(table64, 0x50, comparisons);
number(table32, 0x67, arithmetic);
number(table64, 0x79, arithmetic);
number(table32, 0xc0, 'extend8S extend16S');
number(table64, 0xc2, 'extend8S extend16S extend32S');

export const I32_OPCODES: Readonly<Record<string, number>> = table32;
export const I64_OPCODES: Readonly<Record<string, number>> = table64;

export const I32_WRAP_I64 = 0xa7;
export const I64_EXTEND_I32_S = 0xac;
export const I64_EXTEND_I32_U = 0xad;
/** Load opcodes by access width in bits: zero-extending, into the type that Int uses for that width. */
export const LOAD_UNSIGNED: Readonly<Record<number, number>> = { 8: 0x2d, 16: 0x2f, 32: 0x28, 64: 0x29 };
export const LOAD_SIGNED: Readonly<Record<number, number>> = { 8: 0x2c, 16: 0x2e, 32: 0x28, 64: 0x29 };
export const STORE: Readonly<Record<number, number>> = { 8: 0x3a, 16: 0x3b, 32: 0x36, 64: 0x37 };
/** i64.load32_s and i64.load32_u. */
export const I64_LOAD32_S = 0x34;
export const I64_LOAD32_U = 0x35;
export const I64_STORE32 = 0x3e;

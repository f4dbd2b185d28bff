import { CodeBuffer } from './code-buffer.ts';
import type { FunctionBody } from './function-body.ts';

export const TYPE_I32 = 0x7f;
export const TYPE_I64 = 0x7e;
export const TYPE_F32 = 0x7d;
export const TYPE_F64 = 0x7c;
export const TYPE_V128 = 0x7b;
export type ValueType = 0x7f | 0x7e | 0x7d | 0x7c | 0x7b;

export interface Signature {
  readonly key: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

interface Import {
  readonly name: string;
  readonly kind: 0 | 1 | 2;
  readonly type: number;
}

/** Assembles one WebAssembly module; everything is imported from the module name "x". */
export class ModuleBuilder {
  private readonly types: Signature[] = [];
  private readonly imports: Import[] = [];
  private readonly functions: { readonly type: number; readonly body: FunctionBody }[] = [];
  private readonly exports: { readonly name: string; readonly kind: 0 | 1; readonly index: number }[] = [];
  private importedFunctions = 0;
  private tableEntries: readonly number[] = [];
  private tableSize = 0;

  type(parameters: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${parameters.join()}>${results.join()}`;
    const known = this.types.findIndex((type) => type.key === key);
    if (known >= 0) return known;
    this.types.push({ key, parameters, results });
    return this.types.length - 1;
  }

  /** All imported functions must be declared before the first own one. */
  importFunction(name: string, parameters: readonly ValueType[], results: readonly ValueType[]): number {
    this.imports.push({ name, kind: 0, type: this.type(parameters, results) });
    return this.importedFunctions++;
  }

  importMemory(name: string): void {
    this.imports.push({ name, kind: 2, type: 0 });
  }

  importTable(name: string): void {
    this.imports.push({ name, kind: 1, type: 0 });
  }

  addFunction(type: number, body: FunctionBody, exportName?: string): number {
    const index = this.importedFunctions + this.functions.length;
    this.functions.push({ type, body });
    if (exportName !== undefined) this.exportFunction(exportName, index);
    return index;
  }

  exportFunction(name: string, index: number): void {
    this.exports.push({ name, kind: 0, index });
  }

  /** Parameters and results of a function, imported or own. */
  signature(index: number): Signature {
    const type =
      index < this.importedFunctions
        ? (this.imports.filter(({ kind }) => kind === 0)[index] as Import).type
        : (this.functions[index - this.importedFunctions] as { readonly type: number }).type;
    return this.types[type] as Signature;
  }

  /** Function index that the next `addFunction` will return. */
  get nextFunction(): number {
    return this.importedFunctions + this.functions.length;
  }

  /** Own table, filled with these functions from entry 0, with room for more, and exported. */
  setTable(functions: readonly number[], room: number, exportName: string): void {
    this.tableEntries = functions;
    this.tableSize = functions.length + room;
    this.exports.push({ name: exportName, kind: 1, index: 0 });
  }

  build(): Uint8Array<ArrayBuffer> {
    const out = new CodeBuffer(65536);
    for (const byte of [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) out.u8(byte);
    const section = (id: number, fill: (body: CodeBuffer) => void): void => {
      const body = new CodeBuffer(1024);
      fill(body);
      out.u8(id);
      out.unsigned(body.length);
      out.append(body);
    };
    section(1, (body) => {
      body.unsigned(this.types.length);
      for (const { parameters, results } of this.types) {
        body.u8(0x60);
        body.unsigned(parameters.length);
        for (const type of parameters) body.u8(type);
        body.unsigned(results.length);
        for (const type of results) body.u8(type);
      }
    });
    section(2, (body) => {
      body.unsigned(this.imports.length);
      for (const entry of this.imports) {
        body.name('x');
        body.name(entry.name);
        body.u8(entry.kind);
        if (entry.kind === 0) body.unsigned(entry.type);
        else {
          if (entry.kind === 1) body.u8(0x70);
          body.u8(0);
          body.unsigned(1);
        }
      }
    });
    section(3, (body) => {
      body.unsigned(this.functions.length);
      for (const { type } of this.functions) body.unsigned(type);
    });
    if (this.tableSize > 0)
      section(4, (body) => {
        body.unsigned(1);
        body.u8(0x70);
        body.u8(0);
        body.unsigned(this.tableSize);
      });
    section(7, (body) => {
      body.unsigned(this.exports.length);
      for (const { name, kind, index } of this.exports) {
        body.name(name);
        body.u8(kind);
        body.unsigned(index);
      }
    });
    if (this.tableEntries.length > 0)
      section(9, (body) => {
        body.unsigned(1);
        body.u8(0);
        body.u8(0x41);
        body.signed32(0);
        body.u8(0x0b);
        body.unsigned(this.tableEntries.length);
        for (const index of this.tableEntries) body.unsigned(index);
      });
    section(10, (body) => {
      body.unsigned(this.functions.length);
      for (const { body: code } of this.functions) code.writeTo(body);
    });
    return out.finish();
  }
}

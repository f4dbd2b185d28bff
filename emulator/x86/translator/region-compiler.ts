import { addSharedFunctions, importSharedFunctions } from '../interpreter/shared-functions.ts';
import type { Imports } from '../isa/emitter.ts';
import type { FunctionBody } from '../wasm/function-body.ts';
import { ModuleBuilder, TYPE_I32 } from '../wasm/module-builder.ts';

/** An interpreter's table of functions: its routines, and from `base` on the regions. */
export interface RegionTable {
  readonly table: WebAssembly.Table;
  readonly base: number;
}

/** What regions are linked with. */
export interface RegionHost {
  readonly memory: WebAssembly.Memory;
  readonly tables: Readonly<Record<32 | 64, RegionTable>>;
  /** Imports by name: the interpreter's functions, and callbacks made for regions. */
  readonly imports: Readonly<Record<32 | 64, Record<string, WebAssembly.ImportValue>>>;
}

/** Code of one region, given the imports of its module and the type of routines. */
export type RegionSource = (imports: Imports, routineType: number) => FunctionBody;

/** Makes modules of regions and puts their functions into the interpreter's table. */
export class RegionCompiler {
  private readonly signatures = new ModuleBuilder();
  private readonly shared: Imports;
  private readonly used = new Set<number>();

  constructor(
    private readonly host: RegionHost,
    private readonly mode: 32 | 64,
  ) {
    this.shared = addSharedFunctions(this.signatures);
  }

  /** Compiles; returns the size of the module in bytes. */
  compile(slots: readonly number[], sources: readonly RegionSource[]): number {
    const { host, mode } = this;
    const { table, base } = host.tables[mode];
    const builder = new ModuleBuilder();
    builder.importMemory('memory');
    builder.importTable('table');
    const imports = importSharedFunctions(builder, this.signatures, this.shared);
    const type = builder.type([TYPE_I32], [TYPE_I32]);
    for (const [index, source] of sources.entries()) builder.addFunction(type, source(imports, type), `r${index}`);
    const bytes = builder.build();
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      x: { ...host.imports[mode], memory: host.memory, table },
    });
    for (const [index, slot] of slots.entries()) {
      table.set(base + slot, exports[`r${index}`] as () => number);
      this.used.add(slot);
    }
    return bytes.length;
  }

  /** Forgets all functions, so that their code can be freed. */
  clear(): void {
    const { table, base } = this.host.tables[this.mode];
    for (const slot of this.used) table.set(base + slot, null);
    this.used.clear();
  }
}

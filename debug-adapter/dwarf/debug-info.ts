import { ET_REL } from '../../emulator/elf/constants.ts';
import type { ElfFile } from '../../emulator/elf/elf-file.ts';
import { findSection } from '../../emulator/elf/elf-file.ts';
import { CallFrames } from './call-frames.ts';
import { argumentAt } from './call-sites.ts';
import { AT, TAG } from './constants.ts';
import type { FrameRow } from './frame-program.ts';
import { type FunctionIndex, type FunctionInstance, functionsAt, readFunctions } from './functions.ts';
import { readLineHeader } from './line-header.ts';
import { type LineTable, readLineTable } from './line-table.ts';
import { bodyStart, type LinePlace, lineRanges, nearestLine, placeAt, statementLines, statementsOf } from './lines.ts';
import { evaluateLocation, type FrameState, type Location, type LocationContext, OPTIMIZED_OUT } from './location.ts';
import { Problems } from './malformed.ts';
import { NameSearch } from './name-search.ts';
import type { PcRange } from './ranges.ts';
import { DebugSections } from './sections.ts';
import { describeType, type Member, membersOf, type TypeDescription } from './types.ts';
import { readUnitHeaders, Unit } from './unit.ts';
import { type Enumerator, enumeratorsOf, namedTypes, withoutKeyword } from './unit-names.ts';
import { fileScope, frameBaseOf, globalsOf, locateVariable, type Variable, variablesOf } from './variables.ts';

/** What an address is in the source. */
export interface CodePlace {
  readonly unit: Unit;
  readonly line: LinePlace | undefined;
  /** Innermost inlined one first; empty for assembly. */
  readonly functions: readonly FunctionInstance[];
}

/** A line that has code, and where a breakpoint on it belongs: once per function and per inlined copy. */
export interface LineBreak {
  readonly line: number;
  readonly addresses: readonly number[];
}

/** What a frame must be able to tell for its variables to be found. */
export interface VariableFrame extends FrameState {
  readonly pc: number;
  canonicalFrameAddress(): Promise<bigint | undefined>;
  entryValue?(expression: Uint8Array): Promise<bigint | undefined>;
}

const VOID_SIZE = 1;
const MAXIMUM_TYPE_DEPTH = 64;

/**
 * The debugging information of one ELF file: DWARF 2 to 5 as gcc and clang write it. Units are indexed by address when
 * it is opened for the first question; what is in a unit is read when something asks about it, and kept as plain
 * arrays. No method throws: what is malformed is listed in `problems`, and the answer is as if it were not there.
 *
 * Addresses are signed in 64-bit files, as everywhere in the emulator.
 *
 * NOT IMPLEMENTED: split DWARF (.dwo), type units, dwz's shared file, relocatable objects, macros, DWARF of anything
 * but C's constructs.
 */
export class DebugInfo {
  private readonly problemList: Problems;
  private readonly units: readonly Unit[];
  private readonly frames: CallFrames;
  private addressIndex:
    | { readonly lows: Float64Array; readonly highs: Float64Array; readonly units: Uint32Array }
    | undefined;
  private readonly lineTables = new Map<Unit, LineTable | undefined>();
  private readonly functionIndexes = new Map<Unit, FunctionIndex | undefined>();
  private fileIndex: ReadonlyMap<string, readonly Unit[]> | undefined;
  private readonly scopes = new Map<Unit, ReadonlyMap<string, Variable>>();
  private readonly enumeratorNames = new Map<Unit, ReadonlyMap<string, Enumerator>>();
  private readonly typeNames = new Map<Unit, ReadonlyMap<string, number>>();
  private readonly names: NameSearch;

  private constructor(
    private readonly sections: DebugSections,
    problems: Problems,
  ) {
    this.problemList = problems;
    this.frames = new CallFrames(sections, problems);
    const headers = sections.has('info') ? readUnitHeaders(sections, problems) : [];
    const units: Unit[] = [];
    for (const header of headers) units.push(new Unit(header, sections, (offset) => this.unitOf(offset)));
    this.units = units;
    this.names = new NameSearch(sections, units);
  }

  /** Undefined: the file has neither debugging information nor call-frame information. */
  static open(file: ElfFile): DebugInfo | undefined {
    const problems = new Problems();
    const sections = new DebugSections(file, problems);
    if (file.type === ET_REL) return undefined;
    const has = ['.debug_info', '.zdebug_info', '.debug_frame', '.eh_frame'].some(
      (name) => findSection(file, name) !== undefined,
    );
    return has ? new DebugInfo(sections, problems) : undefined;
  }

  /** What was found to be wrong so far, in sentences. */
  get problems(): readonly string[] {
    return this.problemList.all;
  }

  get addressSize(): 8 | 4 {
    return this.sections.addressSize;
  }

  get unitCount(): number {
    return this.units.length;
  }

  /** Everything about an address; undefined: no unit covers it. */
  place(pc: number): CodePlace | undefined {
    const unit = this.unitAt(pc);
    if (unit === undefined) return undefined;
    const table = this.lines(unit);
    return {
      unit,
      line: table === undefined ? undefined : this.problemList.guard(undefined, () => placeAt(table, pc)),
      functions: this.functions(unit, pc),
    };
  }

  /** Path of a file by its number in a unit's line table. */
  fileName(unit: Unit, number: number): string | undefined {
    return this.lines(unit)?.files[number];
  }

  /** All rows of all line tables, for whoever wants to see everything. */
  *lineTablesOfAllUnits(): Generator<LineTable> {
    for (const unit of this.units) {
      const table = this.lines(unit);
      if (table !== undefined) yield table;
    }
  }

  /** Paths of the source files that have a name in some line table. */
  get files(): readonly string[] {
    return [...this.filesByPath().keys()];
  }

  /** The line from `line` on, in any of these files, that has code; undefined: none has. */
  breakOn(paths: readonly string[], line: number): LineBreak | undefined {
    const tables = this.tablesOf(paths);
    const found = tables
      .map(({ table, numbers }) => nearestLine(table, numbers, line))
      .filter((candidate) => candidate !== undefined);
    if (found.length === 0) return undefined;
    const best = Math.min(...found);
    const addresses = tables.flatMap(({ unit, table, numbers }) =>
      this.problemList.guard([], () => this.breakAddresses(unit, table, statementsOf(table, numbers, best))),
    );
    return addresses.length === 0 ? undefined : { line: best, addresses: [...new Set(addresses)] };
  }

  /** Lines of the files that a breakpoint can be set on, ascending. */
  linesWithCode(paths: readonly string[]): readonly number[] {
    const all = this.tablesOf(paths).flatMap(({ table, numbers }) => statementLines(table, numbers));
    return [...new Set(all)].sort((left, right) => left - right);
  }

  /** All addresses at which a statement of exactly this line begins. */
  statements(paths: readonly string[], line: number): readonly number[] {
    return this.tablesOf(paths).flatMap(({ table, numbers }) => statementsOf(table, numbers, line));
  }

  /** Addresses of the line that `pc` is in, inside its function. */
  lineRanges({ unit, functions }: CodePlace, pc: number): readonly PcRange[] {
    const table = this.lines(unit);
    if (table === undefined) return [];
    const limits = functions.at(-1)?.ranges ?? this.problemList.guard([], () => unit.ranges);
    return this.problemList.guard([], () => lineRanges(table, pc, limits));
  }

  /** Where the body of a function begins, behind its prologue. */
  bodyStart({ unit, ranges }: FunctionInstance): number | undefined {
    const [first] = ranges;
    const table = this.lines(unit);
    if (first === undefined || table === undefined) return first?.low;
    return bodyStart(table, first.low, first.high);
  }

  /** Call-frame rules at an address. */
  frameRow(pc: number): FrameRow | undefined {
    return this.problemList.guard(undefined, () => this.frames.rowAt(pc));
  }

  /** Parameters and locals in scope, inner blocks first. */
  variables(instance: FunctionInstance): readonly Variable[] {
    return this.problemList.guard([], () => variablesOf(instance));
  }

  /** Variables with a place that a unit defines outside its functions. */
  globals(unit: Unit): readonly Variable[] {
    return this.problemList.guard([], () => globalsOf(unit));
  }

  /**
   * A variable of a file's scope by name: of this unit first, then, with `elsewhere`, of the first unit that defines it.
   */
  global(name: string, preferred: Unit, elsewhere: boolean): Variable | undefined {
    const own = this.fileScope(preferred).get(name);
    if (own !== undefined || !elsewhere) return own;
    for (const unit of this.names.unitsNaming(name)) {
      const found = this.fileScope(unit).get(name);
      if (found?.entry.has(AT.location) === true) return found;
    }
    return undefined;
  }

  /** A type by name: "u32", "struct page". Of this unit first; a declaration only where there is no definition. */
  typeNamed(name: string, preferred: Unit | undefined): number | undefined {
    const own = preferred === undefined ? undefined : this.typesByName(preferred).get(name);
    if (own !== undefined) return own;
    for (const unit of this.names.unitsNaming(withoutKeyword(name))) {
      const found = this.typesByName(unit).get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** An enumerator of a unit by name, with the offset of its type. */
  enumerator(name: string, unit: Unit): Enumerator | undefined {
    let names = this.enumeratorNames.get(unit);
    if (names === undefined) {
      names = this.problemList.guard(new Map(), () => enumeratorsOf(unit));
      this.enumeratorNames.set(unit, names);
    }
    return names.get(name);
  }

  /** Where a variable is in a frame. `instance`: the function it belongs to, for locals. */
  async locate(variable: Variable, instance: FunctionInstance | undefined, frame: VariableFrame): Promise<Location> {
    return await this.guardLocation(async () => {
      const { unit } = variable.entry;
      const context = this.context(unit, frame);
      const outer = instance === undefined ? undefined : this.enclosing(instance);
      const frameBase = (): Promise<bigint | undefined> =>
        outer === undefined ? Promise.resolve(undefined) : frameBaseOf(outer, frame.pc, context);
      return await locateVariable(variable, frame.pc, { ...context, frameBase });
    });
  }

  /** A location expression on its own, such as the value of an argument at a call. */
  async evaluate(expression: Uint8Array, unit: Unit, frame: VariableFrame): Promise<Location> {
    return await this.guardLocation(() => evaluateLocation(expression, this.context(unit, frame)));
  }

  /**
   * What the caller of a function passed in a register, as an expression over the caller's frame: from the entry that
   * describes the call which returns to `returnAddress`.
   */
  argumentAt(
    returnAddress: number,
    location: Uint8Array,
  ): { readonly expression: Uint8Array; readonly unit: Unit } | undefined {
    const unit = this.unitAt(returnAddress - 1);
    if (unit === undefined) return undefined;
    const expression = this.problemList.guard(undefined, () => argumentAt(unit, returnAddress, location));
    return expression === undefined ? undefined : { expression, unit };
  }

  type(offset: number): TypeDescription | undefined {
    return this.problemList.guard(undefined, () => {
      const unit = this.unitOf(offset);
      return unit === undefined ? undefined : describeType(unit.entry(offset));
    });
  }

  members(offset: number): readonly Member[] {
    return this.problemList.guard([], () => {
      const unit = this.unitOf(offset);
      return unit === undefined ? [] : membersOf(unit.entry(offset), (type) => this.sizeOf(type));
    });
  }

  /** Bytes of a type; undefined: it is incomplete, or its size depends on something else. */
  sizeOf(offset: number | undefined, depth = 0): number | undefined {
    if (offset === undefined) return VOID_SIZE;
    const type = this.type(offset);
    if (type === undefined || depth > MAXIMUM_TYPE_DEPTH) return undefined;
    switch (type.kind) {
      case 'base':
      case 'struct':
      case 'enum':
        return type.size;
      case 'pointer':
        return type.size ?? this.addressSize;
      case 'typedef':
      case 'qualified':
        return this.sizeOf(type.of, depth + 1);
      case 'array': {
        const element = this.sizeOf(type.of, depth + 1);
        return type.counts.reduce<number | undefined>(
          (size, count) => (size === undefined || count === undefined ? undefined : size * count),
          element,
        );
      }
      case 'function':
      case 'unspecified':
        return VOID_SIZE;
    }
  }

  /** The definition of a structure that `offset` only declares, by name; `offset` itself where there is none. */
  complete(offset: number): number {
    const type = this.type(offset);
    if (type?.kind !== 'struct' || !type.incomplete || type.name === undefined) return offset;
    return this.typeNamed(`${type.keyword} ${type.name}`, undefined) ?? offset;
  }

  private context(unit: Unit, frame: VariableFrame): LocationContext {
    return {
      addressSize: frame.addressSize,
      register: (number) => frame.register(number),
      readMemory: (address, length) => frame.readMemory(address, length),
      unit,
      canonicalFrameAddress: () => frame.canonicalFrameAddress(),
      entryValue: async (expression) => frame.entryValue?.(expression),
    };
  }

  private async guardLocation(work: () => Promise<Location>): Promise<Location> {
    try {
      return await work();
    } catch (error) {
      return this.problemList.guard(OPTIMIZED_OUT, () => {
        throw error;
      });
    }
  }

  /** The real function around an inlined one: the frame is its. */
  private enclosing(instance: FunctionInstance): FunctionInstance {
    const { unit, index } = instance;
    let at = index;
    while (at >= 0 && unit.tree.tags[at] !== TAG.subprogram) at = unit.tree.parents[at] as number;
    return at < 0 ? instance : { ...instance, index: at };
  }

  private unitAt(pc: number): Unit | undefined {
    const { lows, highs, units } = this.addresses();
    let low = 0;
    let high = lows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((lows[middle] as number) <= pc) low = middle + 1;
      else high = middle;
    }
    return low > 0 && pc < (highs[low - 1] as number) ? this.units[units[low - 1] as number] : undefined;
  }

  private addresses(): NonNullable<DebugInfo['addressIndex']> {
    if (this.addressIndex !== undefined) return this.addressIndex;
    const found: (PcRange & { readonly unit: number })[] = [];
    for (const [index, unit] of this.units.entries()) {
      if (this.problemList.guard(false, () => unit.isSplit)) {
        this.problemList.note('Debugging information in .dwo files is not read; compile without -gsplit-dwarf.');
      }
      for (const range of this.rangesOf(unit)) found.push({ ...range, unit: index });
    }
    found.sort((left, right) => left.low - right.low);
    this.addressIndex = {
      lows: Float64Array.from(found, ({ low }) => low),
      highs: Float64Array.from(found, ({ high }) => high),
      units: Uint32Array.from(found, ({ unit }) => unit),
    };
    return this.addressIndex;
  }

  /** A unit that does not tell its addresses has them in its line table. */
  private rangesOf(unit: Unit): readonly PcRange[] {
    const told = this.problemList.guard([], () => unit.ranges);
    return told.length > 0 ? told : (this.lines(unit)?.sequences ?? []);
  }

  private unitOf(offset: number): Unit | undefined {
    let low = 0;
    let high = this.units.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.units[middle] as Unit).header.offset <= offset) low = middle + 1;
      else high = middle;
    }
    const unit = this.units[low - 1];
    return unit?.contains(offset) === true ? unit : undefined;
  }

  private lines(unit: Unit): LineTable | undefined {
    if (!this.lineTables.has(unit)) {
      const table = this.problemList.guard(undefined, () => {
        const offset = unit.root.sectionOffset(AT.stmt_list);
        if (offset === undefined) return undefined;
        return readLineTable(this.sections, offset, unit.folder, unit.header.addressSize);
      });
      this.lineTables.set(unit, table);
    }
    return this.lineTables.get(unit);
  }

  private functions(unit: Unit, pc: number): readonly FunctionInstance[] {
    if (!this.functionIndexes.has(unit)) {
      this.functionIndexes.set(
        unit,
        this.problemList.guard(undefined, () => readFunctions(unit)),
      );
    }
    const index = this.functionIndexes.get(unit);
    return index === undefined ? [] : this.problemList.guard([], () => functionsAt(unit, index, pc));
  }

  /** Units by the paths in the headers of their line tables; the programs are not run for it. */
  private filesByPath(): ReadonlyMap<string, readonly Unit[]> {
    if (this.fileIndex !== undefined) return this.fileIndex;
    const found = new Map<string, Unit[]>();
    for (const unit of this.units) {
      const files = this.problemList.guard([], () => {
        const offset = unit.root.sectionOffset(AT.stmt_list);
        if (offset === undefined) return [];
        return readLineHeader(this.sections, offset, unit.folder, unit.header.addressSize).files;
      });
      for (const file of new Set(files)) {
        if (file === '') continue;
        const units = found.get(file);
        if (units === undefined) found.set(file, [unit]);
        else units.push(unit);
      }
    }
    this.fileIndex = found;
    return found;
  }

  private tablesOf(paths: readonly string[]): readonly {
    readonly unit: Unit;
    readonly table: LineTable;
    readonly numbers: ReadonlySet<number>;
  }[] {
    const wanted = new Set(paths);
    const units = new Set(paths.flatMap((path) => this.filesByPath().get(path) ?? []));
    return [...units].flatMap((unit) => {
      const table = this.lines(unit);
      if (table === undefined) return [];
      const numbers = new Set([...table.files.keys()].filter((number) => wanted.has(table.files[number] as string)));
      return [{ unit, table, numbers }];
    });
  }

  /** One address per function and inlined copy: the lowest, behind the prologue where it would be in it. */
  private breakAddresses(unit: Unit, table: LineTable, statements: readonly number[]): readonly number[] {
    const chosen = new Map<number, number>();
    for (const address of statements) {
      const functions = this.functions(unit, address);
      const [innermost] = functions;
      const key = innermost?.index ?? -1 - chosen.size;
      if (chosen.has(key)) continue;
      const start = innermost?.call === undefined ? innermost?.ranges.find(({ low }) => low === address) : undefined;
      chosen.set(key, start === undefined ? address : bodyStart(table, start.low, start.high));
    }
    return [...chosen.values()];
  }

  private fileScope(unit: Unit): ReadonlyMap<string, Variable> {
    let scope = this.scopes.get(unit);
    if (scope === undefined) {
      const names = new Map<string, Variable>();
      for (const variable of this.problemList.guard([], () => fileScope(unit))) {
        const known = names.get(variable.name);
        // A definition refers to its declaration: the one with a place wins.
        if (known === undefined || !known.entry.has(AT.location)) names.set(variable.name, variable);
      }
      scope = names;
      this.scopes.set(unit, scope);
    }
    return scope;
  }

  private typesByName(unit: Unit): ReadonlyMap<string, number> {
    let names = this.typeNames.get(unit);
    if (names === undefined) {
      names = this.problemList.guard(new Map(), () => namedTypes(unit));
      this.typeNames.set(unit, names);
    }
    return names;
  }
}

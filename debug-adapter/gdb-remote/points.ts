/** Break- and watchpoints that gdb has inserted (packets Z and z), as the debug target takes them. */
import type { DebugTarget, StopEvent } from '../../emulator/debug/target.ts';

/** Numbers of the Z packet. */
const SOFTWARE = 0;
const HARDWARE = 1;
const WATCH_ACCESS: Readonly<Record<number, 'write' | 'read' | 'readWrite'>> = {
  2: 'write',
  3: 'read',
  4: 'readWrite',
};
/** What a stop reply calls them. */
const WATCH_WORDS: Readonly<Record<number, string>> = { 2: 'watch', 3: 'rwatch', 4: 'awatch' };

interface Point {
  readonly kind: number;
  /** Hexadecimal digits. */
  readonly address: string;
  /** Bytes watched; for breakpoints the length of the instruction gdb would have put there. */
  readonly length: number;
}

export class Points {
  private readonly points = new Map<string, Point>();

  constructor(private readonly target: DebugTarget) {}

  /** "0,ffffffff81000000,1" of a Z or z packet. False: no such kind; undefined: malformed. */
  async change(text: string, insert: boolean): Promise<boolean | undefined> {
    const match = /^([0-9]),([0-9a-fA-F]+),([0-9a-fA-F]+)(?:;.*)?$/.exec(text);
    if (match === null) return undefined;
    const kind = Number(match[1]);
    if (kind !== SOFTWARE && kind !== HARDWARE && WATCH_ACCESS[kind] === undefined) return false;
    const point = {
      kind,
      address: (match[2] as string).toLowerCase(),
      length: Number.parseInt(match[3] as string, 16),
    };
    const id = `${kind}:${point.address}:${point.length}`;
    if (insert) this.points.set(id, point);
    else this.points.delete(id);
    await this.arm();
    return true;
  }

  async clear(): Promise<void> {
    this.points.clear();
    await this.arm();
  }

  /** What a stop reply says beside the signal: which kind of point was hit; empty where none was. */
  describe({ breakpoints }: StopEvent): string {
    for (const id of breakpoints) {
      const point = this.points.get(id);
      if (point === undefined) continue;
      const word = WATCH_WORDS[point.kind];
      if (word !== undefined) return `${word}:${point.address};`;
      return point.kind === SOFTWARE ? 'swbreak:;' : 'hwbreak:;';
    }
    return '';
  }

  private async arm(): Promise<void> {
    const all = [...this.points].map(([id, point]) => ({ id, ...point, address: `0x${point.address}` }));
    const breakpoints = all.filter(({ kind }) => kind === SOFTWARE || kind === HARDWARE);
    await this.target.setInstructionBreakpoints(breakpoints.map(({ id, address }) => ({ id, address })));
    await this.target.setWatchpoints(
      all.flatMap(({ id, kind, address, length }) => {
        const access = WATCH_ACCESS[kind];
        return access === undefined ? [] : [{ id, address, length, access }];
      }),
    );
  }
}

import type { FunctionInstance } from '../../dwarf/functions.ts';
import type { ReadMemory } from '../../expression/objects.ts';
import type { Frame } from '../unwinder.ts';
import { FrameView, lookupAddress } from './frame-view.ts';
import type { ModulePlace, Modules } from './modules.ts';

/** What the source says of a frame. */
export interface SourceFrame {
  readonly place: ModulePlace;
  /** Undefined in assembly. */
  readonly instance: FunctionInstance | undefined;
  /** As debugging information has it. */
  readonly file: string | undefined;
  /** 0: not known. */
  readonly line: number;
  readonly column: number;
  readonly view: FrameView;
}

export interface ExpandedFrame {
  readonly frame: Frame;
  /** Which of the real frames it is, or is part of. */
  readonly level: number;
  readonly source: SourceFrame | undefined;
}

/** The real frames with the inlined calls inside them as frames of their own. */
export function expandFrames(
  modules: Modules,
  frames: readonly Frame[],
  readMemory: ReadMemory,
): readonly ExpandedFrame[] {
  return frames.flatMap((frame, level): readonly ExpandedFrame[] => {
    const found = sourceFrames(modules, frames, level, readMemory);
    if (found.length === 0) return [{ frame, level, source: undefined }];
    return found.map((source) => ({ frame, level, source }));
  });
}

/** Source frames of one real frame, innermost inlined one first; empty where there is no debugging information. */
export function sourceFrames(
  modules: Modules,
  frames: readonly Frame[],
  level: number,
  readMemory: ReadMemory,
): readonly SourceFrame[] {
  const frame = frames[level];
  const place = frame === undefined ? undefined : modules.place(lookupAddress(frame));
  if (frame === undefined || place === undefined) return [];
  const { module, unit, functions, line } = place;
  const view = new FrameView(modules, module, frame, readMemory, () => {
    const caller = frames[level + 1];
    const above = caller === undefined ? undefined : sourceFrames(modules, frames, level + 1, readMemory)[0];
    return caller === undefined || above === undefined ? undefined : { frame: caller, view: above.view };
  });
  let at = { file: line?.file, line: line?.line ?? 0, column: line?.column ?? 0 };
  if (functions.length === 0) return line === undefined ? [] : [{ place, instance: undefined, view, ...at }];
  return functions.map((instance) => {
    const source = { place, instance, view, ...at };
    const { call } = instance;
    if (call !== undefined) at = { file: module.info.fileName(unit, call.file), line: call.line, column: call.column };
    return source;
  });
}

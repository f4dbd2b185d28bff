/**
 * What is wrong with debugging information. Thrown inside this folder only: every question that the outside may ask
 * catches it, notes it in `Problems`, and answers as if the information were not there.
 */
export class MalformedDwarf extends Error {
  override readonly name = 'MalformedDwarf';
}

export const pastTheEnd = (section: string, offset: number): MalformedDwarf =>
  new MalformedDwarf(`${section} ends before something that begins at 0x${offset.toString(16)}.`);
export const missingSection = (section: string): MalformedDwarf =>
  new MalformedDwarf(`${section} is referred to, but the file has none.`);
export const unknownForm = (form: number): MalformedDwarf =>
  new MalformedDwarf(`Attribute form 0x${form.toString(16)} is not known.`);
export const unknownAbbreviation = (code: number, offset: number): MalformedDwarf =>
  new MalformedDwarf(`The entry at 0x${offset.toString(16)} has abbreviation ${code}, which its unit does not define.`);
export const badUnit = (offset: number, what: string): MalformedDwarf =>
  new MalformedDwarf(`The unit at 0x${offset.toString(16)} of .debug_info ${what}.`);
export const badLineTable = (offset: number, what: string): MalformedDwarf =>
  new MalformedDwarf(`The line table at 0x${offset.toString(16)} ${what}.`);
export const badFrames = (section: string, offset: number, what: string): MalformedDwarf =>
  new MalformedDwarf(`The entry at 0x${offset.toString(16)} of ${section} ${what}.`);
export const tooDeep = (what: string): MalformedDwarf => new MalformedDwarf(`${what} refer to each other in a circle.`);
export const unsupportedReference = (): MalformedDwarf =>
  new MalformedDwarf('An entry refers to another file (dwz or type units), which is not read.');

/** Few enough to show; a damaged file would have one for every question. */
const MAXIMUM = 20;

/** Everything that was found wrong, each once. */
export class Problems {
  private readonly seen = new Set<string>();

  note(text: string): void {
    if (this.seen.size < MAXIMUM) this.seen.add(text);
  }

  get all(): readonly string[] {
    return [...this.seen];
  }

  /** The answer of `work`, or `otherwise` where the information is malformed. */
  guard<T, U>(otherwise: U, work: () => T): T | U {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof MalformedDwarf)) throw error;
      this.note(error.message);
      return otherwise;
    }
  }
}

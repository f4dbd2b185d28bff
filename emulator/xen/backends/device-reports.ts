const MAX_REPORTS = 32;

/** What is said about one device: a guest must not fill somebody's screen. Not state: what was said was said. */
export class DeviceReports {
  private last = '';
  private count = 0;

  constructor(
    /** "vbd 51712". */
    private readonly device: string,
    private readonly say: (text: string) => void,
  ) {}

  /** Shown, unless it is the same again and again, or the device has been in it too often. */
  report(text: string): void {
    if (text === this.last || this.count >= MAX_REPORTS) return;
    this.last = text;
    this.count++;
    const suffix = this.count === MAX_REPORTS ? ' (no more is said about this device)' : '';
    this.say(`${this.device}: ${text}${suffix}`);
  }
}

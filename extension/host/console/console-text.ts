/**
 * Guest console bytes as terminal text. Decodes UTF-8 across packet borders, and puts a carriage return before each
 * line feed that lacks one: guests differ in whether they send it, and a terminal without it draws stairs.
 */
export class ConsoleText {
  private readonly decoder = new TextDecoder();
  private endsInReturn = false;

  push(bytes: Uint8Array): string {
    const text = this.decoder.decode(bytes, { stream: true });
    if (text === '') return '';
    const joined = this.endsInReturn ? `\r${text}` : text;
    const lines = joined.replaceAll(/\r?\n/g, '\r\n');
    const shown = this.endsInReturn ? lines.slice(1) : lines;
    this.endsInReturn = text.endsWith('\r');
    return shown;
  }
}

export function describeEnd(reason: string): string {
  return `\r\n\x1b[2m[${reason.replaceAll(/[\r\n]+/g, ' ')}]\x1b[0m\r\n`;
}

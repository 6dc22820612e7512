// Lines on their way out. A terminal obeys what it is sent, so there they are made printable first.
import { printable } from '../../errors.js';
import type { EventFormat } from '../formats/event-format.js';
import { TextBuffer } from '../formats/text-buffer.js';

const NEWLINE = 0x0a;

export class LineOutput {
  readonly #output: TextBuffer;
  readonly #isEscaped: boolean;

  /** @param isEscaped a payload may hold escape sequences, and line breaks of its own */
  constructor(output: TextBuffer, isEscaped: boolean) {
    this.#output = output;
    this.#isEscaped = isEscaped;
  }

  text(line: string): void {
    this.#output.append(Buffer.from(this.#isEscaped ? printable(line) : line));
    this.#output.appendByte(NEWLINE);
  }

  /** @throws FormatDefect for what is none of the format; then nothing is added */
  payload(payload: Uint8Array, format: EventFormat): void {
    if (this.#isEscaped) {
      const line = new TextBuffer();
      format.decode(payload, line);
      this.text(line.utf8());
      return;
    }
    format.decode(payload, this.#output);
    this.#output.appendByte(NEWLINE);
  }
}

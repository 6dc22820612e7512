// Cuts a stream of bytes into lines without making strings: a line within one chunk is a range of
// that chunk; only the piece that two chunks share is copied.

const NEWLINE = 0x0a;
const FIRST_CARRY_BYTES = 4096;

/** A line that is longer than any event can be. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
}

/** Receives `bytes[start, end)`, the `\n` excluded; the range is valid during the call only. */
type LineSink = (bytes: Buffer, start: number, end: number) => void;

export class LineSplitter {
  readonly #lineBytesMax: number;
  readonly #sink: LineSink;
  #carry = Buffer.allocUnsafe(FIRST_CARRY_BYTES);
  #carried = 0;

  constructor(lineBytesMax: number, sink: LineSink) {
    this.#lineBytesMax = lineBytesMax;
    this.#sink = sink;
  }

  /** @throws LineTooLong, and what the sink throws; the lines before have been handed over */
  push(chunk: Buffer): void {
    let start = 0;
    if (this.#carried > 0) {
      const end = chunk.indexOf(NEWLINE);
      this.#keep(chunk, 0, end < 0 ? chunk.length : end);
      if (end < 0) return;
      this.#emitCarry();
      start = end + 1;
    }
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      if (end - start > this.#lineBytesMax) throw this.#tooLong();
      this.#sink(chunk, start, end);
      start = end + 1;
    }
    this.#keep(chunk, start, chunk.length);
  }

  /** Hands over a last line that no `\n` ends; false where there is none. */
  finish(): boolean {
    if (this.#carried === 0) return false;
    this.#emitCarry();
    return true;
  }

  #emitCarry(): void {
    const carried = this.#carried;
    this.#carried = 0;
    this.#sink(this.#carry, 0, carried);
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const needed = this.#carried + end - start;
    if (needed > this.#lineBytesMax) throw this.#tooLong();
    if (needed > this.#carry.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#carry.length * 2));
      this.#carry.copy(larger, 0, 0, this.#carried);
      this.#carry = larger;
    }
    chunk.copy(this.#carry, this.#carried, start, end);
    this.#carried = needed;
  }

  #tooLong(): LineTooLong {
    return new LineTooLong(
      `it is longer than ${this.#lineBytesMax} bytes, the most an event can have`,
    );
  }
}

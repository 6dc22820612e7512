// Cuts a stream of bytes into lines without making strings: a line within one chunk is a range of
// that chunk; only the piece that two chunks share is copied.

const NEWLINE = 0x0a;
const FIRST_CARRY_BYTES = 4096;
const NOTHING = Buffer.alloc(0);

/** A line that is longer than it may be. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
}

/** Steps from line to line of what it was fed. */
export class LineSplitter {
  /** The line stands at [start, end), its `\n` excluded; valid until the next call. */
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;
  readonly #lineBytesMax: number;
  #chunk: Buffer = NOTHING;
  /** Of the chunk: from here on lines were not shown yet. */
  #at = 0;
  #carry: Buffer = NOTHING;
  #carried = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** The chunk that follows; it must not change until `next` has returned false. */
  feed(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /**
   * Moves to the next line; false: its end was not fed yet.
   * @throws LineTooLong
   */
  next(): boolean {
    const from = this.#at;
    const chunk = this.#chunk;
    const end = chunk.indexOf(NEWLINE, from);
    if (end < 0) {
      this.#keep(chunk, from, chunk.length);
      this.feed(NOTHING);
      return false;
    }
    this.#at = end + 1;
    if (this.#carried > 0) {
      this.#keep(chunk, from, end);
      this.#showCarried();
      return true;
    }
    if (end - from > this.#lineBytesMax) throw this.#tooLong();
    this.bytes = chunk;
    this.start = from;
    this.end = end;
    return true;
  }

  /** Moves to a last line that no `\n` ends; false where there is none. */
  finish(): boolean {
    if (this.#carried === 0) return false;
    this.#showCarried();
    return true;
  }

  #showCarried(): void {
    this.bytes = this.#carry;
    this.start = 0;
    this.end = this.#carried;
    this.#carried = 0;
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const needed = this.#carried + end - start;
    if (needed > this.#lineBytesMax) throw this.#tooLong();
    if (needed > this.#carry.length) {
      const larger = Buffer.allocUnsafe(
        Math.max(needed, this.#carry.length * 2, FIRST_CARRY_BYTES),
      );
      this.#carry.copy(larger, 0, 0, this.#carried);
      this.#carry = larger;
    }
    chunk.copy(this.#carry, this.#carried, start, end);
    this.#carried = needed;
  }

  #tooLong(): LineTooLong {
    return new LineTooLong(`it is longer than ${this.#lineBytesMax} bytes`);
  }
}

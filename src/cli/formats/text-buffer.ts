// Bytes of text that grow at their end.

const FIRST_BYTES = 512;

export class TextBuffer {
  /** Filled up to `length`; replaced by {@link reserve} where it is too small. */
  bytes = new Uint8Array(0);
  length = 0;

  /** Makes room for `more` bytes after `length`. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, FIRST_BYTES, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  append(part: Uint8Array): void {
    this.reserve(part.length);
    this.bytes.set(part, this.length);
    this.length += part.length;
  }

  appendByte(byte: number): void {
    this.reserve(1);
    this.bytes[this.length] = byte;
    this.length += 1;
  }

  /** What was added, as latin1. */
  text(): string {
    return this.#added().toString('latin1');
  }

  /** What was added, as UTF-8; U+FFFD where it is none. */
  utf8(): string {
    return this.#added().toString('utf8');
  }

  #added(): Buffer {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.length);
  }
}

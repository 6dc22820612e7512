// A snapshot in the hands of `restore`. What is wrong with it is remembered: an application that
// catches the error has a state that must not be used all the same.
import type { SnapshotFile } from '../reading/snapshot-file.js';
import type { StoredSnapshot } from './machine-options.js';

export class SnapshotContentReader implements StoredSnapshot {
  readonly #file: SnapshotFile;
  #failure: unknown;

  constructor(file: SnapshotFile) {
    this.#file = file;
  }

  get contentBytes(): number {
    return this.#file.header.contentBytes;
  }

  /** What reading it has thrown, to whomever; undefined: nothing. */
  get failure(): unknown {
    return this.#failure;
  }

  *[Symbol.iterator](): Generator<Uint8Array, void, undefined> {
    for (let chunk = this.#next(); chunk !== undefined; chunk = this.#next()) yield chunk;
  }

  bytes(): Uint8Array {
    const chunks = [...this];
    const [only] = chunks;
    if (only !== undefined && chunks.length === 1) return only;
    const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }

  text(): string {
    // A state may begin with U+FEFF.
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.bytes());
  }

  /** Verifies what nobody has read. */
  drain(): void {
    while (this.#next() !== undefined);
  }

  #next(): Uint8Array | undefined {
    try {
      return this.#file.next();
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }
}

// Where the words of one struct stand: in memory of its own, or in a log's shared region.

import { wordOf } from '../memory/layout.js';
import { alignedOffset } from '../memory/libc.js';
import { CACHE_LINE_BYTES } from '../units.js';

export class MetricMemory {
  /** Words of the whole memory; the struct begins at word `start`. */
  words: Uint32Array;
  start: number;
  /** False once the log is closed: updaters do nothing then. */
  isOpen = true;
  /** Part of a log's region: nobody but the log's own threads may write to it. */
  isShared: boolean;

  private constructor(words: Uint32Array, start: number, isShared: boolean) {
    this.words = words;
    this.start = start;
    this.isShared = isShared;
  }

  /** Memory of its own on cache lines, zero-filled; other threads may be given the buffer. */
  static own(byteLength: number): MetricMemory {
    const buffer = new SharedArrayBuffer(byteLength + CACHE_LINE_BYTES);
    const start = wordOf(alignedOffset(buffer, CACHE_LINE_BYTES));
    return new MetricMemory(new Uint32Array(buffer), start, false);
  }

  /** A part of the region that `words` covers, from byte `byteOffset` of it on. */
  static inRegion(words: Uint32Array, byteOffset: number): MetricMemory {
    return new MetricMemory(words, wordOf(byteOffset), true);
  }

  /**
   * The struct goes on at byte `byteOffset` of a region, with what it holds; its writers stand
   * still.
   */
  moveTo(words: Uint32Array, byteOffset: number, byteLength: number): void {
    const start = wordOf(byteOffset);
    const count = wordOf(byteLength);
    words.set(this.words.subarray(this.start, this.start + count), start);
    this.words = words;
    this.start = start;
    this.isShared = true;
  }

  /** From now on the struct stands in `words`, a private copy, and nobody records any more. */
  close(words: Uint32Array): void {
    this.isOpen = false;
    this.words = words;
    this.start = 0;
  }
}

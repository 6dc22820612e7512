// The metrics of another process, read from its region's file by pread: one system call for a line
// or for the lines of a group. The kernel copies in ascending order, and on x64 its loads stay in
// it, so the counters at both ends of a group tell whether the copy is whole; the litmus test holds
// that. Elsewhere both ends are read by calls of their own.
import type { RegionFile } from '../region/region-file.js';
import { ORDERS_STORES } from './sequence.js';
import type { MetricSource } from './snapshot.js';

/** Reads part of a region's section; what a RegionFile does. */
type SectionReader = Pick<RegionFile, 'readSectionInto'>;

const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;

/** One thread makes one call at a time: all sources share what the kernel copies into. */
let words = new Uint32Array(1024);
let bytes = new Uint8Array(words.buffer);

function makeRoom(count: number): void {
  if (words.length >= count) return;
  words = new Uint32Array(count);
  bytes = new Uint8Array(words.buffer);
}

export class RegionSource implements MetricSource {
  readonly #region: SectionReader;
  readonly #byteOffset: number;

  /** @param byteOffset of the struct in the section `telemetry` */
  constructor(region: SectionReader, byteOffset: number) {
    this.#region = region;
    this.#byteOffset = byteOffset;
  }

  load(at: number): number {
    this.#read(at, 1);
    return words[0] as number;
  }

  copy(at: number, count: number, target: Uint32Array, targetAt: number): void {
    makeRoom(count);
    if (ORDERS_STORES) this.#copyAtOnce(at, count, target, targetAt);
    else this.#copyByEnds(at, count, target, targetAt);
  }

  #copyAtOnce(at: number, count: number, target: Uint32Array, targetAt: number): void {
    this.#read(at, count);
    target.set(words.subarray(0, count), targetAt);
  }

  #copyByEnds(at: number, count: number, target: Uint32Array, targetAt: number): void {
    const first = this.load(at);
    this.#copyAtOnce(at, count, target, targetAt);
    target[targetAt] = first;
    target[targetAt + count - 1] = this.load(at + count - 1);
  }

  /** @throws WalError when the file has been cut */
  #read(at: number, count: number): void {
    const byteOffset = this.#byteOffset + at * WORD_BYTES;
    this.#region.readSectionInto('telemetry', byteOffset, bytes, count * WORD_BYTES);
  }
}

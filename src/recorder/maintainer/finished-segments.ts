// The finished segments of a log, oldest first, as the maintainer knows them. Finished is what
// stands before the segment that is written to: it is durable whole, by the order of a rotation.
import { join } from 'node:path';
import { listLog } from '../../reading/log-directory.js';
import { segmentFileName } from '../../segment/file-names.js';
import type { Storage } from '../../storage/storage.js';

export interface FinishedSegment {
  readonly index: number;
  /** Since when this opening knows that it is finished, by the clock. */
  readonly sinceNs: number;
  path: string;
  bytes: number;
  /**
   * - `unknown`: not verified by this opening
   * - `sound`: verified, also where somebody damages it later
   * - `unsound`: damaged, or nothing tells where it ends: it is never removed
   */
  state: 'unknown' | 'sound' | 'unsound';
  /** Of the file that was verified. */
  inode?: bigint | undefined;
}

export class FinishedSegments {
  readonly #storage: Storage;
  readonly #dir: string;
  #segments: FinishedSegment[] | undefined;
  /** Of all of them. */
  #bytes = 0;
  /** Of the segment that is written to, as it was when that was looked at last. */
  #active = { index: 0, bytes: 0 };

  constructor(storage: Storage, dir: string) {
    this.#storage = storage;
    this.#dir = dir;
  }

  /**
   * Looks which segments are finished by now; returns those that were not before.
   * @param activeIndex of the segment that is written to
   * @param nowNs by the clock
   */
  refresh(activeIndex: number, nowNs: number): readonly FinishedSegment[] {
    const isFirst = this.#segments === undefined;
    if (!isFirst && activeIndex === this.#active.index) return [];
    const found = isFirst ? this.#list(activeIndex, nowNs) : this.#since(activeIndex, nowNs);
    this.#segments = [...(this.#segments ?? []), ...found];
    for (const { bytes } of found) this.#bytes += bytes;
    this.#active = { index: activeIndex, bytes: this.#bytesOf(activeIndex) };
    return found;
  }

  /** Of the segment that is written to, as far as it was looked at; 0: there is none yet. */
  get activeIndex(): number {
    return this.#active.index;
  }

  get oldest(): FinishedSegment | undefined {
    return this.#segments?.[0];
  }

  get count(): number {
    return this.#segments?.length ?? 0;
  }

  /** Of all segment files, the one that is written to included. */
  get bytes(): number {
    return this.#bytes + this.#active.bytes;
  }

  /** The oldest one is gone. */
  removeOldest(): void {
    this.#bytes -= this.#segments?.shift()?.bytes ?? 0;
  }

  /** A segment was compressed: proven to be the same, in another file. */
  move(index: number, path: string, bytes: number): void {
    const segment = this.#segments?.find((candidate) => candidate.index === index);
    if (segment === undefined) return;
    this.#bytes += bytes - segment.bytes;
    segment.path = path;
    segment.bytes = bytes;
    segment.inode = this.#storage.statusAt(path)?.inode;
  }

  /** A file has given back what it did not need. */
  shorten(segment: FinishedSegment, bytes: number): void {
    segment.bytes -= bytes;
    this.#bytes -= bytes;
  }

  #list(activeIndex: number, sinceNs: number): FinishedSegment[] {
    return listLog(this.#storage, this.#dir)
      .segments.filter(({ index }) => index < activeIndex)
      .map(({ index, path, bytes }) => ({ index, sinceNs, path, bytes, state: 'unknown' }));
  }

  /** Those from the one that was written to on. */
  #since(activeIndex: number, sinceNs: number): FinishedSegment[] {
    const found: FinishedSegment[] = [];
    for (let index = this.#active.index; index < activeIndex; index++) {
      // 0: no segment was written to yet.
      if (index === 0) continue;
      const bytes = this.#bytesOf(index);
      found.push({ index, sinceNs, path: this.#pathOf(index), bytes, state: 'unknown' });
    }
    return found;
  }

  #bytesOf(index: number): number {
    return index === 0 ? 0 : (this.#storage.statusAt(this.#pathOf(index))?.bytes ?? 0);
  }

  #pathOf(index: number): string {
    return join(this.#dir, segmentFileName(index));
  }
}

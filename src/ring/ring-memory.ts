// The part of a shared region that producer and consumer work on: one set of views over it.

import { wordOf } from '../memory/layout.js';
import type { SharedRegion } from '../region/shared-region.js';
import { type ControlWords, controlWords } from './ring-control.js';

export interface RingMemory {
  /** All words of the region; control words are indexes into this. */
  readonly words: Int32Array;
  /** The same bytes as doubles. */
  readonly doubles: Float64Array;
  readonly control: ControlWords;
  /**
   * The ring alone, and the same bytes as words: as large as it may become. Behind its capacity,
   * memory may be missing.
   */
  readonly bytes: Uint8Array;
  readonly frames: Int32Array;
  /** See SharedRegion. */
  readonly extend: SharedRegion['extendRing'];
  /** See SharedRegion; `word` is an index into `words`. */
  readonly writeThrough: (word: number, value: Int32Array) => boolean;
}

/** Of memory that is there whole. */
const isThere = (): void => {};
/** Of memory that is no file: nobody can watch it. */
const isNoFile = (): boolean => false;

/** In place of memory that is gone: an atomic access is refused, and none reaches anything. */
export const NO_RING: RingMemory = Object.freeze({
  words: new Int32Array(0),
  doubles: new Float64Array(0),
  control: controlWords(0),
  bytes: new Uint8Array(0),
  frames: new Int32Array(0),
  extend: isThere,
  writeThrough: isNoFile,
});

export function ringMemory(
  buffer: ArrayBufferLike,
  regionOffset: number,
  sections: { readonly control: number; readonly ring: number; readonly ringBytes: number },
  { extend, writeThrough }: Pick<RingMemory, 'extend' | 'writeThrough'> = NO_RING,
): RingMemory {
  const length = sections.ring + sections.ringBytes;
  return {
    words: new Int32Array(buffer, regionOffset, wordOf(length)),
    doubles: new Float64Array(buffer, regionOffset, length / Float64Array.BYTES_PER_ELEMENT),
    control: controlWords(sections.control),
    bytes: new Uint8Array(buffer, regionOffset + sections.ring, sections.ringBytes),
    frames: new Int32Array(buffer, regionOffset + sections.ring, wordOf(sections.ringBytes)),
    extend,
    writeThrough,
  };
}

/** Views over the ring and the control words of a mapped or portable region. */
export function ringOfRegion(region: SharedRegion): RingMemory {
  const ring = region.section('ring');
  const sections = {
    control: region.section('control').byteOffset - region.byteOffset,
    ring: ring.byteOffset - region.byteOffset,
    ringBytes: ring.byteLength,
  };
  return ringMemory(region.buffer, region.byteOffset, sections, {
    extend: (bytes, populated) => region.extendRing(bytes, populated),
    writeThrough: (word, value) => region.writeThrough(word * Int32Array.BYTES_PER_ELEMENT, value),
  });
}

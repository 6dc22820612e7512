// The part of a shared region that producer and consumer work on: one set of views over it.

import { wordOf } from '../memory/layout.js';
import type { SharedRegion } from '../region/shared-region.js';
import { type ControlWords, controlWords } from './ring-control.js';

/** The ring alone, from its start, and the same bytes as words. */
interface RingViews {
  readonly bytes: Uint8Array;
  readonly frames: Int32Array;
}

export interface RingMemory {
  /** Words of the region before its ring; control words are indexes into this. */
  readonly words: Int32Array;
  /** The same bytes as doubles. */
  readonly doubles: Float64Array;
  readonly control: ControlWords;
  /** What the ring may grow to. */
  readonly ringBytes: number;
  /** At least `bytes` of it. Behind its capacity, memory may be missing. */
  readonly ring: (bytes: number) => RingViews;
  /** See SharedRegion. */
  readonly extend: SharedRegion['extendRing'];
  /** See SharedRegion; `word` is an index into `words`. */
  readonly writeThrough: (word: number, value: Int32Array) => boolean;
}

/** Of memory that is there whole. */
const isThere = (): void => {};
/** Of memory that is no file: nobody can watch it. */
const isNoFile = (): boolean => false;

const NO_VIEWS: RingViews = { bytes: new Uint8Array(0), frames: new Int32Array(0) };

/** In place of memory that is gone: an atomic access is refused, and none reaches anything. */
export const NO_RING: RingMemory = Object.freeze({
  words: new Int32Array(0),
  doubles: new Float64Array(0),
  control: controlWords(0),
  ringBytes: 0,
  ring: () => NO_VIEWS,
  extend: isThere,
  writeThrough: isNoFile,
});

/** @param control where the control words begin in `words`, in bytes */
export function ringMemory(
  words: Int32Array,
  control: number,
  ringBytes: number,
  look: (bytes: number) => Uint8Array,
  { extend, writeThrough }: Pick<RingMemory, 'extend' | 'writeThrough'> = NO_RING,
): RingMemory {
  const { buffer, byteOffset, byteLength } = words;
  return {
    words,
    doubles: new Float64Array(buffer, byteOffset, byteLength / Float64Array.BYTES_PER_ELEMENT),
    control: controlWords(control),
    ringBytes,
    ring: (least) => viewsOf(look(least)),
    extend,
    writeThrough,
  };
}

const viewsOf = (bytes: Uint8Array): RingViews => ({
  bytes,
  frames: new Int32Array(bytes.buffer, bytes.byteOffset, wordOf(bytes.length)),
});

/** Views over the control words and the ring of a mapped or portable region. */
export function ringOfRegion(region: SharedRegion): RingMemory {
  const control = region.section('control').byteOffset - region.byteOffset;
  const look = (bytes: number): Uint8Array => region.ring(bytes);
  return ringMemory(region.words, control, region.section('ring').byteLength, look, {
    extend: (bytes, populated) => region.extendRing(bytes, populated),
    writeThrough: (word, value) => region.writeThrough(word * Int32Array.BYTES_PER_ELEMENT, value),
  });
}

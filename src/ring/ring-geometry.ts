// Where positions stand in the ring. A ring begins small and grows, by powers of two, while events
// wait in it that stay where they are; the memory behind its end must be there before.
//
// A ring that has no room left goes on in the new memory, at position `since`, whatever stands in
// the old part; positions before `since` stand where they stood (`earlier`). Until they are all
// written, it does not go back to its start, and may grow again, which moves nothing:
//
//   |   earlier, up to since   | since …                |             may grow again              |
//   0                          earlierBytes             capacityBytes
//
//   4 KiB that are full, two of them from the lap before:  | 7 8 5 6 |
//   grown to 8 KiB, then two more:                         | 7 8 5 6 | 9 10 . . |   since = 9
//   once 8 is written, the ring is settled: `earlier` is forgotten, and it goes round all 8 KiB
//
// The geometry is published before the first position behind `since`, and settled when the writer
// thread has published that all before it is written. So whoever reads `appended` (or knows that he
// is in step with it) and then the geometry, finds in it each position from `written` to
// `appended`. A crash between any two stores leaves the one or the other, and both say the same of
// what is published.
import { assert } from '../errors.js';
import { publishWords, readWords } from '../memory/sequence-latch.js';
import { bytesBetween, type ControlWords, UNIT_BYTES } from './ring-control.js';

const UNIT_SHIFT = Math.log2(UNIT_BYTES);
/** A page: smaller ones would gain nothing. */
const LEAST_BYTES = 4096;
const SIZE_BITS = 8;
const SIZE_MASK = (1 << SIZE_BITS) - 1;

export class RingGeometry {
  /** Bytes in use, from the ring's start; a power of two. */
  readonly capacityBytes: number;
  /** A position that stands at the ring's start. */
  readonly base: number;
  /** Capacity and base of positions before `since`; 0: none is left. */
  readonly earlierBytes: number;
  readonly earlierBase: number;
  /** The first position that stands by `base`, unless the ring is settled. */
  readonly since: number;

  constructor(capacityBytes: number, base = 0, earlierBytes = 0, earlierBase = 0) {
    this.capacityBytes = capacityBytes;
    this.base = base;
    this.earlierBytes = earlierBytes;
    this.earlierBase = earlierBase;
    this.since = (base + earlierBytes / UNIT_BYTES) | 0;
  }

  get isSettled(): boolean {
    return this.earlierBytes === 0;
  }

  /** Asked only of positions of what waits in the ring: they are less than 2^31 units apart. */
  #isEarlier(position: number): boolean {
    return this.earlierBytes !== 0 && ((position - this.since) | 0) < 0;
  }

  /** Bytes from the ring's start. Modulo: a capacity is a power of two, and at most 2^30 bytes. */
  offsetOf(position: number): number {
    return this.#isEarlier(position)
      ? ((position - this.earlierBase) << UNIT_SHIFT) & (this.earlierBytes - 1)
      : ((position - this.base) << UNIT_SHIFT) & (this.capacityBytes - 1);
  }

  /** Bytes from `position` to the end that padding there has to reach. */
  untilEnd(position: number): number {
    const bytes = this.#isEarlier(position) ? this.earlierBytes : this.capacityBytes;
    return bytes - this.offsetOf(position);
  }

  /** Bytes from `position` on that follow each other in the ring. */
  pieceBytes(position: number): number {
    const untilEnd = this.untilEnd(position);
    return this.#isEarlier(position)
      ? Math.min(untilEnd, bytesBetween(position, this.since))
      : untilEnd;
  }

  /** Of a ring that is full at `position`, with `capacityBytes` of memory. */
  grown(capacityBytes: number, position: number): RingGeometry {
    assert(capacityBytes > this.capacityBytes, 'a ring grows');
    if (!this.isSettled) {
      return new RingGeometry(capacityBytes, this.base, this.earlierBytes, this.earlierBase);
    }
    const base = (position - this.capacityBytes / UNIT_BYTES) | 0;
    return new RingGeometry(capacityBytes, base, this.capacityBytes, this.base);
  }

  /** All before `since` is written. */
  settled(): RingGeometry {
    return new RingGeometry(this.capacityBytes, this.base);
  }
}

const isCapacity = (log2: number, most: number): boolean =>
  2 ** log2 >= LEAST_BYTES && 2 ** log2 <= most;

/** The geometry in three words; undefined where no ring of `ringBytes` can have it. */
function decode(words: Int32Array, ringBytes: number): RingGeometry | undefined {
  const [sizes = 0, base = 0, earlierBase = 0] = words;
  // Nothing was published: the ring has been whole from the start.
  if (sizes === 0) return base === 0 && earlierBase === 0 ? new RingGeometry(ringBytes) : undefined;
  const log2 = sizes & SIZE_MASK;
  const earlierLog2 = sizes >>> SIZE_BITS;
  if (!isCapacity(log2, ringBytes)) return undefined;
  if (earlierLog2 === 0) return earlierBase === 0 ? new RingGeometry(2 ** log2, base) : undefined;
  if (!isCapacity(earlierLog2, 2 ** log2 / 2)) return undefined;
  return new RingGeometry(2 ** log2, base, 2 ** earlierLog2, earlierBase);
}

/** What control words are read by, and how large the ring may become at most. */
interface GeometrySource {
  readonly words: Int32Array;
  readonly control: Pick<ControlWords, 'geometry'>;
  readonly ringBytes: number;
}

/** The geometry that was published last; undefined where it makes no sense. */
export function geometryOf({
  words,
  control,
  ringBytes,
}: GeometrySource): RingGeometry | undefined {
  return geometryAt(words, control.geometry, ringBytes);
}

/** The same in a copy of the latch, at word `index`. */
export function geometryAt(
  words: Int32Array,
  index: number,
  ringBytes: number,
): RingGeometry | undefined {
  const copy = new Int32Array(3);
  readWords(words, index, copy);
  return decode(copy, ringBytes);
}

export function publishGeometry(
  { words, control }: Pick<GeometrySource, 'words' | 'control'>,
  { capacityBytes, base, earlierBytes, earlierBase }: RingGeometry,
): void {
  const earlierLog2 = earlierBytes === 0 ? 0 : Math.log2(earlierBytes);
  const sizes = Math.log2(capacityBytes) | (earlierLog2 << SIZE_BITS);
  publishWords(words, control.geometry, Int32Array.of(sizes, base, earlierBase));
}

// A log-linear histogram: 16 cells an octave, so that no cell is wider than 6.25 % of its values;
// 0 … 15 have a cell each. It reaches to 2^36 (68.7 s in nanoseconds); what lies beyond is counted
// apart, never thrown. Cumulative, never reset: readers subtract.
//
// A worked example: 1000 = 0b11_1110_1000 has its highest bit at 9, so its octave is 512 … 1023 and
// a cell is 512 / 16 = 32 wide; (1000 - 512) / 32 = 15, the octave's last cell: 992 … 1023. Its
// index is (9 - 3) · 16 + 15 = 111.
import { block, layout, pad, u32, u64, wordOf } from '../memory/layout.js';
import { TWO_POW_32 } from '../units.js';
import { addHalves, increment, readU64, writeU64 } from './u64.js';

const CELL_BITS = 4;
/** Cells of one octave. */
const OCTAVE_CELLS = 2 ** CELL_BITS;
/** Values from here on are out of range. */
export const RANGE_BITS = 36;
const RANGE_END = 2 ** RANGE_BITS;
/** 16 single values, and 32 octaves of 16. */
export const CELL_COUNT = (RANGE_BITS - CELL_BITS + 1) * OCTAVE_CELLS;

export const LatencyHistogram = layout('LatencyHistogram')
  .field(0, 'ended', u32)
  .field(4, 'spare0', pad(4))
  /** All that was recorded, what was out of range included. */
  .field(8, 'count', u64)
  .field(16, 'total', u64)
  .field(24, 'outOfRange', u64)
  .field(32, 'spare1', pad(28))
  .field(60, 'begun', u32)
  .field(64, 'cells', block(4224, 64))
  .end(4288, 64);

if (CELL_COUNT * 8 !== 4224) throw new RangeError(`${CELL_COUNT} cells do not fill 4224 bytes`);

const COUNT = wordOf(LatencyHistogram.offset.count);
const TOTAL = wordOf(LatencyHistogram.offset.total);
const OUT_OF_RANGE = wordOf(LatencyHistogram.offset.outOfRange);
const CELLS = wordOf(LatencyHistogram.offset.cells);

const OUT_OF_RANGE_HIGH = RANGE_END / TWO_POW_32;
/** Values of 2^32 and more lose so many low bits first: no cell there is narrower than 2^28. */
const HIGH_SHIFT = 5;

/** Cell of the value below 2^36 that two halves spell; signed words, which are never boxed. */
function cellIndex(low: number, high: number): number {
  if (high === 0) return cellOf(low);
  const shifted = (low >>> HIGH_SHIFT) | (high << (32 - HIGH_SHIFT));
  return cellOf(shifted) + HIGH_SHIFT * OCTAVE_CELLS;
}

/** Of a value below 2^32 as a signed word: negative ones are 2^31 and more. */
function cellOf(value: number): number {
  if (value >= 0 && value < OCTAVE_CELLS) return value;
  const octave = 31 - Math.clz32(value);
  const within = (value >>> (octave - CELL_BITS)) & (OCTAVE_CELLS - 1);
  return (octave - CELL_BITS + 1) * OCTAVE_CELLS + within;
}

/** Smallest value of a cell; for `CELL_COUNT` the end of the range. */
export function cellStart(cell: number): number {
  if (cell < OCTAVE_CELLS) return cell;
  const octave = Math.floor(cell / OCTAVE_CELLS) + CELL_BITS - 1;
  return 2 ** octave + (cell % OCTAVE_CELLS) * 2 ** (octave - CELL_BITS);
}

/** Adds one value, as two halves, within a change that is under way. */
export function addToHistogram(words: Uint32Array, at: number, low: number, high: number): void {
  increment(words, at + COUNT);
  addHalves(words, at + TOTAL, low, high);
  if (high >= OUT_OF_RANGE_HIGH) increment(words, at + OUT_OF_RANGE);
  else increment(words, at + CELLS + 2 * cellIndex(low | 0, high));
}

/** The values between two bounds. */
export interface HistogramCell {
  /** Smallest value that belongs here. */
  readonly from: number;
  /** Largest value that belongs here. */
  readonly to: number;
  /** Number of values. */
  readonly count: number;
}

/** The percentiles that are shown everywhere. */
export const PERCENTILES = [50, 90, 99, 99.9, 99.99, 99.999, 99.9999] as const;

/**
 * A histogram as it was at one moment: of nanoseconds, or of events for `groupCommitHistogram`.
 *
 * @example
 * import { Wal } from 'flashstrike';
 *
 * await using wal = await Wal.open('./orders');
 * const { syncHistogram } = wal.telemetry.segmentWriter;
 * console.log(syncHistogram.count, syncHistogram.percentile(99));
 */
export class HistogramReading {
  /** Number of all values, including those out of range. */
  readonly count: number;
  /** Sum of all values. */
  readonly total: number;
  /** Number of values of 2^36 (69 s) or more. */
  readonly outOfRange: number;
  /** Number of values in each cell; see `cells`. */
  readonly counts: Float64Array;

  constructor(words: Uint32Array, at: number) {
    this.count = readU64(words, at + COUNT);
    this.total = readU64(words, at + TOTAL);
    this.outOfRange = readU64(words, at + OUT_OF_RANGE);
    this.counts = new Float64Array(CELL_COUNT);
    for (let cell = 0; cell < CELL_COUNT; cell++) {
      this.counts[cell] = readU64(words, at + CELLS + 2 * cell);
    }
  }

  /** The cells that are not empty, ascending. */
  get cells(): readonly HistogramCell[] {
    const cells: HistogramCell[] = [];
    for (let cell = 0; cell < CELL_COUNT; cell++) {
      const count = this.counts[cell] as number;
      if (count > 0) cells.push({ from: cellStart(cell), to: cellStart(cell + 1) - 1, count });
    }
    return cells;
  }

  /**
   * The value that `percent` of all values do not exceed: at most 6.25 % above the exact one, never
   * below it. 0 without values; 2^36 if the answer is out of range.
   */
  percentile(percent: number): number {
    if (this.count === 0) return 0;
    // Less a rounding error: 99.9 % of 1000 are 999, and not 999.0000000000001.
    const share = (percent / 100) * this.count;
    const rank = Math.max(1, Math.ceil(share - share * 1e-12));
    let seen = 0;
    for (let cell = 0; cell < CELL_COUNT; cell++) {
      seen += this.counts[cell] as number;
      if (seen >= rank) return cellStart(cell + 1) - 1;
    }
    return RANGE_END;
  }

  /**
   * What was recorded since `earlier`, a reading of the same histogram: this one minus that one.
   * Differences below 0, because the log was opened again in between, count as 0.
   */
  since(earlier: HistogramReading): HistogramReading {
    const words = new Uint32Array(wordOf(LatencyHistogram.size));
    const put = (at: number, now: number, before: number): void =>
      writeU64(words, at, Math.max(0, now - before));
    put(COUNT, this.count, earlier.count);
    put(TOTAL, this.total, earlier.total);
    put(OUT_OF_RANGE, this.outOfRange, earlier.outOfRange);
    this.counts.forEach((count, cell) => {
      put(CELLS + 2 * cell, count, earlier.counts[cell] as number);
    });
    return new HistogramReading(words, 0);
  }

  /** Counts, the usual percentiles, and the cells that are not empty. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { count, total, outOfRange, cells } = this;
    const percentiles = PERCENTILES.map((percent) => [`p${percent}`, this.percentile(percent)]);
    return { count, total, outOfRange, ...Object.fromEntries(percentiles), cells };
  }

  /** Number of values below 2^`bits`; exact, because every power of two begins a cell. */
  countBelowPowerOfTwo(bits: number): number {
    let count = 0;
    const end = bits <= CELL_BITS ? 2 ** bits : (bits - CELL_BITS + 1) * OCTAVE_CELLS;
    for (let cell = 0; cell < Math.min(end, CELL_COUNT); cell++) {
      count += this.counts[cell] as number;
    }
    return count;
  }
}

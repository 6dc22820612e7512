// How times are spread in a short while: a histogram with four rows an octave, so that an hour of
// them fits into little memory and a row is a few pixels high. Shared by the server and the page.

const ROWS_PER_OCTAVE = 4;
const OCTAVES = 36;
/** Rows of 1 ns to 69 s; what is longer is in the last one. */
const ROW_COUNT = OCTAVES * ROWS_PER_OCTAVE;

export interface Spread {
  readonly count: number;
  /** The longest, in nanoseconds. */
  readonly maxNs: number;
  /** Row, number of times in it, and so on: ascending, without those that are empty. */
  readonly rows: readonly number[];
}

interface Cell {
  /** Smallest value in it, in nanoseconds. */
  readonly from: number;
  readonly count: number;
}

/** The row of a time; 0 for less than a nanosecond. */
const rowOf = (ns: number): number =>
  ns < 1 ? 0 : Math.min(ROW_COUNT - 1, Math.floor(Math.log2(ns) * ROWS_PER_OCTAVE));

/** Where a row begins, in nanoseconds; it ends where the next one begins. */
export const rowStartNs = (row: number): number => 2 ** (row / ROWS_PER_OCTAVE);

/** @param outOfRange how many were longer than what the cells reach to */
export function spreadOf(cells: readonly Cell[], outOfRange: number, maxNs: number): Spread {
  const counts = new Map<number, number>();
  const add = (row: number, count: number): unknown =>
    counts.set(row, (counts.get(row) ?? 0) + count);
  for (const { from, count } of cells) add(rowOf(from), count);
  if (outOfRange > 0) add(ROW_COUNT - 1, outOfRange);
  return fromCounts(counts, maxNs);
}

export function mergedSpread(first: Spread | undefined, second: Spread | undefined): Spread {
  const counts = new Map<number, number>();
  for (const spread of [first, second]) {
    for (const [row, count] of rowsOf(spread)) counts.set(row, (counts.get(row) ?? 0) + count);
  }
  return fromCounts(counts, Math.max(first?.maxNs ?? 0, second?.maxNs ?? 0));
}

function fromCounts(counts: ReadonlyMap<number, number>, maxNs: number): Spread {
  const rows = [...counts].sort(([one], [other]) => one - other).flat();
  const count = [...counts.values()].reduce((sum, each) => sum + each, 0);
  return { count, maxNs, rows };
}

/** Row and number of each row that is not empty; none of what was not timed. */
export function* rowsOf(spread: Spread | undefined): Generator<readonly [number, number]> {
  const rows = spread?.rows ?? [];
  for (let at = 0; at + 1 < rows.length; at += 2) yield [rows[at] ?? 0, rows[at + 1] ?? 0];
}

/**
 * The time that `percent` of all do not exceed: at most 19 % above it, never below, and none above
 * the longest. 0 where there is none.
 */
export function percentileNs(spread: Spread, percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * spread.count - 1e-9));
  let seen = 0;
  for (const [row, count] of rowsOf(spread)) {
    seen += count;
    // The last row has no end.
    if (seen >= rank && row < ROW_COUNT - 1) return Math.min(rowStartNs(row + 1), spread.maxNs);
  }
  return spread.maxNs;
}

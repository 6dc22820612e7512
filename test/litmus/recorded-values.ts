// What the litmus tests of telemetry record: values of which the number of calls alone tells every
// sum, extreme, cell and outcome.
//
// A call has a place in its period of 1009, which is prime to the sizes of the journal. The first
// places of a period are special, so that extremes and all counts keep moving:
//   place 0: 2^26 + period, the longest so far     place 1: 2^20 - 1 - period, the shortest so far
//   place 2: no length of time, dropped            place 3: from period 4096 on a clock that
//   stepped
import { CELL_COUNT, cellStart } from '../../src/metrics/latency-histogram.js';
import { CLOCK_STEP, DROPPED } from '../support/records.js';

export const PERIOD = 1009;
const LONGEST = 2 ** 26;
const SHORTEST = 2 ** 20 - 1;
const FIRST_STEP = 4096;
const MOST_QUEUED = 5000;
/** Sums are exact up to here, and all values are as said above. */
export const MOST_CALLS = 400_000_000;
const OUTCOMES = 3;
const SPECIAL = 4;

/** Between 2^20 and 2^26, all sizes alike. */
const plainValue = (place: number): number =>
  Math.floor(2 ** (20 + 6 * ((place * 0.618_033_988_75) % 1)));

export const PLAIN_VALUES = Float64Array.from({ length: PERIOD }, (_, place) => plainValue(place));

/** What a call takes, DROPPED or CLOCK_STEP. */
export function elapsedOf(period: number, place: number): number {
  if (place >= SPECIAL) return PLAIN_VALUES[place] as number;
  if (place === 0) return LONGEST + period;
  if (place === 1) return SHORTEST - period;
  if (place === 2) return DROPPED;
  return period < FIRST_STEP ? (PLAIN_VALUES[3] as number) : CLOCK_STEP;
}

/** 0, 1 or 2. */
export const outcomeOf = (place: number): number => place % OUTCOMES;
export const queuedAt = (period: number): number => Math.max(0, MOST_QUEUED - period);

/** The cell that holds `value`, found by its bounds. */
function cellOf(value: number): number {
  let from = 0;
  let to = CELL_COUNT;
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if (cellStart(middle) <= value) from = middle;
    else to = middle;
  }
  return from;
}

/** Counts behind the first r calls of a period, for r = 0 … 1009; places 0 to 3 counted apart. */
const totalsBefore = new Float64Array(PERIOD + 1);
const outcomesBefore = new Uint16Array((PERIOD + 1) * OUTCOMES);
const cellsBefore = new Uint16Array((PERIOD + 1) * CELL_COUNT);
for (let place = 0; place < PERIOD; place++) {
  const value = PLAIN_VALUES[place] as number;
  totalsBefore[place + 1] = (totalsBefore[place] as number) + (place < SPECIAL ? 0 : value);
  outcomesBefore.copyWithin((place + 1) * OUTCOMES, place * OUTCOMES, (place + 1) * OUTCOMES);
  cellsBefore.copyWithin((place + 1) * CELL_COUNT, place * CELL_COUNT, (place + 1) * CELL_COUNT);
  if (place !== 2) add(outcomesBefore, (place + 1) * OUTCOMES + outcomeOf(place), 1);
  if (place >= SPECIAL) add(cellsBefore, (place + 1) * CELL_COUNT + cellOf(value), 1);
}

function add(counts: Uint16Array | Float64Array, at: number, by: number): void {
  counts[at] = (counts[at] as number) + by;
}

export interface Expected {
  readonly samples: number;
  readonly dropped: number;
  readonly clockSteps: number;
  readonly totalNs: number;
  readonly minNs: number;
  readonly maxNs: number;
  readonly outcomes: readonly number[];
  readonly queuedLow: number;
}

const CELL_OF_PLACE_3 = cellOf(plainValue(3));

/** The exact state behind `calls` calls; the counts of the cells are put into `cells`. */
export function expectedBehind(calls: number, cells: Float64Array): Expected {
  const periods = Math.floor(calls / PERIOD);
  const rest = calls % PERIOD;
  const timesOf = (place: number): number => periods + (rest > place ? 1 : 0);
  const longest = timesOf(0);
  const shortest = timesOf(1);
  const dropped = timesOf(2);
  const plain = Math.min(FIRST_STEP, timesOf(3));
  const clockSteps = timesOf(3) - plain;
  for (let cell = 0; cell < CELL_COUNT; cell++) {
    const inPeriod = cellsBefore[PERIOD * CELL_COUNT + cell] as number;
    const inRest = cellsBefore[rest * CELL_COUNT + cell] as number;
    const from = cellStart(cell);
    const to = cellStart(cell + 1);
    cells[cell] =
      periods * inPeriod +
      inRest +
      shared(from, to, LONGEST, LONGEST + longest) +
      shared(from, to, SHORTEST + 1 - shortest, SHORTEST + 1);
  }
  add(cells, CELL_OF_PLACE_3, plain);
  add(cells, 0, clockSteps);
  return {
    samples: calls - dropped,
    dropped,
    clockSteps,
    totalNs:
      periods * (totalsBefore[PERIOD] as number) +
      (totalsBefore[rest] as number) +
      longest * LONGEST +
      (longest * (longest - 1)) / 2 +
      shortest * SHORTEST -
      (shortest * (shortest - 1)) / 2 +
      plain * plainValue(3),
    minNs: smallest(calls, shortest, clockSteps),
    maxNs: calls === 0 ? 0 : LONGEST + longest - 1,
    outcomes: Array.from({ length: OUTCOMES }, (_, outcome) => {
      const inPeriod = outcomesBefore[PERIOD * OUTCOMES + outcome] as number;
      return periods * inPeriod + (outcomesBefore[rest * OUTCOMES + outcome] as number);
    }),
    queuedLow: calls === 0 ? 0 : queuedAt(Math.floor((calls - 1) / PERIOD)),
  };
}

/** Whole numbers that two ranges have in common. */
const shared = (from: number, to: number, otherFrom: number, otherTo: number): number =>
  Math.max(0, Math.min(to, otherTo) - Math.max(from, otherFrom));

function smallest(calls: number, shortest: number, clockSteps: number): number {
  if (calls === 0 || clockSteps > 0) return 0;
  return shortest === 0 ? LONGEST : SHORTEST + 1 - shortest;
}

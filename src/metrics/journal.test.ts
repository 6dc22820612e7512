// Records of a group without a journal. Those with one: snapshot.test.ts, and the litmus tests.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cannotStop, storesOf } from '../../test/support/stopping-words.js';
import { wordOf } from '../memory/layout.js';
import type { MetricGroup } from './catalogue.js';
import { DurationReading } from './duration64.js';
import { newInterval, recordInPlace, recordOnCopy } from './journal.js';
import { HistogramReading, LatencyHistogram } from './latency-histogram.js';
import { BEGUN, LINE_WORDS } from './sequence.js';
import { copyGroup, MemorySource } from './snapshot.js';
import { addTimedNote } from './timed-note.js';

const WORDS = LINE_WORDS + wordOf(LatencyHistogram.size);
const GROUP: MetricGroup = {
  name: 'wait',
  at: 0,
  wordCount: WORDS,
  begunAt: BEGUN,
  journalAt: undefined,
  apply: undefined,
};

function applyWait(words: Uint32Array, group: number, kind: number, low: number, high: number) {
  addTimedNote(words, group, group + LINE_WORDS, kind, low, high);
}

type Record = (words: Uint32Array, tookNs: number) => void;

const interval = newInterval();
const WAYS = {
  recordInPlace: (words, tookNs) => {
    interval[1] = tookNs;
    recordInPlace(words, 0, applyWait, interval, 0, 0);
  },
  recordOnCopy: (words, tookNs) => {
    interval[1] = tookNs;
    recordOnCopy(words, 0, WORDS, applyWait, interval, 0, 0);
  },
} satisfies { readonly [name: string]: Record };

/** Samples in the duration and in the histogram of a copy; undefined where it is marked. */
function seen(words: Uint32Array): number | undefined {
  const copy = new Uint32Array(WORDS);
  if (!copyGroup(GROUP, new MemorySource(words, 0), copy, 0, false)) return undefined;
  const { samples, totalNs } = new DurationReading(copy, 0);
  const { count, total } = new HistogramReading(copy, LINE_WORDS);
  assert.deepEqual([count, total], [samples, totalNs]);
  return samples;
}

for (const [way, record] of Object.entries(WAYS)) {
  describe(way, () => {
    test('adds to the duration and to its histogram', () => {
      const words = new Uint32Array(WORDS);
      for (const tookNs of [5, 3_000_000_000, 40]) record(words, tookNs);
      const { samples, totalNs, minNs, maxNs } = new DurationReading(words, 0);
      assert.deepEqual([samples, totalNs, minNs, maxNs], [3, 3_000_000_045, 5, 3_000_000_000]);
      assert.equal(seen(words), 3);
    });

    test('counts what is no length of time, and a clock that was stepped', () => {
      const words = new Uint32Array(WORDS);
      record(words, Number.NaN);
      record(words, -7);
      const { samples, dropped, clockSteps, maxNs } = new DurationReading(words, 0);
      assert.deepEqual([samples, dropped, clockSteps, maxNs], [1, 1, 1, 0]);
    });

    test('a writer that stops between two stores leaves an exact group or a marked one', {
      skip: cannotStop,
    }, () => {
      const words = new Uint32Array(WORDS);
      for (let before = 0; before < 3; before++) record(words, 100 + before);
      const found = [seen(words)];
      for (const { at, value } of storesOf(words, (watched) => record(watched, 7))) {
        words[at] = value;
        found.push(seen(words));
      }
      assert.equal(found[0], 3);
      assert.equal(found.at(-1), 4);
      assert.ok(found.slice(1, -1).every((each) => each === undefined));
    });
  });
}

test('recordOnCopy changes nothing before its last step', { skip: cannotStop }, () => {
  const words = new Uint32Array(WORDS);
  const [first, ...others] = storesOf(words, (watched) => WAYS.recordOnCopy(watched, 7));
  assert.equal(first?.at, BEGUN);
  // One `set` puts all lines there, in order; then the counter at their begin.
  assert.deepEqual(
    others.map(({ at }) => at),
    [...Array(WORDS).keys(), 0],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import {
  SegmentPreparationUpdater,
  SegmentPreparer,
  SegmentPreparerUpdater,
} from '../telemetry/recorder/worker/segment-preparer-metrics.js';
import type { DurationReading } from './duration64.js';

const LONGEST = Number.MAX_SAFE_INTEGER;

type Recorded = number | 'clock step' | 'dropped';

function toldBy({ samples, dropped, clockSteps, totalNs, maxNs }: DurationReading): Recorded {
  assert.equal(samples + dropped, 1);
  assert.equal(totalNs, maxNs);
  if (dropped === 1) return 'dropped';
  if (clockSteps === 0) return totalNs;
  assert.equal(totalNs, 0);
  return 'clock step';
}

/** What one call of an updater records: the same on a line, of an operation, and in a journal. */
function recorded(startNs: unknown, nowNs: unknown): Recorded {
  const metrics = new SegmentPreparer();
  const clock = { nowNs: () => nowNs as number };
  const preparation = new SegmentPreparationUpdater(metrics, clock);
  preparation.onCreate(startNs as number);
  preparation.onPrepareSegment(startNs as number, true);
  new SegmentPreparerUpdater(metrics, clock).onGetNextSegment(startNs as number);
  const onLine = toldBy(metrics.prepareCreate);
  assert.equal(toldBy(metrics.prepareSegment), onLine);
  assert.equal(metrics.prepareSegment.successes, onLine === 'dropped' ? 0 : 1);
  assert.equal(toldBy(metrics.getNextSegment), onLine);
  return onLine;
}

test('whole nanoseconds between two looks at the clock', () => {
  const looks: readonly (readonly [startNs: number, nowNs: number, recorded: Recorded])[] = [
    [0, 0, 0],
    [5, 5, 0],
    [5, 12, 7],
    [0.25, 1.5, 1],
    [0.25, 1.75, 2],
    [-5, 5, 10],
    [0, 2 ** 32 - 1, 2 ** 32 - 1],
    [0, 2 ** 32, 2 ** 32],
    [0, LONGEST - 1, LONGEST - 1],
    [0, LONGEST, 'dropped'],
    [0, 2 ** 53, 'dropped'],
    [1, 0, 'clock step'],
    [0.6, 0, 'clock step'],
    // Less than half a nanosecond is the clock's own rounding.
    [0.4, 0, 0],
    [LONGEST, 0, 'clock step'],
    [2 ** 60, 0, 'clock step'],
    [Number.MAX_VALUE, 5, 'clock step'],
    [-Number.MAX_VALUE, 5, 'dropped'],
    [Number.NaN, 5, 'dropped'],
    [5, Number.NaN, 'dropped'],
    [Number.POSITIVE_INFINITY, 5, 'dropped'],
    [Number.NEGATIVE_INFINITY, 5, 'dropped'],
    [5, Number.POSITIVE_INFINITY, 'dropped'],
  ];
  for (const [startNs, nowNs, expected] of looks) {
    assert.equal(recorded(startNs, nowNs), expected, `${startNs} to ${nowNs}`);
  }
});

test('what is no number is no time, at either end', () => {
  const hostile = {
    valueOf() {
      throw new Error('asked');
    },
  };
  for (const wrong of [undefined, null, '5', 5n, {}, [5], Symbol('5'), true, hostile]) {
    assert.equal(recorded(wrong, 5), 'dropped');
    assert.equal(recorded(5, wrong), 'dropped');
  }
});

test('any two numbers are a length of time, a clock step, or dropped', () => {
  fc.assert(
    fc.property(fc.double(), fc.double(), (startNs, nowNs) => {
      const found = recorded(startNs, nowNs);
      assert.ok(typeof found === 'string' || (Number.isSafeInteger(found) && found >= 0));
    }),
  );
});

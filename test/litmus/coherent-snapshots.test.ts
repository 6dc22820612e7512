// While a writer records as fast as it can, no snapshot shows a count, total, extreme, cell or
// outcome that does not belong to the others; in threads and in processes. `npm run soak --
// telemetry` takes a million of each. Readers without one of their protections show what these
// tests would see without it.
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, test } from 'node:test';
import { libc } from '../../src/memory/libc.js';
import type { MetricGroup } from '../../src/metrics/catalogue.js';
import { SegmentPreparer } from '../../src/telemetry/recorder/worker/segment-preparer-metrics.js';
import { heldUp, withoutCounters } from './disguises.js';
import { RECORDINGS, type Recording } from './recording.js';
import {
  DISTINCT_MIN,
  type Disguise,
  report,
  SIDES,
  type Sides,
  takeSnapshots,
} from './snapshot-sides.js';

/** A few seconds in all on two free cores. */
const SNAPSHOTS = 1000;
/** Of a reader without protection: the first torn one ends it. */
const UNPROTECTED_SNAPSHOTS = 20_000;

const noLibc = libc() === undefined ? 'no libc is bound on this machine' : false;
const oneCore = availableParallelism() < 2 ? 'two sides need two cores to meet' : false;

function groupOf(name: string): MetricGroup {
  const group = SegmentPreparer.definition.groups.find((each) => each.name === name);
  assert.ok(group, `there is a group ${name}`);
  return group;
}

const LINES = groupOf('getNextSegment');
const LINE = groupOf('prepareCreate');

/** By pread a look takes a hundred times as long as in memory. */
const pauseLooks = (sides: Sides): number => (sides === 'processes, pread' ? 30 : 3000);

const unprotected = (sides: Sides): readonly (readonly [string, Recording, Disguise])[] => [
  ['a line without its counters', 'duration', withoutCounters(LINE)],
  ['lines of a journal without their counters', 'updater', withoutCounters(LINES)],
  ['notes without the second look at the head', 'updater', heldUp(LINES, pauseLooks(sides), true)],
];

for (const sides of SIDES) {
  const skip = oneCore || (sides === 'threads, portable' ? false : noLibc);
  describe(`snapshots between ${sides}`, { skip }, () => {
    for (const recording of RECORDINGS) {
      test(`${recording}: all that a snapshot shows belongs together`, async (t) => {
        const found = await takeSnapshots(sides, recording, SNAPSHOTS);
        t.diagnostic(report(sides, recording, found));
        assert.equal(found.firstViolation, undefined);
        assert.equal(found.marked, 0, 'a living writer is waited for');
        assert.ok(found.stoodStill <= SNAPSHOTS / 100, `${found.stoodStill} could not be had`);
        assert.ok(
          found.distinct >= DISTINCT_MIN,
          `${found.distinct} different snapshots were seen`,
        );
      });
    }

    test('a reader that is held up in front of the notes takes none that were replaced', async (t) => {
      const options = { disguise: heldUp(LINES, pauseLooks(sides), false) };
      const found = await takeSnapshots(sides, 'updater', SNAPSHOTS / 10, options);
      t.diagnostic(report(sides, 'updater', found));
      assert.equal(found.firstViolation, undefined);
    });

    for (const [what, recording, disguise] of unprotected(sides)) {
      test(`${what}: torn snapshots are seen`, async (t) => {
        const isEnough = (violations: number): boolean => violations > 0;
        const options = { disguise, isEnough };
        const found = await takeSnapshots(sides, recording, UNPROTECTED_SNAPSHOTS, options);
        t.diagnostic(`the ${found.taken}th was torn: ${found.firstViolation}`);
        if (found.violations === 0) t.skip(`none of ${found.taken} was torn on this machine`);
      });
    }
  });
}

// What a log says of its calls, against strace: how many there were, how many bytes they wrote, how
// long they took, also where each is held back. One script, from the first call of its open to the
// last of its close, on real threads and files.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QUEUE_CAPACITY } from '../../src/recorder/threads/signals.js';
import { LOCK_FILE } from '../../src/segment/file-names.js';
import { STEPS_OF } from './call-steps.js';
import {
  assertCounts,
  assertTimes,
  bytesOf,
  cannotCompare,
  compared,
  countOf,
  END,
  PAYLOAD,
  ROLL,
  sum,
  TELL,
} from './traced-telemetry.js';

/**
 * Commits, and a burst that rolls many times. The end is the same on every machine: a segment that
 * has just begun, a spare or more, and one event that only the close makes durable.
 */
const RUN = `
const wal = await Wal.open(directory, options);
const { segmentWriter, segmentPreparer } = wal.telemetry;
${PAYLOAD}
for (let commit = 0; commit < 30; commit++) {
  for (let event = 0; event < 5; event++) wal.append(payload);
  await wal.durable();
}
for (let event = 0; event < 200; event++) wal.append(payload);
await wal.durable();
${ROLL}
${END}
${TELL}
`;

/** Longer than a call takes; each another, so that none is taken for another. */
const DELAYS_US = {
  fdatasync: 20_000,
  pwrite64: 12_000,
  pwritev: 16_000,
  fsync: 9_000,
  rename: 7_000,
  renameat2: 11_000,
  fallocate: 14_000,
};

test('every call on the files of a log is in one metric, and no metric has more', {
  skip: cannotCompare,
}, async (t) => {
  const traced = await compared(t, RUN);
  const { calls, seen, told, events } = traced;
  assertCounts(t, traced);
  for (const metric of Object.keys(STEPS_OF)) assert.ok(told(metric).samples > 0, metric);
  const samplesOf = (...metrics: readonly string[]): number =>
    sum(metrics.map((metric) => told(metric).samples));
  const ofOpening = (step: string): number => calls.filter(([each]) => each === step).length;
  const writesOfLock = calls.filter(
    ([, { name, file }]) => file === LOCK_FILE && name.startsWith('pwrite'),
  ).length;
  assert.equal(
    countOf(traced, 'fdatasync') - ofOpening('sync of lock'),
    samplesOf(
      'segmentWriter.sync',
      'segmentWriter.rotateSync',
      'segmentWriter.openNewSegment',
      'manager.persistCurrentSegment',
      'segmentPreparer.prepareSync',
      'metaStore.maintenanceMetaFlush',
    ),
  );
  assert.equal(
    countOf(traced, 'fsync') - ofOpening('sync of folder'),
    samplesOf('segmentWriter.openNewSegment', 'metaStore.maintenanceMetaFlush'),
  );
  assert.equal(countOf(traced, 'renameat2'), samplesOf('segmentWriter.openNewSegment'));
  assert.equal(countOf(traced, 'rename'), samplesOf('metaStore.maintenanceMetaFlush'));
  assert.equal(
    countOf(traced, 'pwrite64', 'pwritev') - writesOfLock,
    samplesOf(
      'segmentWriter.writeBlock',
      'segmentWriter.writeWatermark',
      'segmentWriter.rotateSeal',
      'segmentWriter.openNewSegment',
      'segmentPreparer.prepareZero',
      'metaStore.maintenanceMetaFlush',
    ),
  );
  assert.equal(countOf(traced, 'fallocate'), samplesOf('segmentPreparer.prepareAllocate'));
  assert.equal(told('segmentWriter.blockBytes'), bytesOf(traced, 'events'));
  assert.equal(told('segmentPreparer.zeroedBytes'), bytesOf(traced, 'zeros'));
  assert.equal(told('segmentWriter.blockEvents'), events);
  assert.equal(told('segmentWriter.groupCommitHistogram').total, events);
  assert.equal(told('manager.appendedEvents'), events);
  // All that were queued but the spares became segments: one spare is asked for, and there is one
  // more for each wait, up to four.
  t.diagnostic(
    `fdatasync ${countOf(traced, 'fdatasync')}, fsync ${countOf(traced, 'fsync')}, ` +
      `pwrite ${countOf(traced, 'pwrite64', 'pwritev')}, rename ${countOf(traced, 'renameat2')}; ` +
      `bytes of blocks ${bytesOf(traced, 'events')}, of zeros ${bytesOf(traced, 'zeros')}`,
  );
  const made = seen.get('segmentPreparer.prepareCreate')?.length ?? 0;
  const prepared = told('segmentPreparer.preparedSegments');
  assert.equal(told('segmentPreparer.prepareSegment').samples, prepared);
  // The close may have come while one more was made.
  assert.ok(made === prepared || made === prepared + 1, `${made} made, ${prepared} prepared`);
  const spares = prepared - countOf(traced, 'renameat2');
  assert.ok(spares >= 1 && spares <= QUEUE_CAPACITY, `${spares} spares`);
  assert.equal(told('segmentPreparer.getNextSegment').samples, countOf(traced, 'renameat2'));
  assert.equal(told('manager.persistenceHotSegments'), countOf(traced, 'renameat2'));
});

test(
  'what is timed is no shorter than its calls, and no longer than from call to call',
  {
    skip: cannotCompare,
  },
  async (t) => assertTimes(t, await compared(t, RUN)),
);

test('calls that are held back, each by its own time: it is in their own metrics alone', {
  skip: cannotCompare,
}, async (t) => {
  const traced = await compared(t, RUN, { delays: DELAYS_US });
  const { calls, seen } = traced;
  for (const [step, { name, isDelayed }] of calls) {
    assert.equal(isDelayed, Object.hasOwn(DELAYS_US, name), step);
  }
  for (const [metric, samples] of seen) {
    // To make a file is the one call that is not held back: each script opens a thousand.
    const isHeld = metric !== 'segmentPreparer.prepareCreate';
    const areHeld = samples.map((sample) => sample.calls.some((each) => each.isDelayed));
    assert.ok(
      areHeld.every((each) => each === isHeld),
      metric,
    );
  }
  assertCounts(t, traced);
  // The time of a call is between those of no other metric.
  assertTimes(t, traced);
});

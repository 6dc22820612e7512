// Calls that fail, and an open behind a kill: what the log says of both, against strace.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KIB } from '../../src/units.js';
import { Script } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';
import { WORKERS } from '../support/workers-script.js';
import { RECOVERY_STEPS_OF } from './call-steps.js';
import {
  assertCounts,
  assertTimes,
  bytesOf,
  cannotCompare,
  compared,
  END,
  EVENT_BYTES,
  optionsOf,
  PAYLOAD,
  ROLL,
  TELL,
} from './traced-telemetry.js';

/** Rolls, each followed by a flush of wal.meta, or by one that failed. */
const ROLLS = `
const wal = await Wal.open(directory, options);
const { segmentWriter, segmentPreparer, metaStore } = wal.telemetry;
${PAYLOAD}
const flushes = () => metaStore.maintenanceMetaFlush.samples + metaStore.metaFlushFailures;
for (let roll = 0; roll < 6; roll++) {
  const before = flushes();
  ${ROLL}
  while (flushes() === before) await new Promise((resolve) => setTimeout(resolve, 5));
}
${END}
${TELL}
`;

test('calls that fail: as many failures, and none of them among the samples', {
  skip: cannotCompare,
}, async (t) => {
  // The open has one of the first and two of the second on its own thread.
  const errors = { fallocate: 'error=ENOSPC:when=2..3', rename: 'error=EIO:when=3..4' };
  const traced = await compared(t, ROLLS, { errors });
  const failed = ['failed allocate', 'failed meta name'];
  assertCounts(t, traced, failed);
  const { calls, told } = traced;
  for (const step of failed) assert.equal(calls.filter(([each]) => each === step).length, 2, step);
  assert.equal(told('segmentPreparer.prepareSegment').failures, 2);
  assert.equal(told('metaStore.metaFlushFailures'), 2);
  assertTimes(t, traced);
});

/** 20 events that are durable, 20 that are written, 20 that only the ring has. */
const KILLED = `${WORKERS}
const wal = await Wal.open(directory, options);
${PAYLOAD}
const append = () => {
  for (let event = 0; event < 20; event++) wal.append(payload);
};
append();
await wal.durable();
append();
while (wal.writtenEventId < 40) await new Promise(setImmediate);
terminateAtOnce('writer');
append();
process.kill(process.pid, 'SIGKILL');
`;

const AGAIN = `
const wal = await Wal.open(directory, options);
${PAYLOAD}
wal.append(payload);
await wal.close();
tell('recovery ' + wal.recovery.eventsFromRing + ' ' + wal.recovery.lastEventId);
${TELL}
`;

test('an open behind a kill: what it writes again, and what it takes from the ring', {
  skip: cannotCompare,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = { ...optionsOf(t), segmentBytes: 256 * KIB };
  const { signal } = await Script.run(KILLED, directory, options, { bare: true });
  assert.equal(signal, 'SIGKILL');
  const traced = await compared(t, AGAIN, {}, directory, options);
  const { told, calls } = traced;
  // The segment is there, so its phase has no call.
  traced.seen.delete('opening.openSegment');
  traced.seen.delete('manager.initActiveSegment');
  assertCounts(t, traced, Object.values(RECOVERY_STEPS_OF).flat(2));
  assert.equal(told('recoveryManager.rewritePrefix').samples, 1);
  assert.equal(told('recoveryManager.rewrittenBytes'), bytesOf(traced, 'rewrite'));
  assert.ok(bytesOf(traced, 'rewrite') >= 20 * EVENT_BYTES);
  assert.equal(told('segmentWriter.blockBytes'), bytesOf(traced, 'events'));
  assert.equal(told('segmentWriter.blockEvents'), 21);
  assert.equal(told('segmentWriter.groupCommitHistogram').total, 21);
  assert.equal(told('manager.appendedEvents'), 1);
  assert.equal(calls.filter(([step]) => step === 'sync of watermark').length, 2);
  assertTimes(t, traced);
});

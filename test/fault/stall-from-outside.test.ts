// Stalls of real threads on a real disk, held back by a tracer: what a running log tells of them,
// to itself and to another process.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attachTelemetry } from '../../src/telemetry.js';
import { cannotMap, mappedOptions, TINY } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound } from '../support/log-content.js';
import { cannotTrace, Strace } from '../support/strace.js';
import { WORKERS } from '../support/workers-script.js';

/**
 * Strace arguments that make each call of a kind, on `path` only where given, take so much longer.
 */
const delaying = (call: string, ms: number, path?: string): string[] => [
  ...(path === undefined ? [] : ['-P', path]),
  '-e',
  `trace=${call}`,
  '-e',
  `inject=${call}:delay_enter=${ms * 1000}`,
];

/** A call that takes so long ends when the tracer lets go. */
const STUCK_MS = 300_000;

const HURRY = `
const wal = await Wal.open(directory, options);
wal.append(Buffer.alloc(1000));
await wal.durable();
tell('ready');
await told();
const { segmentPreparer } = wal.telemetry;
// Both: a machine that is busy makes the taker wait as well.
const isSeen = () =>
  segmentPreparer.getNextSegment.maxNs >= 500e6 && segmentPreparer.prepareAllocate.maxNs >= 1e9;
for (let count = 0; count < 100_000 && !isSeen(); count++) wal.append(Buffer.alloc(1000));
tell('seen ' + isSeen());
await told();
// Nobody asks for a segment any more.
await wal.durable();
const {
  getNextSegment, getNextSegmentReady, getNextSegmentWaited, getNextSegmentFailed,
} = segmentPreparer;
tell('outcomes ' + JSON.stringify({
  calls: getNextSegment.samples,
  outcomes: [getNextSegmentReady, getNextSegmentWaited, getNextSegmentFailed],
}));
await wal.close();
`;

test('a preparer thread that is held back: getNextSegment tells the wait, prepareAllocate why', {
  skip: cannotTrace,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = { ...TINY, sharedMemory: 'off', stallTimeoutMs: 2 ** 31 - 1 };
  const script = Script.start(t, HURRY, directory, options);
  await script.tells('ready');
  const args = delaying('fallocate', 1000);
  const strace = await Strace.attach(t, script.child.pid ?? 0, { args });
  script.tell();
  assert.equal(await script.tells('seen'), 'true');
  await strace.detach();
  assert.ok(strace.calls.some((call) => call.includes('fallocate(')));
  script.tell();
  const { calls, outcomes } = JSON.parse(await script.tells('outcomes'));
  const [ready, waited, failed] = outcomes;
  assert.ok(waited >= 1);
  assert.equal(failed, 0);
  assert.equal(ready + waited, calls);
  const { code, stderr } = await script.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  await assertSound(directory);
});

const COMMIT = `
const wal = await Wal.open(directory, options);
wal.append(Buffer.alloc(1000));
await wal.durable();
tell('ready');
await told();
wal.append(Buffer.alloc(1000));
await wal.durable();
tell('durable');
await told();
await wal.close();
`;

test('a writer thread stuck in a sync, seen from outside: its heartbeat and unsyncedAge grow old', {
  skip: cannotTrace || cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = { ...mappedOptions(t), sync: { mode: 'manual' } };
  const script = Script.start(t, COMMIT, directory, options);
  await script.tells('ready');
  const telemetry = attachTelemetry(directory);
  t.after(() => telemetry.close());
  const { segmentWriter } = telemetry.recorder;
  assert.equal(segmentWriter.unsyncedAge, 0);
  const args = delaying('fdatasync', STUCK_MS, join(directory, '0000000001.wal'));
  const strace = await Strace.attach(t, script.child.pid ?? 0, { args });
  script.tell();
  await eventually('the writer is in its sync', () => {
    return strace.calls.some((call) => call.includes('fdatasync('));
  });
  const stuckSince = performance.now();
  await eventually('the writer has not moved for a second', () => {
    telemetry.refresh();
    const isOld = (telemetry.threads.writer.ageNs ?? 0) > 1e9 && segmentWriter.unsyncedAge > 1e9;
    return isOld && performance.now() - stuckSince > 1000;
  });
  assert.equal(telemetry.status, 'running');
  assert.equal(telemetry.state, 'open', 'slow is not broken');
  assert.equal(segmentWriter.durableLagEvents, 1);
  assert.equal(telemetry.durableEventId, 1);
  const { beats } = telemetry.threads.writer;
  telemetry.refresh();
  assert.equal(telemetry.threads.writer.beats, beats);
  await strace.detach();
  await script.tells('durable');
  telemetry.refresh();
  assert.equal(segmentWriter.unsyncedAge, 0);
  assert.equal(segmentWriter.durableLagEvents, 0);
  assert.ok(segmentWriter.sync.maxNs > 1e9, 'the sync has its time, once it is over');
  assert.equal(segmentWriter.writeBlock.samples, 2);
  script.tell();
  const { code, stderr } = await script.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

const FILL = `
const wal = await Wal.open(directory, options);
wal.append(Buffer.alloc(1000));
await wal.durable();
tell('ready');
await told();
// The writer syncs each block; with the first one stuck, the ring fills up, and append waits.
for (let n = 0; n < 100; n++) wal.append(Buffer.alloc(1000));
tell('appended');
await told();
await wal.close();
`;

test('an append that waits in a full ring, seen from outside while it waits: ringStallAge', {
  skip: cannotTrace || cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const sync = { mode: 'every-block' };
  const options = { ...mappedOptions(t), ...TINY, sync, stallTimeoutMs: 2 ** 31 - 1 };
  const script = Script.start(t, FILL, directory, options);
  await script.tells('ready');
  const telemetry = attachTelemetry(directory);
  t.after(() => telemetry.close());
  const { manager } = telemetry.recorder;
  assert.equal(manager.ringStallAge, 0);
  const args = delaying('fdatasync', STUCK_MS);
  const strace = await Strace.attach(t, script.child.pid ?? 0, { args });
  script.tell();
  await eventually('an append has waited for a second', () => {
    telemetry.refresh();
    return manager.ringStallAge > 1e9;
  });
  const { ringStallAge, ringStallOccupancyBytesMax, ringStall } = manager;
  telemetry.refresh();
  assert.ok(manager.ringStallAge > ringStallAge, 'and it grows');
  // Less than an event's size at the ring's end, and at its beginning.
  assert.ok(ringStallOccupancyBytesMax > TINY.ringBytes - 2 * 1100, 'the ring is full');
  assert.equal(manager.ringStall.samples, ringStall.samples, 'that comes when it is over');
  await strace.detach();
  await script.tells('appended');
  telemetry.refresh();
  assert.equal(manager.ringStallAge, 0);
  assert.ok(manager.ringStall.samples > ringStall.samples && manager.ringStall.maxNs > 1e9);
  script.tell();
  const { code, stderr } = await script.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  await assertSound(directory);
});

const DEATH = `${WORKERS}
const wal = await Wal.open(directory, options);
wal.append(Buffer.alloc(1000));
await wal.durable();
tell('ready');
await told();
await terminate('writer');
while (wal.state === 'open') await new Promise((resolve) => setTimeout(resolve, 5));
const [code] = await settled(wal.durable(wal.lastEventId));
tell('dead ' + wal.failure.code + ' ' + code);
tell('beats ' + wal.telemetry.threads.writer.beats);
await told();
await settled(wal.close());
`;

test('a writer thread that has died, seen from outside: its heart stands still, the log has failed', {
  skip: cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = mappedOptions(t);
  const script = Script.start(t, DEATH, directory, options, { bare: true });
  await script.tells('ready');
  const telemetry = attachTelemetry(directory);
  t.after(() => telemetry.close());
  script.tell();
  assert.equal(await script.tells('dead'), 'ERR_FLASHSTRIKE_WORKER_DIED 1');
  telemetry.refresh();
  assert.equal(telemetry.status, 'running', 'the process lives');
  assert.equal(telemetry.state, 'failed');
  const { beats } = telemetry.threads.writer;
  assert.equal(await script.tells('beats'), String(beats), 'wal.telemetry shows the same');
  const { samples } = telemetry.recorder.segmentWriter.writeBlock;
  const others = telemetry.threads.housekeeping.beats;
  await eventually('the writer has not moved for a second, another thread has', () => {
    telemetry.refresh();
    const { writer, housekeeping } = telemetry.threads;
    return (writer.ageNs ?? 0) > 1e9 && housekeeping.beats !== others;
  });
  assert.equal(telemetry.threads.writer.beats, beats);
  assert.equal(telemetry.recorder.segmentWriter.writeBlock.samples, samples, 'it looks healthy');
  script.tell();
  const { code, stderr } = await script.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

const BLOCKED = `
import { existsSync } from 'node:fs';
const wal = await Wal.open(directory, options);
tell('ready');
await told();
tell('blocked');
// Until the test has seen it: it takes the file away.
while (existsSync(options.sharedMemoryDirectory + '/blocked'));
tell('free');
await told();
await wal.close();
`;

test('an event loop that is blocked, seen from outside: its heart stands still, the others beat', {
  skip: cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = mappedOptions(t);
  const flag = join(options.sharedMemoryDirectory, 'blocked');
  writeFileSync(flag, '');
  const script = Script.start(t, BLOCKED, directory, options);
  await script.tells('ready');
  const telemetry = attachTelemetry(directory);
  t.after(() => telemetry.close());
  script.tell();
  await script.tells('blocked');
  const { housekeeping } = telemetry.threads;
  await eventually('the loop has not turned for a second, another thread has', () => {
    telemetry.refresh();
    const { application, housekeeping: now } = telemetry.threads;
    return (application.ageNs ?? 0) > 1e9 && now.beats !== housekeeping.beats;
  });
  const { beats } = telemetry.threads.application;
  rmSync(flag);
  await script.tells('free');
  await eventually('the loop turns again', () => {
    telemetry.refresh();
    return telemetry.threads.application.beats > beats;
  });
  script.tell();
  const { code, stderr } = await script.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

// What stands beside a log of the streams that it is fed to: `inspect` tells it, whoever watches
// the log from outside sees it, and nothing else goes by it, whatever is in it.
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { describeStream } from '../../src/cli/stream-notice.js';
import { listConsumers, removeConsumer, verify, type Wal } from '../../src/index.js';
import { type BlockStream, replicate, restoreFrom } from '../../src/replication.js';
import { isDefect } from '../../src/segment/defect.js';
import {
  decodeStreamReport,
  encodeStreamReport,
  reportOffset,
  type StreamReport,
} from '../../src/segment/stream-report.js';
import { attachTelemetry } from '../../src/telemetry.js';
import { inspectLog, type StreamInspection } from '../../src/verification/inspect.js';
import { eventually, settles } from '../support/eventually.js';
import { code } from '../support/log-content.js';
import { appendMixed, Gate, liveStream, openLog, Place, streamOf } from './bench.js';

const REPORT = 'replica-memory.stream';
const FENCED = code('ERR_FLASHSTRIKE_FENCED');

async function logOf(t: TestContext): Promise<{ place: Place; wal: Wal; dir: string }> {
  const place = new Place(t);
  const dir = place.path('log');
  return { place, dir, wal: place.keep(await openLog(dir)) };
}

function seen(dir: string): StreamInspection {
  const [stream, ...others] = inspectLog(dir).streams;
  assert.ok(stream !== undefined && others.length === 0);
  return stream;
}

/** What is told of the stream in few words: whose, since when, how far. */
const told = (dir: string): unknown[] => {
  const { isOwner, epoch, confirmedEventId, isFed } = seen(dir);
  return [isOwner, epoch, confirmedEventId, isFed];
};

/** A log that was fed for a while, and is closed. */
async function fed(t: TestContext) {
  const { place, wal, dir } = await logOf(t);
  const engine = liveStream();
  const replica = await replicate(wal, { stream: streamOf(engine) });
  const last = appendMixed(wal, 12);
  await settles('replicated', replica.replicated());
  await replica.close();
  await wal.close();
  return { place, dir, engine, last, path: `${dir}/${REPORT}` };
}

function reportIn(path: string): StreamReport {
  const report = decodeStreamReport(readFileSync(path));
  assert.ok(!isDefect(report));
  return report;
}

function forge(path: string, change: Partial<StreamReport>): void {
  const report = reportIn(path);
  const bytes = readFileSync(path);
  const next = { ...report, sequence: report.sequence + 1, ...change };
  bytes.set(encodeStreamReport(next), reportOffset(next.sequence));
  writeFileSync(path, bytes);
}

test('inspect tells owner, epoch and what is confirmed, of a log that is open or closed', async (t) => {
  const { place, wal, dir } = await logOf(t);
  assert.deepEqual(inspectLog(dir).streams, []);
  const engine = liveStream();
  const replica = place.keep(await replicate(wal, { stream: streamOf(engine) }));
  const last = appendMixed(wal, 12);
  await settles('replicated', replica.replicated());
  await eventually('it is told', () => inspectLog(dir).streams[0]?.confirmedEventId === last);
  assert.deepEqual(told(dir), [true, 1, last, true]);
  assert.equal(seen(dir).ownerLogId, wal.logId);
  await replica.close();
  await wal.close();
  assert.deepEqual(told(dir), [true, 1, last, false]);
  assert.deepEqual(inspectLog(dir).otherNames, []);
  const { verdict, notes } = await verify(dir);
  assert.deepEqual([verdict, notes], ['clean', []]);
  const again = await replicate(dir, { stream: streamOf(engine) });
  await settles('claimed', again.claimed());
  await again.close();
  assert.deepEqual(told(dir), [true, 2, last, false]);
});

test('a log that was deposed tells who has the stream, and what was confirmed till then', async (t) => {
  const { place, dir, engine, last } = await fed(t);
  const out = place.path('out');
  await restoreFrom(streamOf(engine), out);
  const taken = await replicate(out, { stream: streamOf(engine), takeover: true });
  await settles('claimed', taken.claimed());
  await taken.close();
  const deposed = place.keep(await replicate(dir, { stream: streamOf(engine) }));
  await assert.rejects(settles('claimed', deposed.claimed()), FENCED);
  assert.deepEqual(told(dir), [false, 2, last, false]);
  assert.equal(seen(dir).ownerLogId, inspectLog(out).logId);
  assert.match(describeStream(seen(dir)), /^memory: TAKEN OVER by log [0-9a-f]{16} in epoch 2, /);
  assert.deepEqual(told(out), [true, 2, last, false]);
});

test('while no engine answers, what was known before still stands', async (t) => {
  const { place, dir, engine, last } = await fed(t);
  const before = seen(dir);
  engine.trouble = 200;
  const replica = place.keep(await replicate(dir, { stream: streamOf(engine) }));
  await eventually('it waits', () => replica.state === 'waiting');
  await eventually('it says so', () => seen(dir).reportedTsNs !== before.reportedTsNs);
  assert.deepEqual(told(dir), [true, 1, last, true]);
  await replica.close();
  const { place: other, dir: fresh } = await logOf(t);
  const never = other.keep(await replicate(fresh, { stream: streamOf(engine) }));
  await eventually('it waits', () => never.state === 'waiting');
  await never.close();
  assert.deepEqual(told(fresh), [undefined, undefined, 0, false]);
  assert.match(describeStream(seen(fresh)), /^memory: not claimed yet, confirmed up to no event, /);
});

test('a report that is torn, damaged, missing or of another log is told, and harms nothing', async (t) => {
  const { place, dir, engine, last, path } = await fed(t);
  forge(path, {});
  const whole = readFileSync(path);
  const { sequence } = reportIn(path);
  const torn = Uint8Array.from(whole).fill(9, reportOffset(sequence), reportOffset(sequence) + 30);
  writeFileSync(path, torn);
  assert.equal(seen(dir).confirmedEventId, last, 'the other slot is told');
  const damages: readonly (readonly [RegExp, () => void])[] = [
    [/neither slot is valid/, () => writeFileSync(path, new Uint8Array(whole.length).fill(9))],
    [/nothing was written/, () => writeFileSync(path, '')],
    [/16383 bytes/, () => writeFileSync(path, whole.subarray(1))],
    [/that of another log/, () => forge(path, { logId: 5n })],
    [/not a regular file|is a folder/i, () => mkdirSync(path)],
    [/link/i, () => symlinkSync('/dev/null', path)],
  ];
  for (const [index, [words, damage]] of damages.entries()) {
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, whole);
    if (index >= 4) rmSync(path);
    damage();
    const { damage: what, epoch } = seen(dir);
    assert.match(what ?? '', words);
    assert.equal(epoch, undefined);
    assert.match(describeStream(seen(dir)), /^memory: not known, .*; not fed now$/);
    const replica = place.keep(await replicate(dir, { stream: streamOf(engine) }));
    await settles('claimed', replica.claimed());
    assert.equal(replica.confirmedEventId, last);
    await replica.close();
    assert.equal(replica.state, 'stopped');
    if (index < 4) assert.deepEqual(told(dir), [true, replica.epoch, last, false]);
    else assert.match(seen(dir).damage ?? '', words, 'what is somebody else’s stays');
  }
  rmSync(path, { recursive: true });
  assert.deepEqual(inspectLog(dir).streams, []);
});

test('nothing goes by it: who was deposed stays so, and all events are sent', async (t) => {
  const { place, dir, engine, last, path } = await fed(t);
  forge(path, { confirmedEventId: 1_000_000, epoch: 99 });
  const wal = place.keep(await openLog(dir));
  const replica = place.keep(await replicate(wal, { stream: streamOf(engine) }));
  const more = appendMixed(wal, 5);
  assert.equal(await settles('replicated', replica.replicated()), more);
  assert.equal(replica.epoch, 2, 'the stream says which epoch comes next');
  assert.ok(more > last);
  assert.equal(engine.lastEventId, more);
  const [consumer] = listConsumers(dir);
  assert.ok((consumer?.acknowledgedEventId ?? 0) <= more);
  await replica.close();
  const out = place.path('out');
  await restoreFrom(streamOf(engine), out);
  const taken = place.keep(await replicate(out, { stream: streamOf(engine), takeover: true }));
  await settles('claimed', taken.claimed());
  await taken.close();
  const { logId } = reportIn(path);
  forge(path, { ownerLogId: logId, epoch: 99 });
  const deposed = place.keep(await replicate(dir, { stream: streamOf(engine) }));
  await assert.rejects(settles('claimed', deposed.claimed()), FENCED);
});

test('a snapshot by hard links keeps the report that it had', async (t) => {
  const { place, dir, engine, path } = await fed(t);
  const copy = place.path('copy');
  linkSync(path, copy);
  const before = readFileSync(copy);
  const replica = await replicate(dir, { stream: streamOf(engine) });
  await settles('claimed', replica.claimed());
  const during = place.path('during');
  await eventually('it is told', () => seen(dir).epoch === 2);
  linkSync(path, during);
  await replica.close();
  assert.deepEqual(readFileSync(copy), before);
  assert.equal(seen(dir).epoch, 2);
});

test('it goes with the consumer that keeps events for the stream', async (t) => {
  const { dir, path } = await fed(t);
  await removeConsumer(dir, 'replica-memory');
  assert.deepEqual(inspectLog(dir).streams, []);
  assert.throws(() => readFileSync(path), { code: 'ENOENT' });
});

test('a replicator of the folder is seen by who attaches to the log', async (t) => {
  const place = new Place(t);
  const dir = place.path('log');
  const wal = place.keep(await openLog(dir, { sharedMemory: 'required' }));
  const engine = liveStream();
  const gate = new Gate();
  const stream = streamOf(engine);
  let appends = 0;
  const held: BlockStream = {
    ...stream,
    append: async (block, expected) => {
      if (++appends > 2) await gate.opened;
      return stream.append(block, expected);
    },
  };
  const telemetry = attachTelemetry(dir);
  t.after(() => telemetry.close());
  const { replication } = telemetry.recorder;
  assert.equal(replication.fedStreams, 0);
  const replica = place.keep(await replicate(dir, { stream: held }));
  place.keep(gate);
  const first = appendMixed(wal, 3);
  await wal.durable();
  await settles('replicated', replica.replicated(first));
  const looks = (what: string, isSo: () => boolean): Promise<void> =>
    eventually(what, () => telemetry.refresh() === 'running' && isSo());
  await looks('it is seen', () => replication.confirmedEventId === first);
  assert.deepEqual([replication.fedStreams, replication.lagEvents], [1, 0]);
  assert.deepEqual([replication.streamEpoch, replication.claims], [1, 1]);
  assert.equal(replication.confirmedEvents, first);
  assert.equal(replication.acknowledgeHistogram.count, replication.acknowledge.samples);
  assert.ok(replication.acknowledge.samples > 0 && replication.engineAnswerAge > 0);
  const last = appendMixed(wal, 9);
  await wal.durable();
  await looks('that it is behind', () => replication.lagEvents === last - first);
  await looks('for how long', () => replication.lagAge > 0);
  assert.equal(wal.telemetry.replication.fedStreams, 0, 'the log itself feeds none');
  gate.open();
  await settles('replicated', replica.replicated(last));
  await looks('that it has caught up', () => replication.confirmedEventId === last);
  const path = `${dir}/${REPORT}`;
  const ofLive = readFileSync(path);
  await replica.close();
  await looks('that it has ended', () => replication.fedStreams === 0);
  assert.equal(replication.lagEvents, 0);
  // As one that is killed leaves it.
  writeFileSync(path, ofLive);
  telemetry.refresh();
  assert.equal(replication.fedStreams, 0);
  assert.equal(seen(dir).isFed, false);
});

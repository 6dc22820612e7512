// What reading records, event by event of the telemetry. test/system/recovery-telemetry.test.ts has
// the whole run.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FaultyStorage } from '../../test/support/faulty-storage.js';
import type { StorageCall } from '../../test/support/interposed-storage.js';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { FakeClock } from '../clock/fake-clock.js';
import { FILE_PORTS, type ReadingPorts } from '../judgement/reading-ports.js';
import { recoverLog } from '../recovery/recover-log.js';
import { follow, followThrough } from '../replay/follow.js';
import { LogWalker } from '../replay/log-walker.js';
import { openCursor } from '../replay/open-cursor.js';
import { replay, replayThrough } from '../replay/replay.js';
import { nodeStorage } from '../storage/node-storage.js';
import { Telemetry } from '../telemetry/recovery/telemetry.js';
import { verify } from '../verification/verify.js';
import { silentMeter, TelemetryMeter } from './reading-meter.js';
import { integrityFailureOf } from './stop.js';

const CORRUPT = { code: 'ERR_FLASHSTRIKE_CORRUPT' };

/** Three segments: events 1-9, 10-14, 15-20; all durable. */
function threeSegments(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(4).events(5).seal();
  builder.segment().events(2).watermark().events(3).seal();
  return builder.segment().events(1).events(5).meta();
}

function readAll(
  dir: string,
  telemetry: Telemetry,
  from?: number,
  ports: ReadingPorts = FILE_PORTS,
): number {
  let events = 0;
  for (const event of replayThrough(ports, dir, { from, telemetry }))
    events += event.eventId > 0 ? 1 : 0;
  return events;
}

/** The four failure counters: header, block, chain, validation. */
function failures({ segmentReader: reader }: Telemetry): number[] {
  return [
    reader.totalHeaderChecksumFailures,
    reader.totalBlockChecksumFailures,
    reader.totalChainedChecksumFailures,
    reader.totalValidationFailures,
  ];
}

function assertAllClosed({ segmentReader: { openSegment, closeSegment } }: Telemetry): void {
  assert.ok(openSegment.successes > 0);
  assert.equal(closeSegment.successes, openSegment.successes, 'every open segment was closed');
}

test('a replay: each segment, block, byte and event that is verified, and no failure', (t) => {
  const builder = threeSegments(t).write();
  const telemetry = new Telemetry();
  assert.equal(readAll(builder.dir, telemetry), 20);
  const { segmentReader: reader, manager } = telemetry;
  assert.equal(reader.verifySegment.successes, 3);
  assert.equal(reader.verifySegment.failures, 0);
  assert.equal(reader.verifiedEvents, 20);
  // A seal stands behind what the next segment pins: readers of events do not look at it.
  const read = builder.blocks.filter(({ kind }) => kind !== 3);
  assert.equal(reader.verifiedBlocks, read.length);
  assert.equal(
    reader.verifiedBytes,
    read.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  assert.ok(reader.readBytes >= reader.verifiedBytes);
  assert.ok(reader.readChunk.successes > 0);
  assert.equal(reader.readChunk.failures, 0);
  assert.deepEqual(failures(telemetry), [0, 0, 0, 0]);
  // The segment behind the last one was looked for, which is no failure.
  assert.equal(reader.openSegment.failures, 0);
  assert.equal(manager.resumeFromEvent.successes, 1);
  assert.equal(manager.seekEvent.samples, 1);
  assert.equal(manager.judgeTail.samples, 1);
  assert.ok(manager.nextEvent.samples > 0);
  assert.equal(manager.nextEventHistogram.count, manager.nextEvent.samples);
  assertAllClosed(telemetry);
});

test('a cursor from the middle: headers scanned, the index read, the event sought', (t) => {
  const telemetry = new Telemetry();
  const cursor = openCursor(threeSegments(t).write().dir, { from: 13, telemetry });
  assert.ok(cursor.next());
  assert.equal(cursor.eventId, 13);
  cursor.close();
  const { segmentReader: reader, manager } = telemetry;
  assert.equal(manager.readSegmentHeader.successes, 2);
  assert.equal(manager.seekEvent.samples, 1);
  assert.equal(reader.buildIndex.successes, 1);
  assert.equal(reader.seekEvent.samples, 1);
  assert.equal(manager.nextEvent.samples, 1);
  // No segment was read to its end.
  assert.equal(reader.verifySegment.samples, 0);
  assertAllClosed(telemetry);
});

test('a seal that is torn: the index failed, and nothing else', (t) => {
  const builder = threeSegments(t);
  const seal = builder.blockOf(2, -1);
  builder.fileOf(2)[seal.offset + 70] = 0xee;
  const telemetry = new Telemetry();
  assert.equal(readAll(builder.write().dir, telemetry, 13), 8);
  assert.equal(telemetry.segmentReader.buildIndex.failures, 1);
  assert.deepEqual(failures(telemetry), [0, 0, 0, 0]);
});

test('an event that is not there: resuming failed', (t) => {
  const telemetry = new Telemetry();
  const { dir } = threeSegments(t).write();
  assert.throws(() => openCursor(dir, { from: 99, telemetry }), {
    code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE',
  });
  assert.equal(telemetry.manager.resumeFromEvent.failures, 1);
  assertAllClosed(telemetry);
});

test('damage is counted by the check that did not hold', (t) => {
  const damages: [string, (builder: LogBuilder) => void, number[]][] = [
    ['header of a block', (b) => flip(b, b.blockOf(1, 1).offset + 20), [1, 0, 0, 0]],
    ['payload of a block', (b) => flip(b, b.blockOf(1, 1).offset + 70), [0, 1, 0, 0]],
    ['a block of another life', (b) => transplant(t, b), [0, 0, 1, 0]],
    ['zeros', (b) => b.fileOf(1).fill(0, b.blockOf(1, 1).offset), [0, 0, 0, 1]],
    ['header of a segment', (b) => flip(b, 20), [1, 0, 0, 0]],
    ['magic of a segment', (b) => flip(b, 0), [0, 0, 0, 1]],
  ];
  for (const [name, damage, expected] of damages) {
    const builder = threeSegments(t);
    damage(builder);
    const telemetry = new Telemetry();
    assert.throws(() => readAll(builder.write().dir, telemetry), CORRUPT, name);
    assert.deepEqual(failures(telemetry), expected, name);
    const { openSegment, verifySegment } = telemetry.segmentReader;
    const { readSegmentHeader } = telemetry.manager;
    const failed = openSegment.failures + verifySegment.failures + readSegmentHeader.failures;
    assert.equal(failed, 1, name);
    if (openSegment.successes > 0) assertAllClosed(telemetry);
  }
});

function flip(builder: LogBuilder, offset: number): void {
  const bytes = builder.fileOf(1);
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
}

/** Puts a block at its own place in a log with another block before it. */
function transplant(t: TestContext, builder: LogBuilder): void {
  const other = new LogBuilder(temporaryFolder(t), { logId: builder.logId }).segment();
  other.events(4, { payload: new Uint8Array(40).fill(0xdd) }).events(5);
  const { offset, bytes } = other.blockOf(1, 1);
  builder.fileOf(1).set(other.fileOf(1).subarray(offset, offset + bytes), offset);
}

test('a torn tail is one failure, however often a reader meets it', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(3).meta();
  const { offset } = builder.events(2).blockOf(1, -1);
  builder.fileOf(1)[offset + 70] = 0xee;
  const telemetry = new Telemetry();
  const cursor = openCursor(builder.write().dir, { telemetry });
  for (let times = 0; times < 5; times++) while (cursor.next());
  assert.deepEqual(failures(telemetry), [0, 1, 0, 0]);
  assert.equal(telemetry.segmentReader.verifySegment.successes, 1);
  cursor.close();
});

test('a read that fails shows in readChunk', (t) => {
  const { dir } = threeSegments(t).write();
  const storage = new FaultyStorage(nodeStorage);
  // Behind the header page.
  const isChunk = ({ kind, offset }: StorageCall) => kind === 'read' && offset === 4096;
  const fault = storage.fail({ code: 'EIO', when: isChunk });
  const telemetry = new Telemetry();
  const ports = { ...FILE_PORTS, storage };
  assert.throws(() => readAll(dir, telemetry, undefined, ports), { code: 'ERR_FLASHSTRIKE_IO' });
  assert.ok(fault.hits > 0);
  assert.equal(telemetry.segmentReader.readChunk.failures, 1);
});

test('verify: each segment, the end judged once, all files closed', async (t) => {
  const telemetry = new Telemetry();
  const report = await verify(threeSegments(t).write().dir, { telemetry });
  const { segmentReader: reader, manager } = telemetry;
  assert.equal(reader.verifiedEvents, report.events);
  assert.equal(reader.verifySegment.successes, 3);
  assert.equal(manager.judgeTail.samples, 1);
  assertAllClosed(telemetry);
});

test('verify goes on behind damage, and counts all of it', async (t) => {
  const builder = threeSegments(t);
  flip(builder, builder.blockOf(1, 1).offset + 20);
  builder.fileOf(2)[builder.blockOf(2, 0).offset + 70] = 0xee;
  builder.fileOf(3).fill(0, builder.blockOf(3, 1).offset);
  const telemetry = new Telemetry();
  const report = await verify(builder.write().dir, { telemetry });
  assert.equal(report.problems.length, 3);
  assert.deepEqual(failures(telemetry), [1, 1, 0, 1]);
  assert.equal(telemetry.segmentReader.verifySegment.failures, 3);
  // What stands behind a hole is read as well, and counted.
  assert.equal(telemetry.segmentReader.verifiedEvents, report.events);
});

test('recovery on open: what was judged and written again', (t) => {
  const builder = threeSegments(t);
  builder.meta({ durableEventId: 15 });
  const telemetry = new Telemetry();
  const log = recoverLog(nodeStorage, builder.write().dir, 'default', {}, undefined, telemetry);
  t.after(() => log.last && nodeStorage.close(log.last.file.fd));
  const { segmentReader: reader, manager } = telemetry;
  assert.equal(manager.recoverLog.successes, 1);
  assert.equal(manager.readSegmentHeader.successes, 3, 'of every segment');
  assert.equal(manager.judgeTail.samples, 1);
  assert.equal(manager.rewritePrefix.successes, 1);
  const last = builder.blockOf(3, -1);
  assert.equal(manager.rewrittenBytes, last.offset + last.bytes - builder.blockOf(3, 0).offset);
  assert.equal(reader.openSegment.successes, 1);
  assert.equal(reader.verifySegment.successes, 1);
  assert.equal(reader.verifiedEvents, 6);
});

test('recovery that refuses is a failure, and closes what it opened', (t) => {
  const builder = threeSegments(t);
  builder.fileOf(3)[builder.blockOf(3, 1).offset + 70] = 0xee;
  const telemetry = new Telemetry();
  const { dir } = builder.write();
  assert.throws(() => recoverLog(nodeStorage, dir, 'default', {}, undefined, telemetry), CORRUPT);
  assert.equal(telemetry.manager.recoverLog.failures, 1);
  assert.equal(telemetry.segmentReader.verifySegment.failures, 1);
  assert.deepEqual(failures(telemetry), [0, 1, 0, 0]);
  assertAllClosed(telemetry);
});

test('follow: events that come are timed, files closed when it ends', async (t) => {
  const telemetry = new Telemetry();
  const { dir } = threeSegments(t).write();
  for await (const { eventId } of followThrough(FILE_PORTS, dir, { telemetry }))
    if (eventId === 20) break;
  assert.ok(telemetry.manager.nextEvent.samples > 0);
  assert.equal(telemetry.segmentReader.verifiedEvents, 20);
  assertAllClosed(telemetry);
});

test('the time between two blocks, in which events are used, is not in verifySegment', (t) => {
  const clock = new FakeClock();
  const telemetry = new Telemetry();
  const { dir } = threeSegments(t).write();
  const walker = new LogWalker(FILE_PORTS, dir, new TelemetryMeter(telemetry, clock));
  walker.seek(undefined);
  while (walker.next()) clock.advanceNs(1e9);
  assert.ok(walker.confirmEnd());
  walker.close();
  const { successes, totalNs } = telemetry.segmentReader.verifySegment;
  assert.deepEqual({ successes, totalNs }, { successes: 3, totalNs: 0 });
});

test('a cursor that times its steps gives out the same events', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment();
  for (let block = 0; block < 5; block++) builder.events(100);
  const { dir } = builder.meta().write();
  const contentOf = (telemetry?: Telemetry) => {
    const content: string[] = [];
    const cursor = openCursor(dir, { from: 7, telemetry });
    while (cursor.next()) {
      const { eventId, type, timestampNs, payload } = cursor;
      content.push(`${eventId} ${type} ${timestampNs} ${Buffer.from(payload).toString('hex')}`);
    }
    assert.equal(cursor.next(), false);
    return content;
  };
  const telemetry = new Telemetry();
  const content = contentOf(telemetry);
  assert.equal(content.length, 494);
  assert.deepEqual(content, contentOf());
  const { samples } = telemetry.manager.nextEvent;
  assert.ok(samples > 1 && samples < 30, `${samples} of 494 steps were timed`);
});

test('without telemetry no clock is looked at', () => {
  assert.ok(silentMeter().isSilent);
  assert.equal(silentMeter().nowNs(), 0);
});

test('a telemetry of another kind is refused at once', async (t) => {
  const { dir } = threeSegments(t).write();
  const invalid = { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT', message: /recovery\.Telemetry/ };
  for (const wrong of [null, {}, { ...new Telemetry() }, new Telemetry().manager, 1]) {
    // A caller without types.
    const options = { telemetry: wrong as unknown as Telemetry };
    assert.throws(() => replay(dir, options), invalid);
    assert.throws(() => openCursor(dir, options), invalid);
    assert.throws(() => follow(dir, options), invalid);
    await assert.rejects(verify(dir, options), invalid);
  }
});

test('each reason to stop belongs to one check', () => {
  const of = (reason: Parameters<typeof integrityFailureOf>[0]['reason'], inPayload = false) =>
    integrityFailureOf({ reason, message: '', inPayload });
  assert.equal(of('checksum'), 'header');
  assert.equal(of('checksum', true), 'block');
  assert.equal(of('chain'), 'chain');
  assert.equal(of('limit'), 'chain');
  for (const reason of ['zero', 'magic', 'truncated', 'full', 'sealed', 'version'] as const) {
    assert.equal(of(reason), 'validation');
  }
  assert.equal(of('field'), 'validation');
  assert.equal(of('field', true), 'validation');
});

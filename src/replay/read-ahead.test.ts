import assert from 'node:assert/strict';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { descriptorsBelow, threads } from '../../test/support/process-resources.js';
import { AHEAD_QUERY } from '../../test/support/readers.js';
import { steppedReadAhead } from '../../test/support/stepped-read-ahead.js';
import { FILE_PORTS } from '../judgement/reading-ports.js';
import { BLOCK_HEADER_BYTES } from '../segment/block-header.js';
import { recovery } from '../telemetry.js';
import { openCursorThrough } from './open-cursor.js';
import type { ReplayPorts } from './read-ahead.js';
import { replay, replayThrough } from './replay.js';
import { REPLAY_PORTS } from './thread-read-ahead.js';

// What holds for readers holds for readers that read ahead: the same tests, with a preloader.
for (const file of ['cursor', 'replay', 'hand-out', 'from-time', '../judgement/kept-events']) {
  await import(new URL(`./${file}.test.js${AHEAD_QUERY}`, import.meta.url).href);
}

/** Two MiB a segment, in blocks of 64 KiB, the last one without a seal. */
function longLog(t: TestContext, segments = 8): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 2 << 20 });
  for (let segment = 1; segment <= segments; segment++) {
    builder.segment();
    for (let block = 0; block < 28; block++) builder.events(64, { payloadBytes: 1000 });
    if (segment < segments) builder.seal();
  }
  return builder.meta().write();
}

const stepped = (options: Parameters<typeof steppedReadAhead>[0]): ReplayPorts => ({
  ...FILE_PORTS,
  readAhead: steppedReadAhead(options),
  readsAhead: true,
});

function outcomeOf(ports: ReplayPorts, dir: string): { ids: number[]; error: unknown } {
  const ids: number[] = [];
  try {
    for (const { eventId } of replayThrough(ports, dir, { reuse: true })) ids.push(eventId);
    return { ids, error: undefined };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { ids, error: { code, message } };
  }
}

test('damage in any place is what it is to a reader that reads by itself', (t) => {
  const builder = longLog(t, 3);
  const places = builder.blocks.filter((_block, at) => at % 9 === 0 || at > 80);
  for (const { segmentIndex, offset, bytes } of places) {
    for (const at of [offset + 9, offset + BLOCK_HEADER_BYTES + 8, offset + bytes - 1]) {
      const path = builder.pathOf(segmentIndex);
      const file = readFileSync(path);
      file[at] = (file[at] ?? 0) ^ 0x10;
      writeFileSync(path, file);
      const alone = outcomeOf(FILE_PORTS, builder.dir);
      assert.deepEqual(outcomeOf(stepped({}), builder.dir), alone);
      assert.deepEqual(outcomeOf(stepped({ stepsAhead: 0 }), builder.dir), alone);
      file[at] = (file[at] ?? 0) ^ 0x10;
      writeFileSync(path, file);
    }
  }
});

test('a preloader that stops at any step costs nothing but speed', (t) => {
  const builder = longLog(t, 4);
  const alone = outcomeOf(FILE_PORTS, builder.dir);
  assert.equal(alone.ids.length, builder.lastEventId);
  for (let steps = 0; steps < 40; steps++) {
    let left = steps;
    const ports = stepped({ stepsAhead: 1, goesOn: () => left-- > 0 });
    assert.deepEqual(outcomeOf(ports, builder.dir), alone, `after ${steps} steps`);
  }
});

test('what a slot holds is checked once more: blocks that do not follow are not given', (t) => {
  const builder = longLog(t, 4);
  const alone = outcomeOf(FILE_PORTS, builder.dir);
  const readAhead = steppedReadAhead({ stepsAhead: 8 });
  const ports: ReplayPorts = {
    ...FILE_PORTS,
    readsAhead: true,
    readAhead: {
      ...readAhead,
      offer(dir, link, reader, its) {
        const preloader = readAhead.offer(dir, link, reader, its);
        if (preloader === undefined) return undefined;
        let wakes = 0;
        return Object.assign(Object.create(preloader), {
          begin: (place: Parameters<typeof preloader.begin>[0]) => preloader.begin(place),
          wait: (news: number) => preloader.wait(news),
          close: () => preloader.close(),
          wake() {
            preloader.wake();
            // As a thread would that writes where it must not any more: all slots at once.
            if (++wakes === 2) link.bytes.fill(0xff, link.startOfSlot(0));
          },
        });
      },
    },
  };
  assert.deepEqual(outcomeOf(ports, builder.dir), alone);
});

const { readAhead: onThisMachine } = REPLAY_PORTS;
assert.ok(onThisMachine !== undefined);
const onThread: ReplayPorts = {
  ...FILE_PORTS,
  readAhead: { ...onThisMachine, afterBytes: 1 },
  readsAhead: true,
};

/** Reads on until blocks have come from the thread. */
async function untilAhead(
  cursor: { readonly eventId: number; next(): boolean },
  { segmentPreloader }: recovery.Telemetry,
): Promise<void> {
  while (segmentPreloader.preloadSegment.samples === 0) {
    assert.ok(cursor.next(), 'the log is long enough');
    // Time for the thread to start: each block has 64 events.
    if (cursor.eventId % 64 === 0) await sleep(20);
  }
}

/**
 * A reader that is closed waits until its preloader has closed its files, but for no longer than a
 * second where that stands still; after half a minute without its reader it would close them by
 * itself. The thread ends when nobody has wanted it for a while.
 */
async function leavesNothing(dir: string, threadsBefore: number): Promise<void> {
  const within = async (limitMs: number, isDone: () => boolean): Promise<boolean> => {
    const deadline = Date.now() + limitMs;
    while (!isDone() && Date.now() < deadline) await sleep(50);
    return isDone();
  };
  assert.ok(await within(15_000, () => descriptorsBelow(dir).length === 0));
  assert.ok(await within(60_000, () => threads().length <= threadsBefore));
}

test('a thread reads ahead, tells what it did, and is gone some time after its last reader', async (t) => {
  const builder = longLog(t, 24);
  const before = threads().length;
  const telemetry = new recovery.Telemetry();
  const cursor = openCursorThrough(onThread, builder.dir, { telemetry });
  await untilAhead(cursor, telemetry);
  let eventId = 0;
  while (cursor.next()) eventId = cursor.eventId;
  assert.equal(eventId, builder.lastEventId);
  const { segmentPreloader, segmentReader } = telemetry;
  assert.ok(segmentPreloader.preloadSegment.successes >= 1);
  assert.ok(segmentPreloader.finishSegment.successes >= 1);
  assert.ok(segmentReader.verifiedEvents >= builder.lastEventId);
  cursor.close();
  await leavesNothing(builder.dir, before);
});

test('a hundred readers that are given up in the middle leave no file and no thread', async (t) => {
  const builder = longLog(t, 24);
  const before = threads().length;
  for (let round = 0; round < 100; round++) {
    if (round % 2 === 0) {
      const cursor = openCursorThrough(onThread, builder.dir);
      for (let step = 0; step < 64 * (round + 1); step++) assert.ok(cursor.next());
      cursor.close();
    } else {
      for (const { eventId } of replayThrough(onThread, builder.dir, { reuse: true })) {
        if (eventId > 64 * round) break;
      }
    }
    if (round % 10 === 0) await sleep(5);
  }
  await leavesNothing(builder.dir, before);
});

test('where the preloader ends behind a segment that was removed, the next event is not expired', (t) => {
  for (const removed of [1, 2, 3]) {
    const builder = longLog(t, 4);
    const lastOfSegment = 2 * 28 * 64;
    let isGoing = true;
    // In one step it comes into the third segment, and hands over the first two.
    const cursor = openCursorThrough(
      stepped({ stepsAhead: 0, goesOn: () => isGoing }),
      builder.dir,
    );
    for (let step = 0; step < lastOfSegment; step++) assert.ok(cursor.next());
    isGoing = false;
    // As retention does, with a reader that has had all of it, or not.
    builder.meta({ firstKeptEventId: removed * 28 * 64 + 1 }).write();
    for (let index = 1; index <= removed; index++) unlinkSync(builder.pathOf(index));
    const ids: number[] = [];
    const readOn = () => {
      while (cursor.next()) ids.push(cursor.eventId);
    };
    if (removed === 3) assert.throws(readOn, { code: 'ERR_FLASHSTRIKE_EXPIRED' });
    else readOn();
    const rest = removed === 3 ? 0 : builder.lastEventId - lastOfSegment;
    assert.deepEqual(
      ids,
      Array.from({ length: rest }, (_, at) => lastOfSegment + 1 + at),
    );
  }
});

/** The worker of the preloader thread, caught when it is sent something. */
function catchWorker(t: TestContext): { worker?: Worker } {
  const caught: { worker?: Worker } = {};
  const { postMessage } = Worker.prototype;
  t.after(() => {
    Worker.prototype.postMessage = postMessage;
  });
  Worker.prototype.postMessage = function (this: Worker, ...args) {
    caught.worker = this;
    postMessage.apply(this, args);
  };
  return caught;
}

test('a thread that is ended in the middle costs time, and the next reader has another', async (t) => {
  const builder = longLog(t, 24);
  const caught = catchWorker(t);
  for (let round = 0; round < 2; round++) {
    const telemetry = new recovery.Telemetry();
    const cursor = openCursorThrough(onThread, builder.dir, { telemetry });
    await untilAhead(cursor, telemetry);
    assert.ok(caught.worker !== undefined);
    await caught.worker.terminate();
    let { eventId } = cursor;
    while (cursor.next()) assert.equal(cursor.eventId, ++eventId);
    assert.equal(eventId, builder.lastEventId);
    assert.ok(telemetry.segmentPreloader.preloadSegment.failures <= 1);
    cursor.close();
    assert.deepEqual(descriptorsBelow(builder.dir), []);
  }
});

test('a log that is short starts no thread', (t) => {
  const builder = longLog(t, 2);
  const before = threads().length;
  assert.equal([...replay(builder.dir, { readAhead: true, reuse: true })].length, 3584);
  assert.ok(threads().length <= before);
});

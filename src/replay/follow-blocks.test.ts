import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogBuilder, payloadOf, temporaryFolder } from '../../test/support/log-builder.js';
import { FILE_PORTS } from '../judgement/reading-ports.js';
import type { LoggedBlock } from '../reading/events.js';
import {
  BLOCK_HEADER_BYTES,
  decodeBlockHeader,
  verifyBlockPayload,
} from '../segment/block-header.js';
import { isDefect } from '../segment/defect.js';
import { decodeFrame, frameSpan } from '../segment/frame.js';
import { followBlocks, followBlocksThrough } from './follow-blocks.js';
import { replay } from './replay.js';

const build = (t: TestContext) => new LogBuilder(temporaryFolder(t));

async function take(blocks: AsyncIterator<LoggedBlock>, count: number): Promise<LoggedBlock[]> {
  const taken: LoggedBlock[] = [];
  while (taken.length < count) {
    const step = await blocks.next();
    if (step.done === true) break;
    taken.push(step.value);
  }
  return taken;
}

const idsOf = (blocks: readonly LoggedBlock[]) =>
  blocks.map(({ firstEventId, lastEventId }) => [firstEventId, lastEventId]);

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const waited = Symbol('waited');
  return (await Promise.race([promise, sleep(60, waited)])) === waited;
}

test('blocks are handed out whole, as they stand in their files, and verify elsewhere', async (t) => {
  const builder = build(t).segment().events(3).watermark(3).events(2).seal().segment().events(4);
  builder.watermark(9).meta({ durableEventId: 9 }).write();
  const events = [...replay(builder.dir)];
  const blocks = await take(followBlocks(builder.dir), 3);
  assert.deepEqual(idsOf(blocks), [
    [1, 3],
    [4, 5],
    [6, 9],
  ]);
  for (const block of blocks) {
    const { bytes, salt, offset, segmentIndex, firstEventId, lastEventId } = block;
    const file = readFileSync(builder.pathOf(segmentIndex));
    assert.deepEqual(Buffer.from(bytes), file.subarray(offset, offset + bytes.length));
    assert.equal(bytes.buffer.byteLength, bytes.length, 'a buffer of its own');
    const header = decodeBlockHeader(bytes, 0, salt, offset);
    assert.ok(!isDefect(header));
    assert.equal(verifyBlockPayload(header, bytes.subarray(BLOCK_HEADER_BYTES), salt), undefined);
    let at = BLOCK_HEADER_BYTES;
    for (let id = firstEventId; id <= lastEventId; id++) {
      const frame = decodeFrame(bytes, at);
      assert.equal(frame.eventId, id);
      const payload = bytes.subarray(frame.payloadOffset, frame.payloadOffset + frame.payloadBytes);
      assert.deepEqual(Uint8Array.from(payload), payloadOf(id, frame.payloadBytes));
      at += frameSpan(24 + frame.payloadBytes);
    }
    assert.equal(at, bytes.length);
    assert.equal(block.firstTimestampNs, events[firstEventId - 1]?.timestampNs);
    assert.equal(block.lastTimestampNs, events[lastEventId - 1]?.timestampNs);
  }
});

test('a block is handed out once its last event is durable', async (t) => {
  const builder = build(t).segment().events(3).meta({ durableEventId: 0 }).write();
  let durable = 2;
  const ports = { ...FILE_PORTS, regionDurable: () => durable };
  const blocks = followBlocksThrough(ports, builder.dir);
  const next = blocks.next();
  assert.ok(await isPending(next), 'two of three events are not the block');
  durable = 3;
  assert.deepEqual(idsOf([(await next).value as LoggedBlock]), [[1, 3]]);
  const second = blocks.next();
  assert.ok(await isPending(second));
  await blocks.return(undefined);
  assert.equal((await second).done, true);
});

test('from leads to the block that has the event, or will have it', async (t) => {
  const builder = build(t).segment().events(3).events(3).segment().events(2);
  builder.meta({ durableEventId: 8 }).write();
  for (const [from, first] of [
    [1, 1],
    [3, 1],
    [4, 4],
    [6, 4],
    [7, 7],
    [8, 7],
  ]) {
    const blocks = followBlocks(builder.dir, { from });
    assert.equal((await take(blocks, 1))[0]?.firstEventId, first, `from ${from}`);
    await blocks.return(undefined);
  }
  const later = followBlocks(builder.dir, { from: 10 });
  const next = later.next();
  assert.ok(await isPending(next));
  builder.events(1).events(2, { durableEventId: 9 }).watermark(11).write();
  assert.deepEqual(idsOf([(await next).value as LoggedBlock]), [[10, 11]]);
  await later.return(undefined);
});

test('fromTime leads to the block that has the first event of that time or later', async (t) => {
  const builder = build(t).segment().events(3).events(3).segment().events(2);
  builder.meta({ durableEventId: 8 }).write();
  for (const [eventId, first] of [
    [1, 1],
    [3, 1],
    [4, 4],
    [6, 4],
    [7, 7],
  ]) {
    const fromTime = [...replay(builder.dir)][(eventId ?? 0) - 1]?.timestampNs;
    const blocks = followBlocks(builder.dir, { fromTime });
    assert.equal((await take(blocks, 1))[0]?.firstEventId, first, `event ${eventId}`);
    await blocks.return(undefined);
  }
});

test('batches are marked', async (t) => {
  const builder = build(t)
    .segment()
    .events(1)
    .events(7, { continued: [3, 4, 6] })
    .events(2);
  builder.watermark(10).meta({ durableEventId: 10 }).write();
  const blocks = await take(followBlocks(builder.dir), 3);
  assert.deepEqual(
    blocks.map(({ batches }) => batches.map((batch) => [batch.firstEventId, batch.lastEventId])),
    [
      [],
      [
        [3, 5],
        [6, 7],
      ],
      [],
    ],
  );
});

test('with reuse one buffer serves all blocks; what becomes of it changes nothing', async (t) => {
  const builder = build(t).segment().events(3).events(200).events(2).watermark(205);
  builder.meta({ durableEventId: 205 }).write();
  const whole = await take(followBlocks(builder.dir), 3);
  const blocks = followBlocks(builder.dir, { reuse: true });
  for (const expected of whole) {
    const { value } = await blocks.next();
    const { bytes, ...rest } = value as LoggedBlock;
    const { bytes: expectedBytes, ...expectedRest } = expected;
    assert.deepEqual(rest, expectedRest);
    assert.deepEqual(Buffer.from(bytes), Buffer.from(expectedBytes));
    // Filled to the end of its buffer, and given away.
    new Uint8Array(bytes.buffer).fill(0xee);
    structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
  }
  await blocks.return(undefined);
});

test('damage is told behind all blocks before it; arguments are refused at the call', async (t) => {
  const builder = build(t).segment().events(2).events(2).events(2, { durableEventId: 4 });
  builder.fileOf(1)[builder.blockOf(1, 1).offset + 70] = 0xee;
  const blocks = followBlocks(builder.meta({ durableEventId: 2 }).write().dir);
  assert.deepEqual(idsOf(await take(blocks, 1)), [[1, 2]]);
  await assert.rejects(blocks.next(), { code: 'ERR_FLASHSTRIKE_CORRUPT' });
  const invalid = { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' };
  assert.throws(() => followBlocks(builder.dir, { from: 'x' as unknown as number }), invalid);
  assert.throws(() => followBlocks(builder.dir, { reuse: 1 as unknown as boolean }), invalid);
  assert.throws(() => followBlocks(builder.dir, { signal: {} as AbortSignal }), invalid);
  await assert.rejects(followBlocks(`${builder.dir}/no`).next(), {
    code: 'ERR_FLASHSTRIKE_NOT_A_LOG',
  });
});

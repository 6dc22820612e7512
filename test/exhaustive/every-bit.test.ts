// Every bit of a log of three segments flips, and every file is cut at every byte. Whoever reads it
// tells, or finds every event as it was; nothing is ever shorter in silence, and nothing that does
// not matter is called damage.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BLOCK_HEADER_BYTES } from '../../src/segment/block-header.js';
import { saltOf } from '../support/log-builder.js';
import { rewriteSeal } from '../support/wrong-seals.js';
import { SmallLog } from './small-log.js';

/** All of it durable, as wal.meta says, and as the last watermark does. */
const durableLog = (): SmallLog =>
  new SmallLog((builder) => {
    builder.segment().events(2).events(1, { durableEventId: 2 }).watermark(3).seal(3);
    builder.segment().events(1).events(2, { durableEventId: 4 }).seal(6);
    builder
      .segment()
      .events(2, { durableEventId: 6 })
      .events(1, { durableEventId: 8 })
      .watermark(9);
  });

const TAIL_EVENTS = 3;
/** Its last block was written and never synced. */
const logWithTail = (): SmallLog =>
  new SmallLog((builder) => {
    builder.segment().events(2).watermark(2).seal(2);
    builder.segment().events(2).watermark(4).seal(4);
    builder.segment().events(2).watermark(6).events(TAIL_EVENTS, { durableEventId: 6 });
  }, 6);

/** Flips bit `bit` of the byte at `offset`; flipping again puts it right. */
function flip({ disk }: SmallLog, path: string, offset: number, bit: number): void {
  const byte = disk.contentOf(path)[offset] ?? 0;
  disk.damage(path, offset, Uint8Array.of(byte ^ (1 << bit)));
}

test('a log that nobody damaged is sound', async () => {
  for (const log of [durableLog(), logWithTail()]) {
    assert.equal(await log.judge(log.disk), false);
    assert.equal((await log.report(log.disk)).verdict, 'clean');
  }
});

describe('every bit of a log that is durable whole: told where it matters, harmless elsewhere', () => {
  for (const path of durableLog().paths) {
    test(path, async (t) => {
      const log = durableLog();
      const bytes = log.disk.contentOf(path).length;
      const needed = log.neededBytes.get(path) ?? 0;
      const counts = { bits: 0, told: 0 };
      for (let offset = 0; offset < bytes; offset++) {
        for (let bit = 0; bit < 8; bit++) {
          flip(log, path, offset, bit);
          const told = await log.judge(log.disk);
          flip(log, path, offset, bit);
          assert.equal(told, offset < needed, `bit ${bit} of byte ${offset}`);
          counts.bits++;
          if (told) counts.told++;
        }
      }
      t.diagnostic(JSON.stringify(counts));
    });
  }
});

test('every bit of a last block that was never durable: a torn tail, counted exactly', async (t) => {
  const log = logWithTail();
  const block = log.builder.blockOf(3, -1);
  const path = log.builder.pathOf(3);
  const durable = log.lastEventId - TAIL_EVENTS;
  let bits = 0;
  for (let offset = block.offset; offset < block.offset + block.bytes; offset++) {
    for (let bit = 0; bit < 8; bit++) {
      flip(log, path, offset, bit);
      const { verdict, lastEventId, tornTail } = await log.report(log.disk);
      assert.equal(verdict, 'torn-tail', `bit ${bit} of byte ${offset}`);
      assert.equal(lastEventId, durable);
      assert.equal(tornTail?.offset, block.offset);
      // A header that validates tells how many events stood behind it, and how many bytes.
      const isKnown = offset >= block.offset + BLOCK_HEADER_BYTES;
      assert.equal(tornTail?.droppedEvents, isKnown ? TAIL_EVENTS : 0);
      const lastByte = log.disk.contentOf(path).findLastIndex((byte) => byte !== 0);
      assert.equal(tornTail?.droppedBytes, isKnown ? block.bytes : lastByte + 1 - block.offset);
      flip(log, path, offset, bit);
      bits++;
    }
  }
  t.diagnostic(JSON.stringify({ bits }));
});

/** Its last segment is finished, and no other follows: as a crash in a rotation leaves it. */
const sealedLog = (): SmallLog =>
  new SmallLog((builder) => {
    builder.segment().events(2).watermark(2).seal(2);
    builder.segment().events(1).events(2, { durableEventId: 3 }).watermark(5).events(1).seal(6);
  });

test('every bit of a seal at the end: a torn tail that costs no event', async (t) => {
  const log = sealedLog();
  assert.equal((await log.report(log.disk)).verdict, 'clean');
  const seal = log.builder.blockOf(2, -1);
  const path = log.builder.pathOf(2);
  let bits = 0;
  for (let offset = seal.offset; offset < seal.offset + seal.bytes; offset++) {
    for (let bit = 0; bit < 8; bit++) {
      flip(log, path, offset, bit);
      assert.equal(await log.judge(log.disk), false, `bit ${bit} of byte ${offset}`);
      const { verdict, tornTail } = await log.report(log.disk);
      assert.equal(verdict, 'torn-tail', `bit ${bit} of byte ${offset}`);
      assert.deepEqual([tornTail?.offset, tornTail?.droppedEvents], [seal.offset, 0]);
      flip(log, path, offset, bit);
      bits++;
    }
  }
  t.diagnostic(JSON.stringify({ bits }));
});

test('every bit of what a seal at the end says, its checksums right: a torn tail, no event less', async (t) => {
  const log = sealedLog();
  const seal = log.builder.blockOf(2, -1);
  const path = log.builder.pathOf(2);
  const sound = log.disk.contentOf(path).slice();
  let bits = 0;
  for (let byte = 0; byte < seal.bytes - BLOCK_HEADER_BYTES; byte++) {
    for (let bit = 0; bit < 8; bit++) {
      const bytes = sound.slice();
      rewriteSeal(bytes, seal.offset, saltOf(2), (payload) => {
        payload.setUint8(byte, payload.getUint8(byte) ^ (1 << bit));
      });
      log.disk.damage(path, seal.offset, bytes.subarray(seal.offset, seal.offset + seal.bytes));
      // Replay and the open as well, for one bit of each byte.
      if (bit === byte % 8) assert.equal(await log.judge(log.disk), false, `byte ${byte}`);
      const { verdict, tornTail } = await log.report(log.disk);
      assert.equal(verdict, 'torn-tail', `bit ${bit} of byte ${byte}`);
      assert.deepEqual([tornTail?.offset, tornTail?.droppedEvents], [seal.offset, 0]);
      bits++;
    }
  }
  t.diagnostic(JSON.stringify({ bits }));
});

test('every file cut at every byte: told where events are missing, harmless elsewhere', async (t) => {
  const log = durableLog();
  const counts = { cuts: 0, told: 0 };
  for (const path of log.paths) {
    const needed = log.neededBytes.get(path) ?? 0;
    for (let bytes = log.disk.contentOf(path).length - 1; bytes >= 0; bytes--) {
      const disk = log.disk.copy();
      const fd = disk.open(path, 'write');
      disk.truncate(fd, bytes);
      disk.close(fd);
      const told = await log.judge(disk);
      assert.equal(told, bytes < needed, `${path} cut at ${bytes}`);
      counts.cuts++;
      if (told) counts.told++;
    }
  }
  t.diagnostic(JSON.stringify(counts));
});

test('a last block that was never durable, cut at every byte: the events before it stay', async () => {
  const log = logWithTail();
  const block = log.builder.blockOf(3, -1);
  const durable = log.lastEventId - TAIL_EVENTS;
  for (let bytes = block.offset + block.bytes - 1; bytes >= block.offset; bytes--) {
    const disk = log.disk.copy();
    const fd = disk.open(log.builder.pathOf(3), 'write');
    disk.truncate(fd, bytes);
    disk.close(fd);
    const { ok, lastEventId } = await log.report(disk);
    assert.ok(ok, `cut at ${bytes}`);
    assert.equal(lastEventId, durable);
  }
});

// Segments that are compressed while a log is open: by the option `compression`.
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { follow, openCursor, replay, verify, Wal, type WalOptions } from '../../src/index.js';
import { inspectLog } from '../../src/verification/inspect.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';

const KIB = 1024;
const SMALL: WalOptions = {
  segmentBytes: 64 * KIB,
  ringBytes: 64 * KIB,
  sharedMemory: 'off',
  sync: { mode: 'every-block' },
};
const PACKED: WalOptions = { ...SMALL, compression: 'lz4', hotSegments: 1 };
const EVENTS = 200;

/** 2000 bytes that tell their event. */
const payloadOf = (event: number): Buffer =>
  Buffer.from(`event ${event}. `.repeat(200)).subarray(0, 2000);

async function fill(wal: Wal, from: number): Promise<void> {
  for (let event = from; event < from + EVENTS; event++) wal.append(payloadOf(event));
  await wal.durable();
}

const plainIn = (dir: string): string[] => readdirSync(dir).filter((name) => /\.wal$/.test(name));
const packedIn = (dir: string): string[] => readdirSync(dir).filter((name) => /\.lz4$/.test(name));

function assertAll(dir: string, events: number): void {
  let eventId = 0;
  for (const event of replay(dir)) {
    eventId++;
    assert.equal(event.eventId, eventId);
    assert.equal(Buffer.compare(event.payload, payloadOf(eventId)), 0);
  }
  assert.equal(eventId, events);
}

test('finished segments are compressed but for the newest, and every reader reads on', async (t) => {
  const dir = temporaryFolder(t);
  {
    await using wal = await Wal.open(dir, PACKED);
    const followed: number[] = [];
    const following = (async () => {
      for await (const { eventId } of follow(dir)) {
        followed.push(eventId);
        if (eventId === EVENTS) return;
      }
    })();
    await fill(wal, 1);
    await following;
    assert.deepEqual(
      followed,
      Array.from({ length: EVENTS }, (_, at) => at + 1),
    );
    await eventually('only two are not compressed', () => plainIn(dir).length === 2);
    assert.ok(packedIn(dir).length > 5);
    assertAll(dir, EVENTS);
    const cursor = openCursor(dir, { from: 77 });
    assert.ok(cursor.next());
    assert.equal(cursor.eventId, 77);
    cursor.close();
    assert.deepEqual([...wal.replay({ from: 33, to: 34 })].length, 2);
    const { segmentMaintainer: told } = wal.telemetry;
    assert.equal(told.maintenanceCompression.successes, packedIn(dir).length);
    assert.equal(told.maintenanceCompression.failures, 0);
    assert.equal(told.persistenceMaxHotSegments, 1);
    assert.ok(told.compressedContentBytes > 3 * told.compressedFileBytes);
    await fill(wal, EVENTS + 1);
    await eventually('the gauges tell', () => {
      const { persistenceHotSegments: hot, persistenceColdSegments: cold } = wal.telemetry.manager;
      return cold > 10 && hot + cold === plainIn(dir).length + packedIn(dir).length;
    });
  }
  assertAll(dir, 2 * EVENTS);
  const { ok, notes, events } = await verify(dir);
  assert.deepEqual([ok, notes, events], [true, [], 2 * EVENTS]);
  const { segments } = inspectLog(dir);
  const cold = segments.filter(({ contentBytes }) => contentBytes !== undefined);
  assert.equal(cold.length, packedIn(dir).length);
  assert.ok(
    cold.every(
      ({ state, contentBytes = 0, bytes }) => state === 'sealed' && contentBytes > 3 * bytes,
    ),
  );
});

test('a log with compressed segments opens with any options, and goes on', async (t) => {
  const dir = temporaryFolder(t);
  {
    await using wal = await Wal.open(dir, { ...PACKED, hotSegments: 0 });
    await fill(wal, 1);
    await eventually('only the last is not compressed', () => plainIn(dir).length === 1);
  }
  const packed = packedIn(dir);
  for (const options of [{}, { verify: 'all' }, { recovery: 'strict' }, PACKED] as const) {
    await using wal = await Wal.open(dir, { ...SMALL, ...options });
    assert.equal(wal.recovery.verdict, 'clean');
    assert.deepEqual(wal.recovery.notes, []);
    assert.equal(wal.telemetry.manager.persistenceColdSegments, packed.length);
    assert.equal(wal.telemetry.manager.persistenceHotSegments, plainIn(dir).length);
  }
  {
    await using wal = await Wal.open(dir, SMALL);
    await fill(wal, EVENTS + 1);
  }
  assert.deepEqual(packedIn(dir), packed, 'without the option none is compressed');
  assertAll(dir, 2 * EVENTS);
});

test('retention removes compressed segments as well, oldest first', async (t) => {
  const dir = temporaryFolder(t);
  {
    await using wal = await Wal.open(dir, PACKED);
    await fill(wal, 1);
    await eventually('only two are not compressed', () => plainIn(dir).length === 2);
  }
  await using wal = await Wal.open(dir, { ...PACKED, retention: { segments: 4 } });
  await eventually('the oldest are gone', () => packedIn(dir).length + plainIn(dir).length === 5);
  assert.ok(packedIn(dir).length >= 3);
  const [first] = [...wal.replay()];
  assert.ok(first !== undefined && first.eventId > 1);
  assert.equal((await verify(dir)).ok, true);
  const { persistenceHotSegments: hot, persistenceColdSegments: cold } = wal.telemetry.manager;
  await eventually('the gauges follow', () => hot + cold <= EVENTS);
});

test('a compressed segment that is lost is missed like any other', async (t) => {
  const dir = temporaryFolder(t);
  {
    await using wal = await Wal.open(dir, PACKED);
    await fill(wal, 1);
    await eventually('only two are not compressed', () => plainIn(dir).length === 2);
  }
  rmSync(join(dir, packedIn(dir)[2] ?? ''));
  assert.equal((await verify(dir)).verdict, 'corruption');
  await assert.rejects(Wal.open(dir, SMALL), { code: 'ERR_FLASHSTRIKE_CORRUPT' });
});

// A log whose size is capped, on a real file system that is smaller than what it writes, or full:
// what it needs next is what it removes.
import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { codeOf, systemCode } from '../../src/errors.js';
import { verify, Wal } from '../../src/index.js';
import { KIB, MIB } from '../../src/units.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { eventually } from '../support/eventually.js';
import { cannotLoop, LoopDisk } from '../support/loop-disk.js';

const DISK_BYTES = 32 * MIB;
const PAYLOAD_BYTES = 32 * KIB;
const PAYLOADS = Array.from({ length: 7 }, (_, at) => new Uint8Array(PAYLOAD_BYTES).fill(at + 1));
const payloadOf = (id: number): Uint8Array => PAYLOADS[id % PAYLOADS.length] ?? new Uint8Array();

const skip = cannotMap || cannotLoop('ext4');

/** Appends up to event `last`, and again what the full ring or disk has refused. */
async function appendTo(wal: Wal, last: number): Promise<number> {
  let refusals = 0;
  while (wal.lastEventId < last) {
    try {
      wal.append(payloadOf(wal.lastEventId + 1));
      continue;
    } catch (error) {
      assert.equal(codeOf(error), 'ERR_FLASHSTRIKE_NO_SPACE');
      refusals++;
    }
    await wal.durable();
  }
  await wal.durable();
  return refusals;
}

/** What is there follows each other up to the last event; returns the first. */
function firstOf(wal: Wal): number {
  let expected: number | undefined;
  let first = 0;
  for (const { eventId, payload } of wal.replay()) {
    if (expected === undefined) first = eventId;
    expected ??= eventId;
    assert.equal(eventId, expected);
    assert.equal(Buffer.compare(payload, payloadOf(eventId)), 0);
    expected++;
  }
  assert.equal(expected, wal.lastEventId + 1);
  return first;
}

const bytesIn = (directory: string): number =>
  readdirSync(directory).reduce((sum, name) => {
    return sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0);
  }, 0);

test('ten times the size of an ext4 through a log that is capped: all goes on, in the same space', {
  skip,
}, async (t) => {
  const disk = new LoopDisk(t, 'ext4', { bytes: DISK_BYTES });
  const directory = join(disk.folder, 'log');
  const options = {
    ...mappedOptions(t),
    segmentBytes: 2 * MIB,
    ringBytes: MIB,
    retention: { bytes: 10 * MIB },
    compression: 'lz4' as const,
    hotSegments: 2,
  };
  const wal = await Wal.open(directory, options);
  const events = (10 * DISK_BYTES) / PAYLOAD_BYTES;
  let refusals = 0;
  let largest = 0;
  for (let part = 1; part <= 20; part++) {
    refusals += await appendTo(wal, Math.floor((events * part) / 20));
    largest = Math.max(largest, bytesIn(directory));
  }
  assert.equal(wal.failure, undefined);
  assert.ok(firstOf(wal) > 1, 'the first are gone');
  const { segmentMaintainer } = wal.telemetry;
  const { successes: removed } = segmentMaintainer.maintenanceRetention;
  await wal.close();
  disk.cutPower();
  disk.restart();
  const { ok, problems } = await verify(directory);
  assert.ok(ok, JSON.stringify(problems));
  t.diagnostic(JSON.stringify({ events, refusals, removed, largest, left: bytesIn(directory) }));
  assert.ok(largest < DISK_BYTES);
});

test('an ext4 without a free block, filled by others: the log goes on in the space of its oldest segments', {
  skip,
}, async (t) => {
  const disk = new LoopDisk(t, 'ext4', { bytes: DISK_BYTES });
  const directory = join(disk.folder, 'log');
  const options = {
    ...mappedOptions(t),
    segmentBytes: 256 * KIB,
    ringBytes: 256 * KIB,
    stallTimeoutMs: 2 ** 31 - 1,
    retention: { segments: 4 },
  };
  const wal = await Wal.open(directory, options);
  await appendTo(wal, 100);
  const isTrimmed = (): boolean =>
    wal.telemetry.segmentMaintainer.heldSegments === 0 && firstOf(wal) > 1;
  await eventually('segments are removed', isTrimmed);
  await eventually('the next wal.meta has its space', () =>
    readdirSync(directory).includes('wal.meta.tmp'),
  );
  fill(disk.folder);
  const first = firstOf(wal);
  await appendTo(wal, wal.lastEventId + 200);
  assert.equal(wal.failure, undefined);
  assert.ok(firstOf(wal) > first + 100, 'the oldest made room');
  const last = wal.lastEventId;
  await wal.close();
  disk.cutPower();
  disk.restart();
  const { ok, problems, lastEventId } = await verify(directory);
  assert.ok(ok, JSON.stringify(problems));
  assert.equal(lastEventId, last);
});

/** To the last block: not even the smallest file finds room behind that. */
function fill(folder: string): void {
  const fd = openSync(join(folder, 'ballast'), 'a');
  try {
    for (let small = 1; ; small++) {
      writeUntilFull(fd, MIB);
      writeUntilFull(fd, 4 * KIB);
      // What was freed meanwhile may be had behind the next commit of the journal only.
      if (isRefused(() => writeFileSync(join(folder, `small-${small}`), 'x', { flush: true })))
        return;
    }
  } finally {
    closeSync(fd);
  }
}

function writeUntilFull(fd: number, bytes: number): void {
  const block = new Uint8Array(bytes);
  while (!isRefused(() => writeSync(fd, block)));
}

function isRefused(action: () => void): boolean {
  try {
    action();
    return false;
  } catch (error) {
    if (systemCode(error) !== 'ENOSPC') throw error;
    return true;
  }
}

import assert from 'node:assert/strict';
import { readdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  LogBuilder,
  payloadOf,
  temporaryFolder,
  timestampOf,
  typeOf,
} from '../../test/support/log-builder.js';
import { fc } from '../../test/support/properties.js';
import { readersOf } from '../../test/support/readers.js';
import { WalError } from '../errors.js';
import { FILE_PORTS, type ReadingPorts } from '../judgement/reading-ports.js';
import type { EventCursor } from '../reading/events.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';

const { openCursor, openCursorThrough } = readersOf(import.meta.url);

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

/** Three segments: events 1-9, 10-14 with two watermarks, 15-20. */
function threeSegments(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t));
  builder.segment().events(4).events(5, { payloadBytes: 13 }).seal();
  builder.segment().events(2).watermark().events(3, { payloadBytes: 0 }).watermark().seal();
  builder.segment().events(1).events(5).meta();
  return builder.write();
}

function drain(cursor: EventCursor): number[] {
  const ids: number[] = [];
  while (cursor.next()) ids.push(cursor.eventId);
  return ids;
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);

test('a cursor tells every field of every event, across segments', (t) => {
  const builder = threeSegments(t);
  const cursor = openCursor(builder.dir);
  let expected = 1;
  while (cursor.next()) {
    const { eventId, type, timestampNs, payload, payloadOffset, payloadBytes, block } = cursor;
    assert.equal(eventId, expected++);
    assert.equal(type, typeOf(eventId));
    assert.equal(timestampNs, timestampOf(eventId));
    assert.deepEqual(Uint8Array.from(payload), payloadOf(eventId, payloadBytes));
    assert.deepEqual(block.subarray(payloadOffset, payloadOffset + payloadBytes), payload);
  }
  assert.equal(expected, 21);
  assert.deepEqual([cursor.eventId, cursor.timestampNs, cursor.payload.length], [0, 0n, 0]);
  cursor.close();
});

/** All that a consumer can reach on it by name. */
function namesOf(value: object): string[] {
  const names = new Set<string>();
  for (let at: object = value; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Reflect.ownKeys(at)) names.add(String(name));
  }
  names.delete('constructor');
  return [...names].sort();
}

test('a cursor has what its type tells, and nothing else', (t) => {
  const cursor = openCursor(threeSegments(t).dir);
  const fields = ['block', 'eventId', 'payload', 'payloadBytes', 'payloadOffset', 'timestampNs'];
  const expected = [...fields, 'type', 'next', 'close', String(Symbol.dispose)];
  assert.deepEqual(namesOf(cursor), expected.sort());
  cursor.close();
});

test('a cursor starts at any event, by the index of a seal or by a walk', (t) => {
  const builder = threeSegments(t);
  for (let from = 1; from <= 21; from++) {
    const cursor = openCursor(builder.dir, { from });
    assert.deepEqual(drain(cursor), range(from, 20), `from ${from}`);
    cursor.close();
  }
});

test('a seek reads only what it must: the seal leads to the block', (t) => {
  const dir = temporaryFolder(t);
  const builder = new LogBuilder(dir, { segmentBytes: 16 << 20, payloadBytes: 1000 }).segment();
  for (let block = 0; block < 24; block++) builder.events(512);
  builder.seal().segment().events(1).meta().write();
  let bytesRead = 0;
  const storage = {
    ...nodeStorage,
    read(fd: number, target: Uint8Array, offset: number): number {
      const count = nodeStorage.read(fd, target, offset);
      bytesRead += count;
      return count;
    },
  };
  const from = 23 * 512 + 7;
  const cursor = openCursorThrough({ ...FILE_PORTS, storage }, dir, { from });
  assert.ok(cursor.next());
  assert.equal(cursor.eventId, from);
  cursor.close();
  assert.ok(bytesRead < 6 << 20, `${bytesRead} bytes`);
});

test('a seal whose index leads astray is not believed', (t) => {
  const builder = threeSegments(t);
  const second = builder.blockOf(1, 1);
  let looks = 0;
  const ports: ReadingPorts = {
    ...FILE_PORTS,
    storage: {
      ...nodeStorage,
      read(fd, target, offset) {
        // Where the index points no block validates, as if the offset were wrong.
        const count = nodeStorage.read(fd, target, offset);
        if (offset === second.offset && looks++ === 0) target.fill(0xaa, 0, 8);
        return count;
      },
    },
  };
  const cursor = openCursorThrough(ports, builder.dir, { from: 7 });
  assert.deepEqual(drain(cursor), range(7, 20));
  assert.ok(looks > 0, 'the index was used');
  cursor.close();
});

test('ids outside of the log: last + 1 is empty, beyond and before are errors', (t) => {
  const { dir } = threeSegments(t);
  const empty = openCursor(dir, { from: 21 });
  assert.equal(empty.next(), false);
  empty.close();
  for (const from of [22, 1e15, 0, -1]) {
    assert.throws(() => openCursor(dir, { from }), { code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE' });
  }
  const before = openDescriptors();
  for (const from of ['1', 1.5, Number.NaN, 2 ** 53, null, {}] as unknown as number[]) {
    assert.throws(() => openCursor(dir, { from }), { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' });
  }
  for (const bad of ['', 7, null, 'a\0b'] as unknown as string[]) {
    assert.throws(() => openCursor(bad), { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' });
  }
  assert.throws(() => openCursor(dir, null as unknown as object), {
    code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT',
  });
  assert.equal(openDescriptors(), before);
});

test('events before the first segment that is left are expired', (t) => {
  const builder = threeSegments(t);
  unlinkSync(builder.pathOf(1));
  assert.throws(() => openCursor(builder.dir, { from: 9 }), {
    code: 'ERR_FLASHSTRIKE_EXPIRED',
    message: /the first one there is 10/,
  });
  assert.throws(() => openCursor(builder.dir, { from: 0 }), {
    code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE',
  });
  const cursor = openCursor(builder.dir);
  assert.deepEqual(drain(cursor), range(10, 20));
  cursor.close();
});

test('an empty log holds nothing, and its first event may be waited for', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).meta().write();
  const cursor = openCursor(builder.dir);
  assert.equal(cursor.next(), false);
  assert.throws(() => openCursor(builder.dir, { from: 2 }), {
    code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE',
  });
  builder.segment().events(2).write();
  assert.deepEqual(drain(cursor), [1, 2]);
  cursor.close();
});

test('segments that meta knows and that are all gone are corruption', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).meta().write();
  unlinkSync(builder.pathOf(1));
  const cursor = openCursor(builder.dir);
  assert.throws(() => cursor.next(), { code: 'ERR_FLASHSTRIKE_CORRUPT' });
});

test('a cursor at the end goes on when the log does, also into the next segment', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).meta().write();
  const cursor = openCursor(builder.dir);
  assert.deepEqual(drain(cursor), [1, 2]);
  assert.deepEqual(drain(cursor), []);
  builder.events(1).write();
  assert.deepEqual(drain(cursor), [3]);
  builder.watermark().seal().segment().events(2).write();
  assert.deepEqual(drain(cursor), [4, 5]);
  builder.seal().segment().seal().segment().events(1).write();
  assert.deepEqual(drain(cursor), [6], 'over a segment without events');
  cursor.close();
});

test('an end is judged once: looking again costs a header, not a scan', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).meta().write();
  let bytesRead = 0;
  const storage: Storage = {
    ...nodeStorage,
    read(fd, target, offset) {
      const count = nodeStorage.read(fd, target, offset);
      bytesRead += count;
      return count;
    },
  };
  const cursor = openCursorThrough({ ...FILE_PORTS, storage }, builder.dir);
  assert.deepEqual(drain(cursor), [1, 2]);
  assert.ok(bytesRead > 60_000, 'the judgement scans to the end of the file');
  bytesRead = 0;
  assert.equal(cursor.next(), false);
  assert.equal(bytesRead, 64);
  cursor.close();
});

test('from the end of a sealed segment a cursor goes on in the segment that comes', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).watermark().seal();
  const cursor = openCursor(builder.meta().write().dir, { from: 3 });
  assert.equal(cursor.next(), false);
  builder.segment().events(2).write();
  assert.deepEqual(drain(cursor), [3, 4]);
  cursor.close();
});

test('a torn write that recovery left behind the pin is skipped', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(3).watermark(3);
  // What the crash left there is a whole block by accident: the pin decides, not the bytes.
  const torn = new LogBuilder(temporaryFolder(t)).segment().events(3).watermark(3).events(2);
  const { offset, bytes } = torn.blockOf(1, 2);
  builder.fileOf(1).set(torn.fileOf(1).subarray(offset, offset + bytes), offset);
  builder.segment().events(2).meta().write();
  const cursor = openCursor(builder.dir);
  assert.deepEqual(drain(cursor), [1, 2, 3, 4, 5]);
  cursor.close();
});

test('damage before the pin of a finished segment is corruption, after all events before it', (t) => {
  const builder = threeSegments(t);
  const damaged = builder.blockOf(2, 2);
  builder.fileOf(2)[damaged.offset + 70] = 0xee;
  builder.write();
  const before = openDescriptors();
  const cursor = openCursor(builder.dir);
  const ids: number[] = [];
  assert.throws(
    () => {
      while (cursor.next()) ids.push(cursor.eventId);
    },
    (error) => {
      assert.ok(error instanceof WalError);
      assert.equal(error.code, 'ERR_FLASHSTRIKE_CORRUPT');
      assert.equal(error.path, builder.pathOf(2));
      assert.match(error.message, /Events 12 to 14 are lost/);
      return true;
    },
  );
  assert.deepEqual(ids, range(1, 11));
  assert.equal(openDescriptors(), before, 'an error closes the files');
  assert.equal(cursor.next(), false, 'the cursor is closed');
});

test('a finished segment cut at a block boundary is corruption', (t) => {
  const builder = threeSegments(t);
  const cut = builder.blockOf(1, 1).offset;
  builder.files.set(1, builder.fileOf(1).slice(0, cut));
  const cursor = openCursor(builder.write().dir);
  assert.throws(() => drain(cursor), { code: 'ERR_FLASHSTRIKE_CORRUPT', path: builder.pathOf(1) });
  const wiped = threeSegments(t);
  wiped.fileOf(1).fill(0, wiped.blockOf(1, 1).offset);
  const other = openCursor(wiped.write().dir);
  assert.throws(() => drain(other), { code: 'ERR_FLASHSTRIKE_CORRUPT', path: wiped.pathOf(1) });
});

test('swapped segments, a segment of another log and a missing one are told by name', (t) => {
  const swapped = threeSegments(t);
  const [one, two] = [swapped.fileOf(1), swapped.fileOf(2)];
  swapped.files.set(1, two).set(2, one);
  assert.throws(() => drain(openCursor(swapped.write().dir)), {
    code: 'ERR_FLASHSTRIKE_CORRUPT',
    message: /renamed or replaced/,
  });
  const mixed = threeSegments(t);
  const other = new LogBuilder(mixed.dir, { logId: 9n });
  other.segment().events(9).seal().segment().events(5);
  mixed.files.set(2, other.fileOf(2));
  assert.throws(() => drain(openCursor(mixed.write().dir)), {
    code: 'ERR_FLASHSTRIKE_WRONG_LOG',
    path: mixed.pathOf(2),
  });
  const gap = threeSegments(t);
  rmSync(gap.pathOf(2));
  assert.throws(() => drain(openCursor(gap.dir)), { code: 'ERR_FLASHSTRIKE_CORRUPT' });
});

test('a segment replaced by the like-numbered one of a sibling log with the same id', (t) => {
  const builder = threeSegments(t);
  // Same log id, index and ids; another content, so another chain: only the pin tells.
  const sibling = new LogBuilder(builder.dir, { payloadBytes: 8 });
  sibling.segment().events(9).seal().segment().events(5).seal();
  builder.files.set(2, sibling.fileOf(2));
  assert.throws(() => drain(openCursor(builder.write().dir)), { code: 'ERR_FLASHSTRIKE_CORRUPT' });
});

test('no damage of one byte shortens the log in silence or changes an event', (t) => {
  const builder = threeSegments(t);
  const sound = new Map([...builder.files].map(([index, bytes]) => [index, bytes.slice()]));
  const used = (index: number) => {
    const last = builder.blockOf(index, -1);
    return last.offset + last.bytes;
  };
  const place = fc.integer({ min: 1, max: 3 }).chain((index) =>
    fc.record({
      index: fc.constant(index),
      at: fc.oneof(
        fc.integer({ min: 0, max: 127 }),
        fc.integer({ min: 4096, max: used(index) - 1 }),
      ),
      bit: fc.integer({ min: 0, max: 7 }),
    }),
  );
  fc.assert(
    fc.property(place, ({ index, at, bit }) => {
      const bytes = builder.fileOf(index);
      bytes.set(sound.get(index) ?? new Uint8Array());
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      builder.write();
      let ids: number[] = [];
      let failure: unknown;
      try {
        const cursor = openCursor(builder.dir);
        while (cursor.next()) {
          assert.deepEqual(
            Uint8Array.from(cursor.payload),
            payloadOf(cursor.eventId, cursor.payloadBytes),
          );
          ids = [...ids, cursor.eventId];
        }
        cursor.close();
      } catch (error) {
        failure = error;
        assert.ok(error instanceof WalError, String(error));
      } finally {
        bytes.set(sound.get(index) ?? new Uint8Array());
      }
      assert.deepEqual(ids, range(1, ids.length));
      // Behind a pin, in the seal, damage is legal; everything else must be told.
      if (failure === undefined) assert.equal(ids.length, 20);
    }),
    { numRuns: 150 },
  );
});

test('what cannot be read is an error with the path, and leaks nothing', (t) => {
  const builder = threeSegments(t);
  const before = openDescriptors();
  let reads = 0;
  const failing = (failAt: number): ReadingPorts => ({
    ...FILE_PORTS,
    storage: {
      ...nodeStorage,
      read(fd, target, offset) {
        reads++;
        if (reads === failAt) throw Object.assign(new Error('EIO: read'), { code: 'EIO' });
        return nodeStorage.read(fd, target, offset);
      },
    },
  });
  let failures = 0;
  for (let failAt = 1; ; failAt++) {
    reads = 0;
    const attempt = () => {
      const cursor = openCursorThrough(failing(failAt), builder.dir, { from: 3 });
      const ids = drain(cursor);
      cursor.close();
      return ids;
    };
    try {
      // Who votes on the log's id, or looks ahead, goes on without what it could not read.
      assert.deepEqual(attempt(), range(3, 20));
      if (reads < failAt) break;
    } catch (error) {
      assert.ok(error instanceof WalError, String(error));
      assert.equal(error.code, 'ERR_FLASHSTRIKE_IO');
      assert.ok(error.path?.startsWith(builder.dir));
      failures++;
    }
    assert.equal(openDescriptors(), before, `read ${failAt}`);
  }
  assert.ok(failures > 5);
});

test('a file that was recycled or replaced while it was open is expired, not corrupt', (t) => {
  for (const way of ['recycled', 'replaced']) {
    const builder = threeSegments(t);
    // Retention takes the file and gives it to a later segment.
    builder.files.set(1, new LogBuilder(builder.dir).segment({ index: 9 }).fileOf(9));
    let isTaken = false;
    const storage: Storage = {
      ...nodeStorage,
      read(fd, target, offset) {
        if (!isTaken && offset === 4096) {
          isTaken = true;
          // A new inode under the old name; the open one is overwritten all the same.
          if (way === 'replaced')
            renameSync(builder.pathOf(1), join(builder.dir, 'prepared-1.tmp'));
          builder.write();
          if (way === 'replaced') return target.fill(0).length;
        }
        return nodeStorage.read(fd, target, offset);
      },
    };
    const attempt = () => drain(openCursorThrough({ ...FILE_PORTS, storage }, builder.dir));
    assert.throws(attempt, { code: 'ERR_FLASHSTRIKE_EXPIRED' }, way);
  }
});

test('a file that was taken and used again while it was being opened is gone, not corrupt', (t) => {
  const next = new LogBuilder('').segment({ index: 9 }).fileOf(9);
  for (const content of [new Uint8Array(4096), next]) {
    for (const from of [undefined, 1]) {
      for (let opens = 1, isTaken = true; isTaken; opens++) {
        const builder = threeSegments(t).meta({ firstKeptEventId: 10 }).write();
        const path = builder.pathOf(1);
        isTaken = false;
        let left = opens;
        const storage: Storage = {
          ...nodeStorage,
          open(name, mode) {
            const fd = nodeStorage.open(name, mode);
            if (name !== path || --left > 0) return fd;
            isTaken = true;
            const prepared = join(builder.dir, 'prepared-1.tmp');
            renameSync(path, prepared);
            writeFileSync(prepared, content);
            return fd;
          },
        };
        const before = openDescriptors();
        try {
          const cursor = openCursorThrough({ ...FILE_PORTS, storage }, builder.dir, { from });
          const ids = drain(cursor);
          cursor.close();
          assert.deepEqual(ids, range(isTaken && from === undefined ? 10 : 1, 20));
        } catch (error) {
          assert.ok(isTaken && error instanceof WalError, String(error));
          assert.equal(error.code, 'ERR_FLASHSTRIKE_EXPIRED', `open ${opens}: ${error.message}`);
          assert.equal(error.firstEventId, 10);
        }
        assert.equal(openDescriptors(), before);
      }
    }
  }
});

test('close is idempotent and ends the cursor', (t) => {
  const { dir } = threeSegments(t);
  const before = openDescriptors();
  const cursor = openCursor(dir);
  assert.ok(cursor.next());
  assert.ok(openDescriptors() > before);
  cursor.close();
  cursor.close();
  assert.equal(openDescriptors(), before);
  assert.equal(cursor.next(), false);
});

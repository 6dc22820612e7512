import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import {
  LogBuilder,
  payloadOf,
  temporaryFolder,
  timestampOf,
  typeOf,
} from '../../test/support/log-builder.js';
import { readersOf } from '../../test/support/readers.js';
import { decodeSegmentHeader, encodeSegmentHeader } from '../segment/segment-header.js';

const { replay } = readersOf(import.meta.url);

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

function twoSegments(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(4).events(2).seal();
  return builder.segment().events(4).meta().write();
}

const idsOf = (dir: string, options = {}): number[] =>
  Array.from(replay(dir, options), (event) => event.eventId);

const content = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    eventId: index + 1,
    type: typeOf(index + 1),
    timestampNs: timestampOf(index + 1),
    payload: payloadOf(index + 1, 40),
  }));

test('every event is an object of its own, with a payload of its own', (t) => {
  const { dir } = twoSegments(t);
  const events = [...replay(dir)];
  assert.deepEqual(events, content(10));
  assert.equal(new Set(events.map(({ payload }) => payload.buffer)).size, 10);
  assert.deepEqual(structuredClone(events), content(10));
});

test('with reuse one object serves the whole iteration, and copies are kept', (t) => {
  const { dir } = twoSegments(t);
  assert.equal(new Set(replay(dir, { reuse: true })).size, 1);
  const copies = Array.from(replay(dir, { reuse: true }), (event) => event.copy());
  assert.deepEqual(copies, content(10));
  assert.throws(() => replay(dir, { reuse: 1 as unknown as boolean }), {
    code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT',
  });
});

test('from and to are inclusive; the end of the log ends any range', (t) => {
  const { dir } = twoSegments(t);
  assert.deepEqual(idsOf(dir, { from: 3, to: 8 }), [3, 4, 5, 6, 7, 8]);
  assert.deepEqual(idsOf(dir, { from: 6, to: 6 }), [6]);
  assert.deepEqual(idsOf(dir, { to: 2 }), [1, 2]);
  assert.deepEqual(idsOf(dir, { from: 9, to: 99 }), [9, 10]);
  assert.deepEqual(idsOf(dir, { from: 11 }), []);
  assert.deepEqual(idsOf(dir, { from: 5, to: 4 }), []);
  assert.deepEqual(idsOf(dir, { from: undefined, to: undefined }).length, 10);
});

test('a range is refused at the call, before the first step', (t) => {
  const { dir } = twoSegments(t);
  assert.throws(() => replay(dir, { from: 12 }), { code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE' });
  assert.throws(() => replay(dir, { from: 0 }), { code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE' });
  assert.throws(() => replay(dir, { to: '3' as unknown as number }), {
    code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT',
  });
  assert.throws(() => replay(`${dir}/missing`), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' });
  assert.throws(() => replay(temporaryFolder(t)), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' });
});

test('files are open only while the iteration runs, however it ends', (t) => {
  const builder = twoSegments(t);
  const before = openDescriptors();
  const unused = replay(builder.dir, { from: 3 });
  assert.equal(openDescriptors(), before, 'not yet');
  for (const event of replay(builder.dir)) if (event.eventId === 2) break;
  assert.equal(openDescriptors(), before, 'break');
  assert.throws(() => {
    for (const event of replay(builder.dir)) if (event.eventId === 7) throw new Error('mine');
  }, /mine/);
  assert.equal(openDescriptors(), before, 'throw');
  assert.equal(idsOf(builder.dir, { to: 3 }).length, 3);
  assert.equal(openDescriptors(), before, 'to');
  builder.fileOf(1)[builder.blockOf(1, 1).offset + 70] = 0xee;
  builder.write();
  assert.throws(() => idsOf(builder.dir), { code: 'ERR_FLASHSTRIKE_CORRUPT' });
  assert.equal(openDescriptors(), before, 'corruption');
  assert.equal(unused.next().value?.eventId, 3);
  unused.return?.();
  assert.equal(openDescriptors(), before, 'return');
});

test('a torn tail ends the replay like the end of the log, corruption does not', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3);
  builder.fileOf(1)[builder.blockOf(1, 1).offset + 70] = 0xee;
  assert.deepEqual(idsOf(builder.meta({ durableEventId: 2 }).write().dir), [1, 2]);
  builder.meta({ durableEventId: 3 }).write();
  const ids: number[] = [];
  assert.throws(
    () => {
      for (const event of replay(builder.dir)) ids.push(event.eventId);
    },
    { code: 'ERR_FLASHSTRIKE_CORRUPT' },
  );
  assert.deepEqual(ids, [1, 2]);
  assert.deepEqual(idsOf(builder.dir, { to: 2 }), [1, 2], 'a range before the damage is whole');
});

test('a segment that is another one when the iteration starts is expired', (t) => {
  const builder = twoSegments(t);
  const events = replay(builder.dir, { from: 2 });
  // Retention and a restore from elsewhere: the same name and ids, another file.
  const page = builder.fileOf(1).subarray(0, 4096);
  const header = decodeSegmentHeader(page);
  assert.ok(!('defect' in header));
  page.set(encodeSegmentHeader({ ...header, salt: header.salt + 1n }));
  builder.write();
  assert.throws(() => events.next(), { code: 'ERR_FLASHSTRIKE_EXPIRED' });
});

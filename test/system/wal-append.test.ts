// What `append`, `tryAppend` and `appendBatch` take and refuse, and that a replay gives it back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { type LoggedEvent, Wal } from '../../src/index.js';
import { KIB } from '../../src/units.js';
import { cannotMap, mappedOptions, onBothAdapters, TINY } from '../support/adapters.js';
import { temporaryFolder } from '../support/log-builder.js';
import {
  appendEvents,
  assertHoldsEvents,
  assertSound,
  code,
  contentOf,
  payloadOf,
  segmentFiles,
} from '../support/log-content.js';

/** With segments and a ring of 64 KiB: a quarter of the ring, less block and frame header. */
const LARGEST_BYTES = 16 * KIB - 88;

const patterned = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, at) => at);

onBothAdapters('ids count from 1 and go on after a reopen; replay returns all', async (t, v) => {
  const directory = temporaryFolder(t);
  for (const last of [3000, 6000, 6001]) {
    await using wal = await Wal.open(directory, v.options);
    assert.equal(wal.lastEventId, last === 3000 ? 0 : last === 6000 ? 3000 : 6000);
    appendEvents(wal, last - wal.lastEventId);
    const seen = Array.from(wal.replay(), (event) => event.eventId);
    assert.equal(seen.length, last, 'an open log replays what it holds');
  }
  assertHoldsEvents(directory, 6001);
  assert.ok(segmentFiles(directory).length > 2, 'the log rolled');
  await assertSound(directory);
});

onBothAdapters('console.log shows folder, state and ids, open and closed', async (t, v) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, v.options);
  await wal.durable(wal.append(Buffer.alloc(1)));
  const shown = (state: string): string =>
    `Wal ${inspect({ directory, state, lastEventId: 1, writtenEventId: 1, durableEventId: 1 })}`;
  assert.equal(inspect(wal), shown('open'));
  assert.match(inspect({ deep: [wal] }), /Wal \{/);
  await wal.close();
  assert.equal(inspect(wal), shown('closed'));
});

onBothAdapters('payloads of every edge length, and types 0 to 65535', async (t, v) => {
  const directory = temporaryFolder(t);
  const lengths = [0, 1, 5, 7, 8, 9, 40, 4095, 4096, LARGEST_BYTES - 1, LARGEST_BYTES, 0];
  const types = [0, 1, 255, 256, 32767, 32768, 65534, 65535];
  {
    await using wal = await Wal.open(directory, v.options);
    for (const length of lengths) wal.append(patterned(length));
    for (const type of types) wal.append(patterned(type % 11), type);
  }
  const events = contentOf(directory);
  assert.deepEqual(
    events.slice(0, lengths.length).map(({ payload, type }) => [payload.length, type]),
    lengths.map((length) => [length, 0]),
  );
  const typed = events.slice(lengths.length);
  assert.deepEqual(
    typed.map(({ type }) => type),
    types,
  );
  for (const { payload } of events) assert.deepEqual(payload, patterned(payload.length));
  await assertSound(directory);
});

onBothAdapters(
  'one byte more than the largest event is refused, and nothing else',
  async (t, v) => {
    const directory = temporaryFolder(t);
    await using wal = await Wal.open(directory, v.options);
    const tooLarge = code(
      'ERR_FLASHSTRIKE_EVENT_TOO_LARGE',
      /16297 bytes; in this log an event can have at most 16296/,
    );
    const payload = new Uint8Array(LARGEST_BYTES + 1);
    assert.throws(() => wal.append(payload), tooLarge);
    assert.throws(() => wal.tryAppend(payload), tooLarge);
    assert.throws(() => wal.appendBatch([payload]), tooLarge);
    assert.throws(() => wal.appendBatch([new Uint8Array(1), payload]), tooLarge);
    assert.equal(wal.lastEventId, 0);
    assert.equal(wal.append(payload.subarray(1)), 1);
    assert.equal(wal.state, 'open');
  },
);

test('the segment bounds an event where the ring would take more', async (t) => {
  const options = { segmentBytes: 64 * KIB, ringBytes: 512 * KIB, sharedMemory: 'off' } as const;
  const directory = temporaryFolder(t);
  const largest = (64 - 4 - 32) * KIB - 88;
  {
    await using wal = await Wal.open(directory, options);
    const tooLarge = code('ERR_FLASHSTRIKE_EVENT_TOO_LARGE');
    assert.throws(() => wal.append(new Uint8Array(largest + 1)), tooLarge);
    for (let count = 1; count <= 4; count++) wal.append(patterned(largest));
  }
  assert.equal(segmentFiles(directory).length, 4, 'each fills a segment of its own');
  for (const { payload } of contentOf(directory)) assert.deepEqual(payload, patterned(largest));
  await assertSound(directory);
});

test('maxEventBytes refuses what the ring would take', async (t) => {
  const options = { ...TINY, maxEventBytes: 5, sharedMemory: 'off' } as const;
  await using wal = await Wal.open(temporaryFolder(t), options);
  assert.equal(wal.append(new Uint8Array(5)), 1);
  const tooLarge = code('ERR_FLASHSTRIKE_EVENT_TOO_LARGE', /at most 5\. .*maxEventBytes 6 or more/);
  assert.throws(() => wal.append(new Uint8Array(6)), tooLarge);
});

onBothAdapters('events larger than what is left in ring and segment go round', async (t, v) => {
  const directory = temporaryFolder(t);
  const lengths = Array.from({ length: 200 }, (_, at) =>
    at % 3 === 0 ? LARGEST_BYTES - at : at % 3 === 1 ? at % 50 : 9000 + at,
  );
  {
    await using wal = await Wal.open(directory, v.options);
    for (const length of lengths) wal.append(patterned(length));
  }
  const events = contentOf(directory);
  assert.equal(events.length, lengths.length);
  events.forEach(({ payload }, at) => {
    assert.deepEqual(payload, patterned(lengths[at] ?? -1));
  });
  await assertSound(directory);
});

onBothAdapters('a payload may be changed or detached after append', async (t, v) => {
  const directory = temporaryFolder(t);
  {
    await using wal = await Wal.open(directory, v.options);
    const payload = patterned(40);
    wal.append(payload);
    wal.appendBatch([payload, payload]);
    payload.fill(0xff);
    const moved = patterned(40);
    wal.append(moved);
    structuredClone(moved.buffer, { transfer: [moved.buffer as ArrayBuffer] });
    assert.equal(moved.length, 0, 'it was detached');
  }
  const events = contentOf(directory);
  assert.equal(events.length, 4);
  for (const { payload } of events) assert.deepEqual(payload, patterned(40));
});

test('every kind of Uint8Array is taken, with its own part of the buffer only', async (t) => {
  const directory = temporaryFolder(t);
  const shared = new Uint8Array(new SharedArrayBuffer(8), 2, 3).fill(3);
  const foreign: Uint8Array = runInNewContext('Uint8Array.of(7, 8, 9)');
  const given = [Buffer.from('a buffer'), patterned(100).subarray(50, 60), shared, foreign];
  {
    await using wal = await Wal.open(directory, { ...TINY, sharedMemory: 'off' });
    for (const payload of given) wal.append(payload);
  }
  const read = contentOf(directory).map(({ payload }) => Buffer.from(payload));
  assert.deepEqual(read, given.map(Buffer.from));
});

test('what is not bytes, and a type that is no u16, is refused before anything is stored', async (t) => {
  const directory = temporaryFolder(t);
  const fine = new Uint8Array(1);
  {
    await using wal = await Wal.open(directory, { ...TINY, sharedMemory: 'off' });
    const invalid = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT');
    const notBytes: unknown[] = [
      'text',
      7,
      null,
      undefined,
      [1, 2],
      { length: 1 },
      new ArrayBuffer(4),
      new DataView(new ArrayBuffer(4)),
      new Uint16Array(4),
      new Uint8ClampedArray(4),
      new Int8Array(4),
    ];
    for (const payload of notBytes as Uint8Array[]) {
      assert.throws(() => wal.append(payload), invalid);
      assert.throws(() => wal.tryAppend(payload), invalid);
      assert.throws(() => wal.appendBatch([fine, payload]), invalid);
    }
    const notTypes: unknown[] = [-1, 65536, 1.5, Number.NaN, 2 ** 32, '1', null, 1n, {}];
    for (const type of notTypes as number[]) {
      assert.throws(() => wal.append(fine, type), invalid);
      assert.throws(() => wal.tryAppend(fine, type), invalid);
      assert.throws(() => wal.appendBatch([fine], type), invalid);
    }
    const notBatches: unknown[] = [[], undefined, null, 'text', fine, { length: 1, 0: fine }];
    for (const batch of notBatches as Uint8Array[][]) {
      assert.throws(() => wal.appendBatch(batch), invalid);
    }
    assert.equal(wal.lastEventId, 0);
    assert.equal(wal.append(fine), 1);
  }
  assert.equal(contentOf(directory).length, 1);
});

onBothAdapters('batches: first id, all events in order, up to the largest block', async (t, v) => {
  const directory = temporaryFolder(t);
  const sizes = [1, 2, 7, 100, 3];
  {
    await using wal = await Wal.open(directory, v.options);
    for (let round = 0; round < 60; round++) {
      for (const size of sizes) {
        const first = wal.lastEventId + 1;
        const payloads = Array.from({ length: size }, (_, at) => patterned((first + at) % 50));
        assert.equal(wal.appendBatch(payloads, size), first);
        assert.equal(wal.lastEventId, first + size - 1);
      }
    }
    // As many bytes with their frames as the largest single event has with its.
    const largest = [patterned(LARGEST_BYTES - 24 - 40), patterned(40)];
    wal.appendBatch(largest, 9);
    assert.throws(
      () => wal.appendBatch([patterned(LARGEST_BYTES - 24 - 40), patterned(41)]),
      code('ERR_FLASHSTRIKE_EVENT_TOO_LARGE', /batch/),
    );
  }
  const events = contentOf(directory);
  assert.equal(events.length, 60 * 113 + 2);
  events.slice(0, -2).forEach(({ eventId, payload }) => {
    assert.deepEqual(payload, patterned(eventId % 50));
  });
  assert.deepEqual(
    events.slice(-2).map(({ payload, type }) => [payload.length, type]),
    [
      [LARGEST_BYTES - 64, 9],
      [40, 9],
    ],
  );
  await assertSound(directory);
});

const isAscending = (events: readonly LoggedEvent[]): boolean =>
  events.every(({ timestampNs }, at) => timestampNs >= (events[at - 1]?.timestampNs ?? 0n));

for (const [name, timing, distinctMin] of [
  ['precise', { timestamps: 'precise' }, 1_000],
  ['coarse', { timestamps: 'coarse' }, 1],
  [
    'coarse, but from each append that is timed,',
    { timestamps: 'coarse', appendSampling: 1 },
    1_000,
  ],
] as const) {
  test(`${name} timestamps never go backwards and are those of the calls`, async (t) => {
    const directory = temporaryFolder(t);
    const options = { ...TINY, sharedMemory: 'off', ...timing } as const;
    const before = BigInt(Date.now()) * 1_000_000n;
    for (let opening = 0; opening < 2; opening++) {
      await using wal = await Wal.open(directory, options);
      appendEvents(wal, 3000);
      wal.appendBatch([payloadOf(1), payloadOf(2)]);
    }
    const after = BigInt(Date.now()) * 1_000_000n;
    const events = contentOf(directory);
    assert.ok(isAscending(events.slice(0, 3002)) && isAscending(events.slice(3002)));
    // Both ends a minute wider: the wall clock may be slewed, and its two looks are not one.
    const minute = 60_000_000_000n;
    for (const { timestampNs } of events) {
      assert.ok(timestampNs > before - minute && timestampNs < after + minute, `${timestampNs}`);
    }
    const distinct = new Set(events.map(({ timestampNs }) => timestampNs)).size;
    assert.ok(distinct >= distinctMin, `${distinct} distinct timestamps`);
    const [first, second_] = events.slice(3000, 3002);
    assert.equal(first?.timestampNs, second_?.timestampNs, 'a batch has one timestamp');
  });
}

test('tryAppend gives up where append would wait, and nothing of it is stored', {
  skip: cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  let appended = 0;
  let refused = 0;
  {
    await using wal = await Wal.open(directory, mappedOptions(t));
    // In one turn of the event loop, so that the writer is all that makes room.
    while (refused < 20) {
      const id = wal.tryAppend(payloadOf(appended + 1), appended & 0xff);
      if (id === undefined) refused++;
      else assert.equal(id, ++appended);
    }
    assert.equal(wal.lastEventId, appended);
    assert.equal(await wal.durable(), appended);
  }
  const events = contentOf(directory);
  assert.equal(events.length, appended);
  events.forEach(({ payload }, at) => {
    assert.deepEqual(Buffer.from(payload), Buffer.from(payloadOf(at + 1)));
  });
});

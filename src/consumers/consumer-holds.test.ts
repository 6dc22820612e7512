import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConsumerBench, DIRECTORY, EVENTS_PER_SEGMENT } from '../../test/support/consumer-bench.js';
import { timestampOf } from '../../test/support/log-builder.js';
import { FakeClock } from '../clock/fake-clock.js';
import { readConsumer } from '../reading/consumer-files.js';
import { encodeConsumer, encodeSlot, slotOffset } from '../segment/consumer-record.js';
import { NS_PER_MS } from '../units.js';
import { Consumer } from './consumer.js';
import { ConsumerHolds } from './consumer-holds.js';
import { register, remove } from './registration.js';

/** When segment 2 was begun, so that segment 1 was finished. */
const FINISHED_NS = timestampOf(EVENTS_PER_SEGMENT + 1);

/** All three segments are to go. */
const ALL = 3 * EVENTS_PER_SEGMENT + 1;

class Bench extends ConsumerBench {
  /** Since segment 1 was finished. */
  agoMs = 0;
  /** How much of that is believed. */
  believed = 1;
  readonly holds = new ConsumerHolds(this.disk, {
    dir: DIRECTORY,
    logId: this.logId,
    durableEventId: () => this.durableEventId,
    nowNs: () => FINISHED_NS + BigInt(Math.ceil(this.agoMs * NS_PER_MS)),
    believedNs: () => FINISHED_NS + BigInt(Math.ceil(this.agoMs * this.believed * NS_PER_MS)),
  });

  async register(name: string, options = {}): Promise<Consumer> {
    return new Consumer(await register(this.place, name, options, true), this.place);
  }

  droppedAt(name: string): number | undefined {
    const file = readConsumer(this.disk, DIRECTORY, name, this.logId);
    return file?.record?.dropped?.acknowledgedEventId;
  }
}

describe('what consumers need', () => {
  test('is nothing where there are none', () => {
    assert.equal(new Bench().holds.oldestNeeded(ALL), undefined);
  });

  test('is all behind the lowest acknowledgement', async () => {
    const bench = new Bench();
    const slow = await bench.register('slow');
    const quick = await bench.register('quick', { from: 40 });
    assert.equal(bench.holds.oldestNeeded(ALL), 1);
    await slow.acknowledge(33);
    assert.equal(bench.holds.oldestNeeded(ALL), 34);
    await quick.acknowledge(70);
    await slow.acknowledge(80);
    assert.equal(bench.holds.oldestNeeded(ALL), 71);
    await quick.close();
    assert.equal(bench.holds.oldestNeeded(ALL), 71, 'also while nobody uses it');
    await remove(bench.place, 'quick');
    assert.equal(bench.holds.oldestNeeded(ALL), 81);
  });

  test('is not what was acknowledged and may still be lost with the power', async () => {
    const bench = new Bench();
    const consumer = await bench.register('a');
    await consumer.acknowledge(10);
    let seen = 0;
    bench.storage.onCall = ({ kind }) => {
      if (kind !== 'sync') return;
      seen = bench.holds.oldestNeeded(ALL) ?? 0;
    };
    await consumer.acknowledge(50);
    assert.equal(seen, 11, 'while it is synced');
    assert.equal(bench.holds.oldestNeeded(ALL), 51);
  });

  test('is everything where a record is damaged, until it is removed', async () => {
    const bench = new Bench();
    await (await bench.register('sound', { from: 60 })).close();
    await (await bench.register('torn', { from: 61 })).close();
    const path = `${DIRECTORY}/torn.consumer`;
    for (const sequence of [1, 2]) {
      bench.disk.damage(path, slotOffset(sequence), Uint8Array.of(0xff));
    }
    assert.equal(bench.holds.oldestNeeded(ALL), 1);
    await remove(bench.place, 'torn');
    assert.equal(bench.holds.oldestNeeded(ALL), 60);
    bench.disk.makeDirectory(`${DIRECTORY}/folder.consumer`);
    assert.equal(bench.holds.oldestNeeded(ALL), 1);
  });

  test('is everything where a record cannot be read just now', async () => {
    const bench = new Bench();
    await bench.register('a', { from: 61 });
    const { storage } = bench;
    const holds = new ConsumerHolds(storage, {
      dir: DIRECTORY,
      logId: bench.logId,
      durableEventId: () => 90,
      nowNs: () => 0n,
    });
    storage.fail({ code: 'EIO', when: (call) => call.kind === 'list', times: 1 });
    assert.throws(() => holds.oldestNeeded(ALL), { code: 'ERR_FLASHSTRIKE_IO' });
    for (const kind of ['open', 'read'] as const) {
      storage.fail({ code: 'EIO', when: (call) => call.kind === kind, times: 1 });
      assert.equal(holds.oldestNeeded(ALL), 1);
    }
    assert.equal(holds.oldestNeeded(ALL), 61);
  });

  test('is not what another log needs', async () => {
    const bench = new Bench();
    await bench.register('a', { from: 50 });
    const header = { name: 'b', logId: bench.logId + 1n, createdTsNs: 0n };
    const leash = { maxLagBytes: 0, maxLagMs: 0, policy: 'hold' } as const;
    const fd = bench.disk.open(`${DIRECTORY}/b.consumer`, 'create');
    const slot = { acknowledgedEventId: 70, timestampNs: 0n, ...leash };
    bench.disk.write(fd, [encodeConsumer(header, slot)], 0);
    assert.equal(bench.holds.oldestNeeded(ALL), 1, 'damaged');
  });
});

describe('the leash', () => {
  const SEGMENT_BYTES = 64 * 1024;

  test('bytes are those of finished segments, by the part that is not acknowledged', async () => {
    const bench = new Bench();
    const consumer = await bench.register('a');
    assert.equal(bench.holds.survey().lag.bytes, 2 * SEGMENT_BYTES);
    await consumer.acknowledge(15);
    assert.equal(bench.holds.survey().lag.bytes, 1.5 * SEGMENT_BYTES);
    await consumer.acknowledge(60);
    assert.deepEqual(bench.holds.survey().lag, { events: 30, bytes: 0, ms: 0 });
    await consumer.acknowledge(90);
    assert.equal(bench.holds.survey().lag.events, 0);
  });

  test('age is since the segment of the oldest event was finished', async () => {
    const bench = new Bench();
    const consumer = await bench.register('a');
    bench.agoMs = 5000;
    assert.equal(bench.holds.survey().lag.ms, 5000);
    bench.agoMs = -5000;
    assert.equal(bench.holds.survey().lag.ms, 0, 'a clock that was set back');
    await consumer.acknowledge(60);
    bench.agoMs = 5000;
    assert.equal(bench.holds.survey().lag.ms, 0);
  });

  test("'hold' holds, however far it lags", async () => {
    const bench = new Bench();
    await bench.register('a', { maxLagBytes: 1, maxLagMs: 1 });
    bench.agoMs = 1e9;
    assert.equal(bench.holds.oldestNeeded(ALL), 1);
    assert.equal(bench.droppedAt('a'), undefined);
  });

  for (const [what, options] of [
    ['bytes', { maxLagBytes: 1.5 * SEGMENT_BYTES }],
    ['age', { maxLagMs: 999 }],
  ] as const) {
    test(`'drop' drops what lags more, durably and before it says so: ${what}`, async () => {
      const bench = new Bench();
      const consumer = await bench.register('a', { ...options, policy: 'drop' });
      await consumer.acknowledge(15);
      assert.equal(bench.holds.oldestNeeded(ALL), 16);
      bench.agoMs = 1000;
      if (what === 'bytes') {
        await consumer.close();
        await remove(bench.place, 'a');
        await bench.register('a', { ...options, policy: 'drop' });
      }
      assert.equal(bench.holds.oldestNeeded(ALL), undefined);
      assert.deepEqual(bench.holds.survey(), {
        active: 0,
        damaged: 0,
        dropped: 1,
        lag: { events: 0, bytes: 0, ms: 0 },
      });
      bench.disk.cutPower();
      bench.restart();
      assert.equal(bench.droppedAt('a'), what === 'bytes' ? 0 : 15);
      await assert.rejects(bench.register('a'), { code: 'ERR_FLASHSTRIKE_EXPIRED' });
    });
  }

  test('its age is by the time that is believed, and without one nobody is dropped for it', async () => {
    const bench = new Bench();
    const asked: number[] = [];
    bench.agoMs = 1e12;
    bench.believed = 0;
    await bench.register('a', { maxLagMs: 5000, policy: 'drop' });
    assert.equal(bench.holds.oldestNeeded(ALL), 1);
    const { logId, durableEventId } = bench;
    const log = { dir: DIRECTORY, logId, durableEventId: () => durableEventId };
    const nowNs = () => FINISHED_NS + 1_000_000n * 1_000_000_000n;
    const blind = new ConsumerHolds(bench.disk, { ...log, nowNs });
    assert.equal(blind.oldestNeeded(ALL), 1);
    const believedNs = (ageMs: number): bigint => {
      asked.push(ageMs);
      return FINISHED_NS + 5001n * BigInt(NS_PER_MS);
    };
    const seeing = new ConsumerHolds(bench.disk, { ...log, nowNs, believedNs });
    assert.equal(seeing.oldestNeeded(ALL), undefined);
    assert.deepEqual(asked, [5000]);
  });

  test('only who stands in the way of what is to go is dropped', async () => {
    const bench = new Bench();
    await (await bench.register('a', { maxLagBytes: 1, policy: 'drop' })).acknowledge(30);
    assert.equal(bench.holds.oldestNeeded(31), 31, 'the first segment alone goes');
    assert.equal(bench.droppedAt('a'), undefined);
    assert.equal(bench.holds.oldestNeeded(61), undefined);
    assert.equal(bench.droppedAt('a'), 30);
  });

  test('nobody is dropped while another holds the same segment', async () => {
    const bench = new Bench();
    const late = { maxLagBytes: 1, policy: 'drop' } as const;
    const [a, b] = [await bench.register('a', late), await bench.register('b', late)];
    const holder = await bench.register('holder', { from: 21 });
    await a.acknowledge(5);
    assert.equal(bench.holds.oldestNeeded(31), 1);
    assert.deepEqual([bench.droppedAt('a'), bench.droppedAt('b')], [undefined, undefined]);
    await holder.acknowledge(30);
    await b.acknowledge(2);
    assert.equal(bench.holds.oldestNeeded(31), 31);
    assert.deepEqual([bench.droppedAt('a'), bench.droppedAt('b')], [5, 2]);
  });

  for (const kind of ['open', 'write', 'sync'] as const) {
    test(`a drop that fails at ${kind} is none: the log is held, and it is tried again`, async () => {
      const bench = new Bench();
      await bench.register('a', { maxLagBytes: 1, policy: 'drop' });
      const { storage } = bench;
      const holds = new ConsumerHolds(storage, {
        dir: DIRECTORY,
        logId: bench.logId,
        durableEventId: () => 90,
        nowNs: () => 0n,
      });
      const when = (call: { readonly kind: string; readonly path: string }): boolean =>
        call.kind === kind && call.path.endsWith('.consumer');
      // The first look at the file is to read it.
      const from = kind === 'open' ? 2 : 1;
      const fault = storage.fail({ code: 'EIO', when, from, times: 1, torn: true });
      assert.equal(holds.oldestNeeded(ALL), 1);
      assert.equal(fault.hits, 1);
      assert.equal(holds.oldestNeeded(ALL), undefined);
      bench.disk.cutPower();
      assert.equal(bench.droppedAt('a'), 0);
    });
  }

  test('a mark that another process left, and may not be on disk, is put there', async () => {
    const bench = new Bench();
    await bench.register('a', { maxLagBytes: 1, policy: 'drop' });
    const fault = { code: 'EIO', when: ({ kind }: { readonly kind: string }) => kind === 'sync' };
    bench.storage.fail(fault);
    const log = { dir: DIRECTORY, logId: bench.logId };
    const position = { durableEventId: () => 90, nowNs: () => 0n };
    const first = new ConsumerHolds(bench.storage, { ...log, ...position });
    assert.equal(first.oldestNeeded(ALL), 1);
    bench.disk.kill();
    assert.equal(bench.droppedAt('a'), 0, 'seen');
    assert.equal(bench.holds.oldestNeeded(ALL), undefined);
    bench.disk.cutPower();
    assert.equal(bench.droppedAt('a'), 0, 'and on disk');
  });

  test('a consumer whose file a snapshot shares is held until it has one of its own', async () => {
    const bench = new Bench();
    const consumer = await bench.register('a', { maxLagBytes: 1, policy: 'drop' });
    bench.disk.makeDirectory('/snapshot');
    bench.disk.link(`${DIRECTORY}/a.consumer`, '/snapshot/a.consumer');
    assert.equal(bench.holds.oldestNeeded(ALL), 1);
    await consumer.acknowledge(1);
    assert.equal(bench.holds.oldestNeeded(ALL), undefined);
    await assert.rejects(consumer.acknowledge(2), { code: 'ERR_FLASHSTRIKE_EXPIRED' });
  });

  test('an acknowledgement at the same moment does not bring it back', async () => {
    const bench = new Bench();
    const consumer = await bench.register('a', { maxLagBytes: 1, policy: 'drop' });
    bench.storage.onCall = ({ kind }) => {
      if (kind === 'sync') assert.equal(bench.holds.oldestNeeded(ALL), undefined);
    };
    await consumer.acknowledge(5);
    assert.equal(bench.holds.oldestNeeded(ALL), undefined);
    await assert.rejects(consumer.acknowledge(6), { code: 'ERR_FLASHSTRIKE_EXPIRED' });
  });

  test('a slot of another consumer says nothing about this one', async () => {
    const bench = new Bench();
    await bench.register('a');
    const fd = bench.disk.open(`${DIRECTORY}/a.consumer`, 'rewrite');
    const slot = { acknowledgedEventId: 80, timestampNs: 0n, maxLagBytes: 0, maxLagMs: 0 };
    const bytes = encodeSlot({ ...slot, policy: 'hold', sequence: 99 }, 7n);
    bench.disk.write(fd, [bytes], slotOffset(99));
    assert.equal(bench.holds.oldestNeeded(ALL), 1);
  });
});

test('a lag behind events that are yet to come is the time for which they are known', async () => {
  const bench = new Bench();
  await bench.register('a');
  const clock = new FakeClock();
  const year = 365n * 24n * 3_600_000_000_000n;
  const holds = new ConsumerHolds(bench.disk, {
    dir: DIRECTORY,
    logId: bench.logId,
    durableEventId: () => bench.durableEventId,
    nowNs: () => FINISHED_NS - year,
    clock,
  });
  assert.equal(holds.survey().lag.ms, 0);
  clock.advanceNs(90_000 * NS_PER_MS);
  assert.equal(holds.survey().lag.ms, 90_000);
});

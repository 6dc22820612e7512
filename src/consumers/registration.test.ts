import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConsumerBench, DIRECTORY } from '../../test/support/consumer-bench.js';
import { readConsumer, readConsumers } from '../reading/consumer-files.js';
import { CONSUMER_DROP_OFFSET, encodeDrop } from '../segment/consumer-record.js';
import { markThoseAhead } from './ahead.js';
import { Consumer } from './consumer.js';
import { ConsumerHolds } from './consumer-holds.js';
import { checkConsumerName, checkConsumerOptions } from './consumer-options.js';
import { DurableReach } from './durable-reach.js';
import { register, remove } from './registration.js';

const registered = async (
  bench: ConsumerBench,
  name: string,
  options = {},
  create = true,
): Promise<Consumer> =>
  new Consumer(await register(bench.place, name, options, create), bench.place);

const EXPIRED = { code: 'ERR_FLASHSTRIKE_EXPIRED' };
const OUT_OF_RANGE = { code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE' };

describe('a new consumer', () => {
  test('begins at the first event that is there, or where it says', async () => {
    const bench = new ConsumerBench();
    assert.equal((await registered(bench, 'a')).acknowledgedEventId, 0);
    assert.equal((await registered(bench, 'b', { from: 40 })).acknowledgedEventId, 39);
    bench.removeSegment(1);
    assert.equal((await registered(bench, 'c')).acknowledgedEventId, 30);
    assert.equal((await registered(bench, 'd', { from: 31 })).acknowledgedEventId, 30);
  });

  test('begins neither before the first event nor behind what is durable', async () => {
    const bench = new ConsumerBench();
    bench.removeSegment(1);
    bench.durableEventId = 50;
    await assert.rejects(registered(bench, 'a', { from: 30 }), { ...EXPIRED, firstEventId: 31 });
    await assert.rejects(registered(bench, 'a', { from: 0 }), OUT_OF_RANGE);
    await assert.rejects(registered(bench, 'a', { from: 52 }), OUT_OF_RANGE);
    assert.equal((await registered(bench, 'a', { from: 51 })).acknowledgedEventId, 50);
    assert.deepEqual([...bench.storage.openFiles.values()], [`${DIRECTORY}/a.consumer.tmp`]);
  });

  test('is not made where only one that exists is asked for', async () => {
    const bench = new ConsumerBench();
    const code = 'ERR_FLASHSTRIKE_NO_CONSUMER';
    await assert.rejects(registered(bench, 'a', {}, false), { code });
    await (await registered(bench, 'a')).close();
    await registered(bench, 'a', {}, false);
  });
});

describe('against a removal at the same moment', () => {
  /** Segment 1 goes as soon as the consumer's file has its name. */
  const removing = (): ConsumerBench => {
    const bench = new ConsumerBench();
    bench.storage.onCall = ({ kind, path }) => {
      if (kind !== 'syncDirectory' || path !== DIRECTORY) return;
      bench.storage.onCall = () => {};
      bench.removeSegment(1);
    };
    return bench;
  };

  test('a consumer that says where it begins is refused, and leaves nothing', async () => {
    const bench = removing();
    await assert.rejects(registered(bench, 'a', { from: 5 }), EXPIRED);
    assert.equal(readConsumer(bench.disk, DIRECTORY, 'a', bench.logId), undefined);
    assert.deepEqual([...bench.storage.openFiles], []);
  });

  test('what is about to be removed counts as gone', async () => {
    const bench = new ConsumerBench();
    bench.storage.onCall = ({ kind, path }) => {
      if (kind !== 'syncDirectory' || path !== DIRECTORY) return;
      bench.storage.onCall = () => {};
      bench.keepFrom(31);
    };
    await assert.rejects(registered(bench, 'a', { from: 30 }), EXPIRED);
    assert.equal((await registered(bench, 'a')).acknowledgedEventId, 30);
  });

  test('one that begins where it can begins behind what was removed', async () => {
    const bench = removing();
    const consumer = await registered(bench, 'a');
    assert.equal(consumer.acknowledgedEventId, 30);
    await consumer.close();
    const file = readConsumer(bench.disk, DIRECTORY, 'a', bench.logId);
    assert.equal(file?.record?.durable.acknowledgedEventId, 30);
  });
});

describe('a consumer that is there', () => {
  test('goes on where it was; only options that are given change', async () => {
    const bench = new ConsumerBench();
    const leashOf = () => {
      const slot = readConsumer(bench.disk, DIRECTORY, 'a', bench.logId)?.record?.durable;
      return [slot?.acknowledgedEventId, slot?.maxLagBytes, slot?.maxLagMs, slot?.policy];
    };
    const first = await registered(bench, 'a', { maxLagBytes: 1e9, policy: 'drop' });
    await first.acknowledge(12);
    await first.close();
    assert.deepEqual(leashOf(), [12, 1e9, 0, 'drop']);
    await (await registered(bench, 'a', { from: 3, maxLagMs: 5000 })).close();
    assert.deepEqual(leashOf(), [12, 1e9, 5000, 'drop']);
    await (await registered(bench, 'a')).close();
    assert.deepEqual(leashOf(), [12, 1e9, 5000, 'drop']);
    await (await registered(bench, 'a', { maxLagBytes: 0, policy: 'hold' })).close();
    assert.deepEqual(leashOf(), [12, 0, 5000, 'hold']);
    bench.disk.cutPower();
    const resumed = await registered(bench, 'a');
    assert.equal(resumed.acknowledgedEventId, 12);
    assert.deepEqual(leashOf(), [12, 0, 5000, 'hold']);
  });

  test('and was dropped is told so, until it is removed', async () => {
    const bench = new ConsumerBench();
    const consumer = await registered(bench, 'a', { maxLagMs: 1 });
    const events = consumer.follow();
    await consumer.acknowledge(4);
    drop(bench, 'a');
    await assert.rejects(consumer.acknowledge(8), EXPIRED);
    await assert.rejects(consumer.acknowledge(4), /the first one there is 1\./);
    assert.throws(() => consumer.follow(), EXPIRED);
    assert.equal(consumer.acknowledgedEventId, 4);
    await events.return(undefined);
    await consumer.close();
    bench.removeSegment(1);
    await assert.rejects(registered(bench, 'a'), /from 5 on .* the first one there is 31\./);
    await remove(bench.place, 'a');
    assert.equal((await registered(bench, 'a')).acknowledgedEventId, 30);
  });

  test('is followed from behind the last event that it acknowledged', async () => {
    const bench = new ConsumerBench();
    const consumer = await registered(bench, 'a', { from: 29 });
    const ids: number[] = [];
    for await (const { eventId } of consumer.follow()) {
      ids.push(eventId);
      await consumer.acknowledge(eventId);
      if (eventId === 32) break;
    }
    assert.deepEqual(ids, [29, 30, 31, 32]);
    for await (const { eventId } of consumer.follow({ reuse: true })) {
      assert.equal(eventId, 33);
      break;
    }
    await consumer.close();
    await consumer.close();
    for (const call of [() => consumer.acknowledge(40), async () => consumer.follow()]) {
      await assert.rejects(call(), { code: 'ERR_FLASHSTRIKE_CLOSED' });
    }
  });
});

const holdsOf = (bench: ConsumerBench): ConsumerHolds =>
  new ConsumerHolds(bench.storage, {
    dir: DIRECTORY,
    logId: bench.logId,
    durableEventId: () => bench.durableEventId,
    nowNs: () => 0n,
  });

/** As one that lagged by 2 ms too much. */
function drop(bench: ConsumerBench, name: string, acknowledgedEventId = 4): void {
  const path = `${DIRECTORY}/${name}.consumer`;
  const record = readConsumer(bench.disk, DIRECTORY, name, bench.logId)?.record;
  assert.ok(record !== undefined);
  const mark = { acknowledgedEventId, timestampNs: 0n, lagBytes: 0, lagMs: 2 };
  const fd = bench.disk.open(path, 'rewrite');
  bench.disk.write(fd, [encodeDrop(mark, record.seed)], CONSUMER_DROP_OFFSET);
  bench.disk.close(fd);
}

describe('what a consumer is registered with', () => {
  test('is checked: names', () => {
    for (const name of ['a', 'A.b-c_9', '-', 'n'.repeat(64)])
      assert.equal(checkConsumerName(name), name);
    for (const name of ['', '.a', 'a/b', 'a b', 'é', 'n'.repeat(65), 'a\n', 5, undefined]) {
      const code = 'ERR_FLASHSTRIKE_INVALID_ARGUMENT';
      assert.throws(() => checkConsumerName(name), { code });
    }
  });

  test('is checked: options', () => {
    const code = 'ERR_FLASHSTRIKE_INVALID_OPTION';
    for (const strange of [
      { lag: 5 },
      { create: true },
      { maxLagBytes: -1 },
      { maxLagMs: 0.5 },
      { maxLagMs: '5' },
      { policy: 'keep' },
    ]) {
      assert.throws(() => checkConsumerOptions(strange, 'register'), { code });
    }
    for (const strange of [{ create: 'yes' }, { lock: 'fcntl' }]) {
      assert.throws(() => checkConsumerOptions(strange, 'open'), { code });
    }
    checkConsumerOptions({ create: true, lock: 'none', from: 3, policy: 'drop' }, 'open');
  });

  test('must say when it is to be dropped', async () => {
    const bench = new ConsumerBench();
    const code = 'ERR_FLASHSTRIKE_INVALID_OPTION';
    await assert.rejects(registered(bench, 'a', { policy: 'drop' }), { code });
    await (await registered(bench, 'a', { maxLagMs: 9 })).close();
    await (await registered(bench, 'a', { policy: 'drop' })).close();
    await assert.rejects(registered(bench, 'a', { maxLagMs: 0 }), { code });
    await registered(bench, 'a', { maxLagMs: 0, policy: 'hold' });
  });
});

describe('a log that ends before what a consumer has acknowledged', () => {
  const billing = async (bench: ConsumerBench, acknowledged: number, options = {}) => {
    const consumer = await registered(bench, 'billing', options);
    await consumer.acknowledge(acknowledged);
    await consumer.close();
  };
  const filesOf = (bench: ConsumerBench) => readConsumers(bench.disk, DIRECTORY, bench.logId);

  test('refuses the consumer, also unmarked', async () => {
    const bench = new ConsumerBench();
    await billing(bench, 80);
    bench.lastEventId = 79;
    await assert.rejects(registered(bench, 'billing'), {
      ...OUT_OF_RANGE,
      message: /up to 80, which the log does not have.* --remove billing/,
    });
    assert.deepEqual([...bench.storage.openFiles], []);
    bench.lastEventId = 80;
    await (await registered(bench, 'billing')).close();
  });

  test('marks it when it is continued: refused however long the log gets, held from there', async () => {
    const bench = new ConsumerBench();
    await billing(bench, 80);
    assert.deepEqual(markThoseAhead(bench.place, filesOf(bench), 80), []);
    const [note] = markThoseAhead(bench.place, filesOf(bench), 60);
    assert.match(note ?? '', /up to 80, but the log was continued behind event 60: events from 61/);
    const { record } = filesOf(bench)[0] ?? {};
    assert.deepEqual([record?.acknowledgedEventId, record?.dropped], [60, undefined]);
    bench.disk.cutPower();
    bench.restart();
    await assert.rejects(registered(bench, 'billing'), {
      ...OUT_OF_RANGE,
      message: /continued behind event 60: .*--remove billing.*from 61/,
    });
    assert.equal(holdsOf(bench).oldestNeeded(91), 61);
    assert.deepEqual(holdsOf(bench).survey().lag.events, 30);
    await remove(bench.place, 'billing');
    assert.equal((await registered(bench, 'billing', { from: 61 })).acknowledgedEventId, 60);
  });

  test('a consumer that is open meanwhile acknowledges nothing more', async () => {
    const bench = new ConsumerBench();
    const consumer = await registered(bench, 'billing');
    await consumer.acknowledge(80);
    markThoseAhead(bench.place, filesOf(bench), 60);
    for (const call of [() => consumer.acknowledge(85), async () => consumer.follow()]) {
      await assert.rejects(call(), OUT_OF_RANGE);
    }
  });

  test('one that was dropped stays so, and claims no more than the log has', async () => {
    const bench = new ConsumerBench();
    await billing(bench, 80);
    drop(bench, 'billing', 80);
    assert.equal(markThoseAhead(bench.place, filesOf(bench), 60).length, 1);
    const { record } = filesOf(bench)[0] ?? {};
    assert.deepEqual([record?.acknowledgedEventId, record?.dropped?.lagMs], [60, 2]);
    assert.equal(holdsOf(bench).oldestNeeded(91), undefined);
  });

  test('leaves the consumer of a snapshot by hard links as it was', async () => {
    const bench = new ConsumerBench();
    await billing(bench, 80);
    bench.disk.makeDirectory('/snapshot');
    bench.disk.link(`${DIRECTORY}/billing.consumer`, '/snapshot/billing.consumer');
    assert.equal(markThoseAhead(bench.place, filesOf(bench), 60).length, 1);
    const records = [DIRECTORY, '/snapshot'].map(
      (dir) => readConsumer(bench.disk, dir, 'billing', bench.logId)?.record,
    );
    assert.deepEqual(
      records.map((record) => record?.acknowledgedEventId),
      [60, 80],
    );
    assert.deepEqual([...bench.storage.openFiles], []);
  });

  test('is not continued where the mark cannot be written', async () => {
    const bench = new ConsumerBench();
    await billing(bench, 80);
    bench.storage.fail({ code: 'EIO', when: ({ kind }) => kind === 'sync', times: 1 });
    assert.throws(() => markThoseAhead(bench.place, filesOf(bench), 60), {
      code: 'ERR_FLASHSTRIKE_IO',
    });
    assert.deepEqual([...bench.storage.openFiles], []);
  });
});

describe('where the log ends, for one that resumes in another process', () => {
  test('is told by the files, not by the wal.meta of a copy', () => {
    const bench = new ConsumerBench();
    bench.durableEventId = 500;
    bench.keepFrom(0);
    const reach = new DurableReach(bench.ports, DIRECTORY, bench.logId);
    assert.deepEqual(
      [0, 30, 90, 91].map((id) => reach.has(id)),
      [true, true, true, false],
    );
    bench.removeSegment(1);
    assert.equal(reach.has(29), true, 'it had that');
    reach.close();
    assert.deepEqual([...bench.storage.openFiles], []);
  });
});

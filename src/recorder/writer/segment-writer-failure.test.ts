import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FaultyStorage } from '../../../test/support/faulty-storage.js';
import { systemError } from '../../../test/support/interposed-storage.js';
import { Bench, LARGE_END, SEAL_END } from '../../../test/support/writer-bench.js';
import { WalError } from '../../errors.js';
import { LogState } from '../../ring/ring-control.js';
import { BLOCK_HEADER_BYTES } from '../../segment/block-header.js';
import { Trouble } from '../threads/signals.js';

const SEGMENT_ONE = '/log/0000000001.wal';

function cut({ disk }: Bench, path: string): void {
  const fd = disk.open(path, 'write');
  disk.truncate(fd, 4096);
  disk.close(fd);
}

describe('the first failure is the last operation', () => {
  interface Case {
    readonly name: string;
    readonly hit: Parameters<FaultyStorage['fail']>[0];
    readonly offset: number;
    readonly durable: number;
  }
  const nth = (from: number) => ({ from, times: 1 });
  const of = (kind: string) => (call: { kind: string }) => call.kind === kind;
  // From here on: block 1, sync, watermark, [rotation:] open, seal, sync, header, sync, name,
  // folder, block.
  const CASES: readonly Case[] = [
    {
      name: 'block write',
      hit: { code: 'EIO', when: of('write'), ...nth(1) },
      offset: 4096,
      durable: 0,
    },
    {
      name: 'torn block write',
      hit: { code: 'EIO', when: of('write'), torn: true, ...nth(1) },
      offset: 4096,
      durable: 0,
    },
    {
      name: 'sync',
      hit: { code: 'EIO', when: of('sync'), ...nth(1) },
      offset: LARGE_END,
      durable: 0,
    },
    {
      name: 'full disk at a sync',
      hit: { code: 'ENOSPC', when: of('sync'), ...nth(1) },
      offset: LARGE_END,
      durable: 0,
    },
    {
      name: 'watermark write',
      hit: { code: 'EIO', when: of('write'), ...nth(2) },
      offset: LARGE_END,
      durable: 1,
    },
    {
      name: 'seal write',
      hit: { code: 'EIO', when: of('write'), ...nth(3) },
      offset: LARGE_END + BLOCK_HEADER_BYTES,
      durable: 1,
    },
    {
      name: 'sync of the seal',
      hit: { code: 'EIO', when: of('sync'), ...nth(2) },
      offset: SEAL_END,
      durable: 1,
    },
    {
      // The preparer's is the first.
      name: 'open of the prepared file',
      hit: { code: 'EIO', when: of('open'), ...nth(2) },
      offset: 0,
      durable: 1,
    },
    {
      name: 'header page',
      hit: { code: 'EIO', when: of('write'), ...nth(4) },
      offset: 0,
      durable: 1,
    },
    {
      name: 'sync of the header page',
      hit: { code: 'EIO', when: of('sync'), ...nth(3) },
      offset: 0,
      durable: 1,
    },
    { name: 'rename', hit: { code: 'EIO', when: of('renameNoReplace') }, offset: 0, durable: 1 },
    {
      name: 'name is taken',
      hit: { code: 'EEXIST', when: of('renameNoReplace') },
      offset: 0,
      durable: 1,
    },
    {
      name: 'sync of the folder',
      hit: { code: 'EIO', when: of('syncDirectory') },
      offset: 0,
      durable: 1,
    },
    {
      name: 'first block of the new segment',
      hit: { code: 'EIO', when: of('write'), ...nth(5) },
      offset: 4096,
      durable: 1,
    },
  ];

  for (const { name, hit, offset, durable } of CASES) {
    test(`${name}: no later call, nothing called durable, the cause readable`, () => {
      const bench = new Bench();
      const fault = bench.storage.fail(hit);
      bench.appendLarge();
      bench.signals.requestDurable(1);
      bench.rest();
      bench.prepare();
      bench.appendLarge();
      bench.signals.requestDurable(2);
      bench.rest();
      assert.equal(fault.hits, 1, 'the fault was met');
      assert.ok(bench.writer.hasFailed);
      assert.equal(bench.state, LogState.failed);
      assert.equal(bench.durable, durable);

      const failure = bench.signals.failure.read();
      assert.ok(failure instanceof WalError);
      assert.equal(failure.code, 'ERR_FLASHSTRIKE_FAILED');
      assert.match(failure.path ?? '', /^\/log\/(000000000[12]\.wal|prepared-2\.tmp)$/);
      assert.ok(failure.message.startsWith(`${failure.path}: `), failure.message);
      assert.ok(failure.message.includes(`(${hit.code})`), failure.message);
      assert.equal(failure.offset, offset);

      bench.storage.heal();
      const told = bench.storage.calls.length;
      bench.append();
      bench.signals.requestDurable(3);
      bench.clock.advanceNs(1e12);
      for (let step = 0; step < 10; step++) assert.ok(bench.writer.step() > 0);
      assert.ok(bench.writer.drain(), 'there is nothing left to drain for');
      assert.deepEqual(bench.story(told), []);
      assert.equal(bench.durable, durable);

      bench.writer.close();
      assert.deepEqual([...bench.storage.openFiles.values()], [], 'no descriptor is left');
    });
  }

  test('it wakes all who wait: for a durable id and for room in the ring', () => {
    const bench = new Bench();
    const { words, durableWakeWord } = bench.signals;
    bench.signals.set('producerWaiting', 1);
    const durable = Atomics.load(words, durableWakeWord);
    const room = bench.signals.producerWakeCount;
    bench.storage.fail({ code: 'EIO', when: of('write') });
    bench.append();
    bench.settle();
    assert.equal(Atomics.load(words, durableWakeWord), durable + 1);
    assert.equal(bench.signals.producerWakeCount, room + 1);
  });

  test('a sync that fails is not tried again, although a second one would return', () => {
    const bench = new Bench({ mode: 'every-block' });
    const fault = bench.storage.fail({
      code: 'EIO',
      when: of('sync'),
      times: 1,
      before: () => bench.disk.loseDirtyPages(),
    });
    bench.append();
    bench.settle();
    for (let step = 0; step < 5; step++) bench.writer.step();
    bench.writer.drain();
    assert.equal(fault.hits, 1);
    assert.equal(bench.storage.calls.filter(({ kind }) => kind === 'sync').length, 1);
    assert.equal(bench.durable, 0);
  });

  test('a damaged ring is one', () => {
    const bench = new Bench();
    bench.append();
    bench.memory.ring(0).frames[2] = 77;
    bench.settle();
    assert.ok(bench.writer.hasFailed);
    assert.match(bench.signals.failure.read()?.message ?? '', /event 77, expected event 1/);
    assert.deepEqual(bench.story(), []);
  });

  test('a LOCK that is another file by now is one: nothing is written beside another writer', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.set('lockNameLost', 1);
    bench.settle();
    assert.ok(bench.writer.hasFailed);
    const failure = bench.signals.failure.read();
    assert.ok(failure instanceof WalError);
    assert.deepEqual([failure.code, failure.path], ['ERR_FLASHSTRIKE_LOCKED', '/log/LOCK']);
    assert.deepEqual(bench.story(), []);
  });

  for (const [harm, harmed] of [
    ['truncated', (bench: Bench) => cut(bench, SEGMENT_ONE)],
    ['moved, removed or replaced', (bench: Bench) => bench.disk.unlink(SEGMENT_ONE)],
  ] as const) {
    const wasHarmed = (bench: Bench): void => {
      assert.ok(bench.writer.hasFailed);
      const failure = bench.signals.failure.read();
      assert.ok(failure instanceof WalError);
      const told = [failure.code, failure.path];
      assert.deepEqual(told, ['ERR_FLASHSTRIKE_FILE_LOST', SEGMENT_ONE]);
      assert.match(failure.message, new RegExp(`was ${harm} while`));
      assert.equal(bench.durable, 0, 'nothing is called durable');
    };

    test(`an active segment that was ${harm} is one: found behind the sync, before it is told`, () => {
      const bench = new Bench();
      bench.append();
      bench.signals.requestDurable(1);
      bench.storage.onCall = ({ kind }) => {
        if (kind !== 'sync') return;
        bench.storage.onCall = () => {};
        harmed(bench);
      };
      bench.settle();
      wasHarmed(bench);
    });

    test(`an active segment that was ${harm} is one: found by a rotation`, () => {
      const bench = new Bench();
      bench.prepare();
      bench.appendLarge();
      bench.settle();
      harmed(bench);
      bench.appendLarge();
      bench.settle();
      wasHarmed(bench);
    });

    test(`an active segment that was ${harm} is one: found by the last sync`, () => {
      const bench = new Bench();
      bench.append();
      harmed(bench);
      assert.ok(bench.writer.drain());
      wasHarmed(bench);
    });

    test(`an active segment that was ${harm} is one: found where nothing is asked for`, () => {
      const bench = new Bench();
      bench.append();
      bench.settle();
      harmed(bench);
      bench.settle();
      assert.equal(bench.writer.hasFailed, false, 'not at once');
      bench.clock.advanceNs(250e6);
      bench.settle();
      wasHarmed(bench);
    });
  }

  test('a region whose name is gone is one: all that was appended is synced first', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.set('regionNameLost', 1);
    // What the application appends until it sees that the log has ended.
    bench.storage.onCall = ({ kind }) => {
      if (kind !== 'sync') return;
      bench.storage.onCall = () => {};
      bench.append();
    };
    bench.settle();
    assert.ok(bench.writer.hasFailed);
    const failure = bench.signals.failure.read();
    assert.ok(failure instanceof WalError);
    assert.equal(failure.code, 'ERR_FLASHSTRIKE_FILE_LOST');
    assert.match(failure.message, /synced all events up to 1,/);
    assert.equal(bench.durable, 2);
  });

  test('so is a preparer that has given up, once its segment is needed', () => {
    const bench = new Bench();
    const message = '/log/prepared-2.tmp: a segment could not be prepared (EIO).';
    bench.signals.preparerError.write(new WalError('ERR_FLASHSTRIKE_IO', message));
    bench.signals.set('preparerTrouble', Trouble.error);
    bench.append();
    bench.settle();
    assert.equal(bench.writer.hasFailed, false, 'not as long as it has a segment');
    bench.appendLarge();
    bench.appendLarge();
    bench.settle();
    assert.ok(bench.writer.hasFailed);
    assert.equal(bench.signals.failure.read()?.message, message);
  });
});

describe('a full disk in preparation is no failure', () => {
  test('it is the state no-space, and over when space is back', () => {
    const bench = new Bench();
    bench.signals.set('preparerTrouble', Trouble.noSpace);
    bench.settle();
    assert.equal(bench.state, LogState.noSpace);
    bench.appendLarge();
    bench.settle();
    assert.equal(bench.written, 1, 'what still fits is written');
    bench.signals.set('preparerTrouble', Trouble.none);
    bench.settle();
    assert.equal(bench.state, LogState.open);
  });

  test('a producer that waits is woken to see it, once nothing can be written', () => {
    const bench = new Bench();
    bench.signals.set('producerWaiting', 1);
    bench.signals.set('preparerTrouble', Trouble.noSpace);
    bench.appendLarge();
    bench.appendLarge();
    bench.settle();
    const before = bench.signals.producerWakeCount;
    bench.settle();
    assert.ok(bench.signals.producerWakeCount > before);
  });

  test('in the meta store too', () => {
    const bench = new Bench();
    bench.signals.set('metaTrouble', Trouble.noSpace);
    bench.settle();
    assert.equal(bench.state, LogState.noSpace);
    bench.signals.set('metaTrouble', Trouble.error);
    bench.settle();
    assert.equal(bench.state, LogState.open, 'other trouble of the meta store is only counted');
  });
});

test('the fault of these tests is the system error that it should be', () => {
  assert.deepEqual({ ...systemError('EIO', 'write') }, { code: 'EIO' });
});

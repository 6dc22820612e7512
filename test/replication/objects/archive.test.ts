import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { listConsumers, openConsumer, removeConsumer, verify } from '../../../src/index.js';
import { ObjectFailure } from '../../../src/replication/objects/object-store.js';
import { archive, restoreFrom } from '../../../src/replication.js';
import { eventually, settles } from '../../support/eventually.js';
import { code } from '../../support/log-content.js';
import { appendMixed, openLog } from '../bench.js';
import {
  activeFirstEventId,
  assertHas,
  finishedIn,
  firstIndexIn,
  grow,
  recorded,
} from './bench.js';
import { MemoryObjects } from './memory-objects.js';

for (const options of [{}, { compression: 'lz4', hotSegments: 1 }] as const) {
  const kind = 'compression' in options ? 'compressed' : 'plain';
  test(`finished segments, ${kind}, are archived and restored, identical`, async (t) => {
    const { place, dir, wal } = await recorded(t, 4, options);
    if ('compression' in options) {
      const isCompressed = (): boolean => existsSync(join(dir, '0000000002.wal.lz4'));
      await eventually('segments are compressed', isCompressed);
    }
    const store = new MemoryObjects();
    const finished = finishedIn(dir);
    const report = await archive(dir, store);
    const last = activeFirstEventId(dir) - 1;
    assert.deepEqual(
      [report.complete, report.segments, report.presentSegments, report.firstEventId],
      [true, finished, 0, 1],
    );
    assert.deepEqual([report.lastEventId, report.objects, report.log], [last, 'memory', dir]);
    assert.equal(store.keys('.wal').length, finished);
    assert.equal(store.keys('.wal.lz4').length > 0, kind === 'compressed');
    assert.deepEqual(
      listConsumers(dir).map(({ name, acknowledgedEventId }) => [name, acknowledgedEventId]),
      [['archive', last]],
    );
    const out = place.path('out');
    const restored = await restoreFrom(undefined, out, { objects: store, segmentBytes: 65_536 });
    assert.deepEqual(
      [restored.events, restored.firstEventId, restored.lastEventId, restored.complete],
      [last, 1, last, true],
    );
    assert.deepEqual(
      [restored.objects, restored.stream, restored.blocks],
      [finished, undefined, 0],
    );
    assertHas(out, dir, 1, last);
    const { verdict, problems, notes } = await verify(out);
    assert.deepEqual([verdict, problems, notes], ['clean', [], []]);
    const copy = place.keep(await openLog(out));
    assert.notEqual(copy.logId, wal.logId);
    assert.equal(copy.append(new Uint8Array(1)), last + 1);
  });
}

test('run again it goes on behind what is there, and puts nothing twice', async (t) => {
  const { dir, wal } = await recorded(t, 2);
  const store = new MemoryObjects();
  const { segments } = await archive(dir, store);
  const before = store.puts.length;
  const again = await archive(dir, store);
  assert.deepEqual([again.segments, again.presentSegments, again.complete], [0, 0, true]);
  assert.equal(store.puts.length, before);
  await grow(wal, 2);
  const more = await archive(dir, store);
  assert.equal(segments + more.segments, finishedIn(dir));
  assert.equal(new Set(store.puts).size, store.puts.length);
});

test('segments leave the log only once they are in the store', async (t) => {
  const retention = { segments: 1 };
  const { place, dir, wal } = await recorded(t, 1);
  const store = new MemoryObjects();
  store.onCall = () => {
    throw new ObjectFailure('unavailable', 'it is down');
  };
  const stop = new AbortController();
  const troubles: (string | undefined)[] = [];
  const running = archive(dir, store, {
    follow: true,
    signal: stop.signal,
    onTrouble: (message) => troubles.push(message),
  });
  await eventually('it waits', () => troubles.length > 2);
  await wal.close();
  const kept = place.keep(await openLog(dir, { retention }));
  // The appender waits for no store.
  await grow(kept, 4);
  assert.equal(firstIndexIn(dir), 1);
  store.onCall = () => {};
  await eventually('old segments go', () => (firstIndexIn(dir) ?? 0) > 1);
  stop.abort();
  assert.equal((await settles('archive', running)).firstEventId, 1);
  assert.ok(troubles.includes('it is down') && troubles.includes(undefined));
  const out = place.path('out');
  await archive(dir, store);
  const { lastEventId } = await restoreFrom(undefined, out, { objects: store });
  assert.equal(lastEventId, activeFirstEventId(dir) - 1);
});

test('with follow it puts segments as they are finished, until the signal', async (t) => {
  const { dir, wal } = await recorded(t, 1);
  const store = new MemoryObjects();
  const stop = new AbortController();
  const seen: number[] = [];
  const running = archive(dir, store, {
    follow: true,
    signal: stop.signal,
    onProgress: (eventId) => seen.push(eventId),
  });
  await eventually('the first is there', () => seen.length >= 1);
  await grow(wal, 2);
  await eventually('those that came are there', () => seen.length >= finishedIn(dir));
  stop.abort();
  const report = await settles('archive', running);
  assert.deepEqual([report.complete, report.lastEventId], [true, activeFirstEventId(dir) - 1]);
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
});

test('a store that does not come back is told; one that is stopped meanwhile has not failed', async (t) => {
  const { dir } = await recorded(t, 1);
  const store = new MemoryObjects();
  const stop = new AbortController();
  let calls = 0;
  store.onCall = () => {
    calls++;
    if (calls === 3) stop.abort();
    throw new ObjectFailure('timeout', 'no answer');
  };
  const report = await archive(dir, store, { signal: stop.signal });
  assert.deepEqual([report.complete, report.segments], [false, 0]);
  const refused = new Error('forbidden');
  store.onCall = () => {
    throw refused;
  };
  await assert.rejects(archive(dir, store), (error) => error === refused);
});

test('two at once for one store do no harm; one consumer has one user', async (t) => {
  const { place, dir } = await recorded(t, 4);
  const store = new MemoryObjects();
  const both = await Promise.all([
    archive(dir, store, { consumer: 'one' }),
    archive(dir, store, { consumer: 'two' }),
  ]);
  assert.ok(both.every(({ complete }) => complete));
  const out = place.path('out');
  await restoreFrom(undefined, out, { objects: store });
  assertHas(out, dir, 1, activeFirstEventId(dir) - 1);
  await using _archive = await openConsumer(dir, 'one');
  await assert.rejects(archive(dir, store, { consumer: 'one' }), code('ERR_FLASHSTRIKE_LOCKED'));
});

test('what the store has lost or damaged is put again while the log has it', async (t) => {
  const { dir } = await recorded(t, 3);
  const store = new MemoryObjects();
  await archive(dir, store);
  const [first = '', second = ''] = store.keys('.wal');
  const whole = store.copy();
  store.change(first, (bytes) => {
    bytes[9000] = (bytes[9000] ?? 0) ^ 1;
    return undefined;
  });
  store.kept.delete(second);
  await removeConsumer(dir, 'archive');
  const report = await archive(dir, store);
  assert.deepEqual([report.segments, report.presentSegments], [2, finishedIn(dir) - 2]);
  assert.deepEqual(store.kept, whole.kept);
});

test('an object that reads otherwise than it was put does not count', async (t) => {
  const { dir } = await recorded(t, 2);
  const store = new MemoryObjects();
  const stop = new AbortController();
  let looks = 0;
  // A store that says that all went well.
  store.onCall = (call, key) => {
    if (call === 'put' || !key.endsWith('.wal') || !store.kept.has(key)) return;
    store.change(key, (bytes) => bytes.subarray(0, -8));
    if (++looks === 5) stop.abort();
  };
  const { complete, segments } = await archive(dir, store, { signal: stop.signal });
  assert.deepEqual([complete, segments, looks], [false, 0, 5]);
  assert.equal(listConsumers(dir)[0]?.acknowledgedEventId, 0);
  assert.deepEqual(store.keys('.header'), []);
});

test('a damaged segment is not put, and nothing takes its place', async (t) => {
  const { dir, wal } = await recorded(t, 2);
  await wal.close();
  const store = new MemoryObjects();
  const { open, write, close } = (await import('../../../src/storage/node-storage.js')).nodeStorage;
  const fd = open(join(dir, '0000000001.wal'), 'write');
  write(fd, [Uint8Array.of(0xff)], 9000);
  close(fd);
  await assert.rejects(archive(dir, store), code('ERR_FLASHSTRIKE_CORRUPT', /0000000001\.wal/));
  assert.deepEqual(store.keys('.wal'), []);
  assert.equal(listConsumers(dir)[0]?.acknowledgedEventId, 0);
});

test('a place has one log: another one, made anew or restored, is refused', async (t) => {
  const { place, dir } = await recorded(t, 2);
  const store = new MemoryObjects();
  await archive(dir, store);
  const before = store.copy();
  const out = place.path('out');
  await restoreFrom(undefined, out, { objects: store, segmentBytes: 65_536 });
  await assert.rejects(archive(out, store), code('ERR_FLASHSTRIKE_WRONG_LOG', /place of its own/));
  assert.deepEqual(store.kept, before.kept);
  const own = new MemoryObjects();
  assert.equal((await archive(out, own)).complete, true);
});

test('a copy of the log that went on differently is refused, and replaces nothing', async (t) => {
  const { place, dir, wal } = await recorded(t, 2);
  await wal.close();
  const copy = place.path('copy');
  cpSync(dir, copy, { recursive: true });
  const store = new MemoryObjects();
  for (const [folder, salt] of [
    [dir, 0],
    [copy, 1],
  ] as const) {
    const open = await openLog(folder);
    appendMixed(open, 5, salt);
    await grow(open, 2);
    await open.close();
  }
  await archive(dir, store);
  const before = store.copy();
  await assert.rejects(archive(copy, store), code('ERR_FLASHSTRIKE_DIVERGED', /differently/));
  assert.deepEqual(store.kept, before.kept);
});

test('a log that lacks what comes next in the store is refused: there would be a hole', async (t) => {
  const { dir, wal } = await recorded(t, 2);
  const store = new MemoryObjects();
  await archive(dir, store);
  await removeConsumer(dir, 'archive');
  await grow(wal, 4);
  await wal.deleteBefore(activeFirstEventId(dir));
  const gap = code('ERR_FLASHSTRIKE_REPLICA_GAP', /end with event \d+, and the first event in the/);
  await assert.rejects(archive(dir, store), gap);
  const own = new MemoryObjects();
  await grow(wal, 1);
  await removeConsumer(dir, 'archive');
  const { firstEventId, lastEventId } = await archive(dir, own);
  assert.ok(firstEventId > 1 && lastEventId >= firstEventId);
});

test('what makes no sense is refused before anything is registered', async (t) => {
  const { dir } = await recorded(t, 1);
  const store = new MemoryObjects();
  const option = code('ERR_FLASHSTRIKE_INVALID_OPTION');
  const argument = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT');
  await assert.rejects(archive(dir, {} as never), option);
  await assert.rejects(archive(dir, store, { folow: true } as never), option);
  await assert.rejects(archive(dir, store, { follow: true }), argument);
  await assert.rejects(archive(dir, store, { consumer: 'a/b' }), argument);
  await assert.rejects(archive(join(dir, 'none'), store), code('ERR_FLASHSTRIKE_NOT_A_LOG'));
  await assert.rejects(restoreFrom(undefined, join(dir, 'out')), argument);
  const following = { objects: store, follow: true, signal: AbortSignal.abort() };
  await assert.rejects(restoreFrom(undefined, join(dir, 'out'), following), argument);
  assert.deepEqual(listConsumers(dir), []);
  assert.deepEqual(
    readdirSync(dir).filter((name) => name === 'out'),
    [],
  );
});

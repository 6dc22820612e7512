// Calls that take an AbortSignal: they reject with its reason, leave nothing behind, and a signal
// that is aborted later changes nothing.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkMachine, openMachine, verify, Wal } from '../../src/index.js';
import { replicate } from '../../src/replication.js';
import { Gate, liveStream, openLog, Place, streamOf } from '../replication/bench.js';
import { assertNoRegion, onBothAdapters, TINY } from '../support/adapters.js';
import { adding, addingMachine, sumOf } from '../support/adding-machine.js';
import { settles } from '../support/eventually.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';
import { appendEvents, assertHoldsEvents, assertSound, code } from '../support/log-content.js';

const REASON = new Error('enough');
const enough = (error: unknown): boolean => error === REASON;
const invalid = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /signal must be an AbortSignal/);

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;
const aborted = (): AbortSignal => AbortSignal.abort(REASON);

/** For an opening behind one that was given up: it may hold the log for a while. */
const LATER = { lockTimeoutMs: 600_000 };

onBothAdapters('durable rejects with the reason, and its event becomes durable', async (t, v) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, { ...v.options, sync: { mode: 'manual' } });
  const stop = new AbortController();
  const { signal } = stop;
  appendEvents(wal, 1);
  const [waiting, other] = [wal.durable(1, { signal }), wal.durable(1)];
  stop.abort(REASON);
  stop.abort(new Error('again'));
  await assert.rejects(settles('the wait', waiting), enough);
  assert.equal(await settles('another wait for the same', other), 1);
  await assert.rejects(wal.durable(1, { signal }), enough, 'durable or not');
  assert.equal(listenersOf(signal), 0);
  await wal.close();
  assertHoldsEvents(directory, 1);
  assertNoRegion(v.options);
});

test('durable with a signal that nobody aborts is as without', async (t) => {
  await using wal = await openLog(temporaryFolder(t));
  const { signal } = new AbortController();
  for (let id = 1; id <= 20; id++) {
    wal.append(adding(id));
    assert.ok((await settles('durable', wal.durable(undefined, { signal }))) >= id);
  }
  assert.equal(await wal.durable(3, { signal }), 20, 'what is durable');
  assert.equal(await wal.durable(3, {}), 20);
  assert.equal(listenersOf(signal), 0);
  await assert.rejects(
    wal.durable(21, { signal }),
    code('ERR_FLASHSTRIKE_OUT_OF_RANGE', /durable/),
  );
  await assert.rejects(wal.durable(1, { signal: {} as AbortSignal }), invalid);
  const misspelt = { signals: signal } as unknown as { signal: AbortSignal };
  await assert.rejects(
    wal.durable(1, misspelt),
    code('ERR_FLASHSTRIKE_INVALID_OPTION', /no option signals/),
  );
});

test('replicated rejects with the reason, and the event gets there all the same', async (t) => {
  const place = new Place(t);
  const gate = place.keep(new Gate());
  const wal = place.keep(await openLog(place.path('log')));
  const stream = streamOf(liveStream());
  const held: typeof stream = {
    ...stream,
    append: async (block, expected) => {
      if (wal.lastEventId > 0) await gate.opened;
      return stream.append(block, expected);
    },
  };
  const replica = place.keep(await replicate(wal, { stream: held }));
  await settles('the claim', replica.claimed());
  const id = wal.append(adding(1));
  await settles('the event is on disk', wal.durable());
  const stop = new AbortController();
  const { signal } = stop;
  const waiting = [wal.replicated(id, { signal }), replica.replicated(id, { signal })];
  const other = wal.replicated(id);
  setImmediate(() => stop.abort(REASON));
  for (const each of waiting) await assert.rejects(settles('the wait', each), enough);
  assert.ok(replica.confirmedEventId < id, 'the stream has not answered');
  await assert.rejects(wal.replicated(id, { signal }), enough);
  await assert.rejects(replica.replicated(id, { signal }), enough);
  assert.equal(listenersOf(signal), 0);
  gate.open();
  assert.equal(await settles('another wait for the same', other), id);
});

test('open with a signal that is aborted touches nothing', async (t) => {
  const directory = join(temporaryFolder(t), 'log');
  await assert.rejects(Wal.open(directory, { signal: aborted() }), enough);
  await assert.rejects(Wal.open(directory, { signal: {} as AbortSignal }), invalid);
  assert.equal(existsSync(directory), false);
});

onBothAdapters('open that is aborted while it waits for the lock is over', async (t, v) => {
  const directory = temporaryFolder(t);
  const holder = await Wal.open(directory, v.options);
  const stop = new AbortController();
  const { signal } = stop;
  const opening = Wal.open(directory, { ...v.options, ...LATER, signal });
  setTimeout(() => stop.abort(REASON), 20);
  await assert.rejects(settles('the opening', opening), enough);
  assert.equal(listenersOf(signal), 0);
  appendEvents(holder, 1);
  await holder.close();
  // Nobody comes behind it to hold the log again.
  const again = await Wal.open(directory, v.options);
  assert.equal(again.lastEventId, 1);
  await again.close();
  assertNoRegion(v.options);
});

onBothAdapters('a log that is open after all is closed again', async (t, v) => {
  const directory = temporaryFolder(t);
  const first = await Wal.open(directory, v.options);
  appendEvents(first, 100);
  await first.close();
  for (let round = 0; round < 5; round++) {
    const stop = new AbortController();
    const { signal } = stop;
    const opening = Wal.open(directory, { ...v.options, ...LATER, signal });
    // At once, and the later the further the opening has come.
    for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(REASON);
    stop.abort(REASON);
    await assert.rejects(settles('the opening', opening), enough);
    assert.equal(listenersOf(signal), 0);
  }
  const stop = new AbortController();
  const wal = await Wal.open(directory, { ...v.options, ...LATER, signal: stop.signal });
  stop.abort(REASON);
  assert.equal(wal.state, 'open', 'later it means nothing');
  appendEvents(wal, 1);
  await wal.close();
  assertHoldsEvents(directory, 101);
  await assertSound(directory);
  assertNoRegion(v.options);
});

/** Files of a folder that this process has open. */
function openIn(directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(directory) ? [path] : [];
    } catch {
      // The one by which the folder was listed.
      return [];
    }
  });
}

for (const readAhead of [false, true]) {
  test(`verify rejects with the reason, and has nothing open (readAhead: ${readAhead})`, async (t) => {
    const builder = new LogBuilder(temporaryFolder(t)).segment().events(4).seal();
    for (let more = 0; more < 5; more++) builder.segment().events(3).seal();
    const { dir } = builder.segment().events(2).meta().write();
    await assert.rejects(verify(dir, { readAhead, signal: aborted() }), enough);
    const stop = new AbortController();
    const { signal } = stop;
    const verifying = verify(dir, { readAhead, signal });
    stop.abort(REASON);
    await assert.rejects(settles('the run', verifying), enough);
    assert.deepEqual(openIn(dir), []);
    const whole = await verify(dir, { readAhead, signal: new AbortController().signal });
    assert.deepEqual([whole.ok, whole.segments], [true, 7]);
    await assert.rejects(verify(dir, { signal: {} as AbortSignal }), invalid);
  });
}

/** Longer than the loading of a state goes on without a turn of the event loop. */
function dawdle(): void {
  const endMs = performance.now() + 20;
  while (performance.now() < endMs);
}

test('openMachine is over while it applies events again, and the log is free', async (t) => {
  const dir = temporaryFolder(t);
  const options = addingMachine({ wal: TINY });
  const machine = await openMachine(dir, options);
  for (let id = 1; id <= 5000; id++) machine.applyNow(adding(id));
  await machine.close();
  const stop = new AbortController();
  let applied = 0;
  const apply: typeof options.apply = (state, event) => {
    if (++applied === 900) {
      stop.abort(REASON);
      dawdle();
    }
    return options.apply(state, event);
  };
  const { signal } = stop;
  await assert.rejects(openMachine(dir, { ...options, apply, signal }), enough);
  assert.ok(applied < 5000, `${applied} were applied`);
  assert.equal(listenersOf(signal), 0);
  await assert.rejects(openMachine(dir, { ...options, signal: aborted() }), enough);
  const again = await openMachine(dir, { ...options, signal: new AbortController().signal });
  assert.deepEqual(again.state, sumOf(5000));
  await again.close();
});

test('checkMachine rejects with the reason', async (t) => {
  const dir = temporaryFolder(t);
  const { snapshots: _none, ...definition } = addingMachine();
  const machine = await openMachine(dir, addingMachine({ wal: TINY }));
  for (let id = 1; id <= 10_001; id++) machine.applyNow(adding(id));
  await machine.close();
  const stop = new AbortController();
  const onProgress = (): void => stop.abort(REASON);
  await assert.rejects(checkMachine(dir, definition, { signal: stop.signal, onProgress }), enough);
  await assert.rejects(checkMachine(dir, definition, { signal: aborted() }), enough);
  await assert.rejects(checkMachine(dir, definition, { signal: {} as AbortSignal }), invalid);
});

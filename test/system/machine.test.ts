// A durable state machine: what it is opened with again, snapshots, what apply may do, forks.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, type TestContext, test } from 'node:test';
import {
  backup,
  type Machine,
  type MachineOptions,
  openMachine,
  replay,
  verify,
  Wal,
} from '../../src/index.js';
import { TINY } from '../support/adapters.js';
import { adding, addingMachine, type Sum, sumOf } from '../support/adding-machine.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';

/** Closed before their folders go. */
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const machine of open.splice(0)) await Promise.allSettled([machine.close()]);
});

async function opened(
  dir: string,
  options: Partial<MachineOptions<Sum, number>> = {},
): Promise<Machine<Sum, number>> {
  const machine = await openMachine(dir, addingMachine({ wal: TINY, ...options }));
  open.push(machine);
  return machine;
}

/** Adds the numbers from the next event's to `last`, each its event's id. */
async function addUpTo(machine: Machine<Sum, number>, last: number): Promise<void> {
  for (let id = machine.eventId + 1; id <= last; id++) machine.applyNow(adding(id));
  await machine.wal.durable();
}

const snapshotsIn = (dir: string): string[] =>
  readdirSync(dir).filter((name) => name.includes('.snapshot'));
const nameOf = (eventId: number): string => `${String(eventId).padStart(16, '0')}.snapshot`;

/** A machine of `events` events with snapshots at some of them, closed. */
async function recorded(t: TestContext, events: number, ...snapshots: number[]): Promise<string> {
  const dir = temporaryFolder(t);
  const machine = await opened(dir, { snapshots: { everyEvents: 0, keep: 10 } });
  for (const at of snapshots) {
    await addUpTo(machine, at);
    await machine.snapshot();
  }
  await addUpTo(machine, events);
  await machine.close();
  return dir;
}

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 16;
  writeFileSync(path, bytes);
}

test('submit resolves with what apply returned, once the event is durable', async (t) => {
  const dir = temporaryFolder(t);
  const machine = await opened(dir);
  assert.equal(machine.eventId, 0);
  assert.equal(await machine.submit(adding(5)), 5);
  assert.ok(machine.wal.durableEventId >= 1);
  const { eventId, result } = machine.applyNow(adding(7), 3);
  assert.deepEqual([eventId, result, machine.state.total], [2, 12, 12], 'the state has it at once');
  await machine.wal.durable(eventId);
  await machine.close();
  const events = [...replay(dir)].map(({ type, payload }) => [
    type,
    Buffer.from(payload).toString(),
  ]);
  assert.deepEqual(events, [
    [0, '5'],
    [3, '7'],
  ]);
});

test('opened again it has the state of all events, and apply saw the same of each', async (t) => {
  const dir = temporaryFolder(t);
  const seen: string[][] = [[], []];
  for (const run of seen) {
    const machine = await opened(dir, {
      apply: (state, { eventId, type, timestampNs, payload }) => {
        run.push(`${eventId} ${type} ${timestampNs} ${Buffer.from(payload).toString('hex')}`);
        state.count++;
        // Nobody else sees what is done to it.
        payload.fill(0);
        return 0;
      },
    });
    if (run === seen[0]) {
      for (let id = 1; id <= 300; id++) machine.applyNow(adding(id), id);
    }
    assert.equal(machine.state.count, 300);
    await machine.close();
  }
  assert.equal(seen[0]?.length, 300);
  assert.deepEqual(seen[0], seen[1]);
});

test('a payload that its owner changes, and the machine keeps, is the one recorded', async (t) => {
  const dir = temporaryFolder(t);
  const kept: Uint8Array[] = [];
  const options = {
    apply: (_state: Sum, { payload }: { payload: Uint8Array }) => kept.push(payload),
  };
  const machine = await opened(dir, options);
  const buffer = Buffer.from('1');
  const submitted = machine.submit(buffer);
  buffer.fill('x');
  await submitted;
  await machine.close();
  await opened(dir, options);
  assert.deepEqual(
    kept.map((payload) => Buffer.from(payload).toString()),
    ['1', '1'],
  );
});

test('a snapshot spares the events before it, and the newest is taken', async (t) => {
  const dir = await recorded(t, 250, 100, 200);
  const machine = await opened(dir);
  assert.deepEqual(machine.state, sumOf(250));
  const { snapshot, replayedEvents, passedOver } = machine.recovery;
  assert.deepEqual([snapshot?.eventId, replayedEvents, passedOver], [200, 50, []]);
  assert.equal(snapshot?.path, join(dir, nameOf(200)));
  assert.deepEqual(machine.upkeep.snapshot, snapshot);
});

test('snapshots are taken every so many events, and older ones go', async (t) => {
  const dir = temporaryFolder(t);
  const machine = await opened(dir, { snapshots: { everyEvents: 50, keep: 2 } });
  for (let last = 50; last <= 250; last += 50) {
    await addUpTo(machine, last);
    // The one that the last event has begun.
    await machine.snapshot();
  }
  assert.deepEqual(snapshotsIn(dir), [nameOf(200), nameOf(250)]);
  assert.equal(machine.upkeep.snapshotFailures, 0);
  assert.equal(await machine.snapshot(), machine.upkeep.snapshot, 'of the same event: the same');
  await machine.close();
  const { snapshots, ok, notes } = await verify(dir);
  assert.deepEqual(
    [ok, snapshots.map(({ eventId, problem }) => [eventId, problem]), notes],
    [
      true,
      [
        [200, undefined],
        [250, undefined],
      ],
      [],
    ],
  );
});

test('close takes one more where it is asked to, and none of a state that has one', async (t) => {
  const dir = temporaryFolder(t);
  const machine = await opened(dir, { snapshots: { everyEvents: 0, onClose: true } });
  assert.equal(await machine.snapshot(), undefined, 'there is nothing yet');
  await addUpTo(machine, 10);
  await machine.close();
  await machine.close();
  assert.deepEqual(snapshotsIn(dir), [nameOf(10)]);
  const again = await opened(dir, { snapshots: { everyEvents: 0, onClose: true } });
  assert.equal(again.recovery.replayedEvents, 0);
  await again.close({ snapshot: false });
  await assert.rejects(again.submit(adding(1)), { code: 'ERR_FLASHSTRIKE_CLOSED' });
  await assert.rejects(again.snapshot(), { code: 'ERR_FLASHSTRIKE_CLOSED' });
  await assert.rejects(again.fork(), { code: 'ERR_FLASHSTRIKE_CLOSED' });
});

test('a damaged, cut, foreign or emptied snapshot is passed over, and told', async (t) => {
  const dir = await recorded(t, 260, 100, 200, 210, 220, 230, 240, 250);
  const other = await recorded(t, 260, 240);
  flip(join(dir, nameOf(250)), 4100);
  cpSync(join(other, nameOf(240)), join(dir, nameOf(240)));
  truncateSync(join(dir, nameOf(230)), 4096);
  writeFileSync(join(dir, nameOf(220)), '');
  writeFileSync(join(dir, nameOf(210)), Buffer.alloc(5000));
  flip(join(dir, nameOf(200)), 100);
  writeFileSync(join(dir, `${nameOf(255)}.tmp`), 'half');
  const machine = await opened(dir);
  assert.deepEqual(machine.state, sumOf(260));
  assert.equal(machine.recovery.snapshot?.eventId, 100);
  assert.deepEqual(
    machine.recovery.passedOver.map(({ eventId, reason }) => [eventId, reason]),
    [
      [250, 'damaged'],
      [240, 'other-log'],
      [230, 'damaged'],
      [220, 'damaged'],
      [210, 'damaged'],
      [200, 'damaged'],
    ],
  );
  const report = await verify(dir);
  assert.equal(report.ok, true, 'the log is sound');
  assert.equal(report.notes.length, 6);
  assert.ok(!snapshotsIn(dir).some((name) => name.endsWith('.tmp')), 'what a crash left is gone');
  await machine.snapshot();
  assert.deepEqual(
    snapshotsIn(dir),
    [nameOf(100), nameOf(240), nameOf(260)],
    'damaged ones go once there is a new one; that of another log is not ours',
  );
});

test('snapshots that are ahead of the log, or of another history, are not used', async (t) => {
  const dir = temporaryFolder(t);
  const copy = join(temporaryFolder(t), 'copy');
  const machine = await opened(dir);
  await addUpTo(machine, 100);
  await machine.close();
  cpSync(dir, copy, { recursive: true });
  const longer = await opened(dir);
  await addUpTo(longer, 200);
  await longer.snapshot();
  await longer.close();
  // The copy is an older state of the log, and gets what belongs to a newer one.
  cpSync(join(dir, nameOf(200)), join(copy, nameOf(200)));
  const ahead = await opened(copy);
  assert.deepEqual(ahead.state, sumOf(100));
  assert.deepEqual(
    ahead.recovery.passedOver.map(({ eventId, reason }) => [eventId, reason]),
    [[200, 'ahead']],
  );
  for (let id = 101; id <= 250; id++) await ahead.submit(adding(1));
  const state = structuredClone(ahead.state);
  await ahead.close();
  const again = await opened(copy);
  assert.deepEqual(again.state, state);
  assert.deepEqual(
    again.recovery.passedOver.map(({ eventId, reason }) => [eventId, reason]),
    [[200, 'other-history']],
  );
  await again.snapshot();
  assert.deepEqual(snapshotsIn(copy), [nameOf(250)]);
});

test('a snapshot of another version is restored where the machine says so, else not', async (t) => {
  const dir = await recorded(t, 120, 100);
  const plain = await opened(dir, { version: 2 });
  assert.deepEqual(plain.state, sumOf(120));
  assert.deepEqual([plain.recovery.snapshot, plain.recovery.replayedEvents], [undefined, 120]);
  assert.deepEqual(
    plain.recovery.passedOver.map(({ reason }) => reason),
    ['version'],
  );
  await plain.close();
  const versions: number[] = [];
  const knowing = await opened(dir, {
    version: 2,
    restoresVersions: [1],
    restore: (content, { version }) => {
      versions.push(version);
      return JSON.parse(content.text()) as Sum;
    },
  });
  assert.deepEqual([knowing.state, versions], [sumOf(120), [1]]);
  assert.equal(knowing.recovery.snapshot?.version, 1);
  await knowing.close();
  const refusing = await opened(dir, {
    version: 2,
    restoresVersions: [1],
    restore: () => {
      throw new Error('too old');
    },
  });
  assert.deepEqual([refusing.state, refusing.recovery.snapshot], [sumOf(120), undefined]);
  assert.match(refusing.recovery.passedOver[0]?.message ?? '', /too old/);
  await refusing.close();
  await assert.rejects(
    opened(dir, {
      restore: () => {
        throw new Error('a bug');
      },
    }),
    { code: 'ERR_FLASHSTRIKE_RESTORE_FAILED', message: /a bug/ },
  );
  assert.deepEqual((await opened(dir)).state, sumOf(120), 'the log is free again');
});

test('snapshots of a version that is not restored do not count, and take none with them', async (t) => {
  const dir = await recorded(t, 250, 100, 200);
  const options = { version: 2, snapshots: { everyEvents: 0, keep: 2 } };
  const newer = await opened(dir, options);
  await newer.snapshot();
  assert.deepEqual(snapshotsIn(dir), [nameOf(100), nameOf(200), nameOf(250)]);
  assert.equal(newer.wal.consumers()[0]?.acknowledgedEventId, 0, 'events 1 … 250 are needed');
  await addUpTo(newer, 300);
  await newer.close();
  const older = await opened(dir);
  assert.deepEqual([older.state, older.recovery.snapshot?.eventId], [sumOf(300), 200]);
  await older.close();
  const again = await opened(dir, options);
  await again.snapshot();
  assert.deepEqual(snapshotsIn(dir), [nameOf(250), nameOf(300)]);
  assert.equal(again.wal.consumers()[0]?.acknowledgedEventId, 249);
});

test('close takes a snapshot of its own version in place of one that was restored', async (t) => {
  const dir = await recorded(t, 100, 100);
  const machine = await opened(dir, { version: 2, restoresVersions: [1] });
  assert.equal(machine.upkeep.snapshot?.version, 1);
  await machine.close({ snapshot: true });
  const again = await opened(dir, { version: 2 });
  assert.deepEqual([again.recovery.snapshot?.version, again.recovery.passedOver], [2, []]);
});

test('text that begins with U+FEFF is restored as it was', async (t) => {
  const dir = temporaryFolder(t);
  const options: MachineOptions<{ text: string }> = {
    initial: () => ({ text: '' }),
    apply: (state) => {
      state.text = '\ufeffstate';
    },
    snapshot: ({ text }) => text,
    restore: (content) => ({ text: content.text() }),
    wal: TINY,
  };
  const machine = await openMachine(dir, options);
  open.push(machine);
  await machine.submit(adding(1));
  await machine.close({ snapshot: true });
  const again = await openMachine(dir, options);
  open.push(again);
  assert.equal(again.state.text, '\ufeffstate');
});

test('where apply throws the event is recorded, and the machine stops there', async (t) => {
  const dir = temporaryFolder(t);
  const apply: MachineOptions<Sum, number>['apply'] = (state, { payload }) => {
    state.count++;
    if (payload[0] === 0x78) throw new Error('no number');
    return state.count;
  };
  const machine = await opened(dir, { apply });
  assert.equal(await machine.submit(adding(1)), 1);
  const stopped = { code: 'ERR_FLASHSTRIKE_APPLY_FAILED', message: /event 2: no number/ };
  await assert.rejects(machine.submit(Buffer.from('x')), stopped);
  await assert.rejects(machine.submit(adding(1)), stopped);
  assert.throws(() => machine.state, stopped, 'half of a change is no state');
  await assert.rejects(machine.snapshot(), stopped);
  await assert.rejects(machine.fork(), stopped);
  assert.equal(machine.failure?.message.includes('event 2'), true);
  await machine.close({ snapshot: true });
  assert.deepEqual(
    [...replay(dir)].map(({ payload }) => Buffer.from(payload).toString()),
    ['1', 'x'],
  );
  await assert.rejects(opened(dir, { apply }), stopped);
  await assert.rejects(opened(dir, { apply }), stopped, 'nothing stays locked');
  const mended = await opened(dir, { apply: (state) => ++state.count });
  assert.deepEqual([mended.eventId, mended.state.count], [2, 2]);
});

test('apply that is async is refused, at once or where it returns a promise', async (t) => {
  const dir = temporaryFolder(t);
  const isAsync = { apply: async () => 1 } as unknown as Partial<MachineOptions<Sum, number>>;
  await assert.rejects(opened(dir, isAsync), { code: 'ERR_FLASHSTRIKE_INVALID_OPTION' });
  const apply = () => Promise.reject(new Error('later'));
  const later = { apply } as unknown as Partial<MachineOptions<Sum, number>>;
  const machine = await opened(dir, later);
  const refused = { code: 'ERR_FLASHSTRIKE_APPLY_FAILED', message: /promise at event 1/ };
  await assert.rejects(machine.submit(adding(1)), refused);
  await assert.rejects(machine.submit(adding(1)), refused);
});

test('what apply returned, and throws when it is looked at, stops the machine there', async (t) => {
  const dir = temporaryFolder(t);
  const result = Object.defineProperty({}, 'then', {
    get: () => {
      throw new Error('no then');
    },
  });
  const options = { apply: () => result } as unknown as Partial<MachineOptions<Sum, number>>;
  const machine = await opened(dir, options);
  const stopped = { code: 'ERR_FLASHSTRIKE_APPLY_FAILED', message: /event 1: no then/ };
  assert.throws(() => machine.applyNow(adding(1)), stopped);
  assert.throws(() => machine.applyNow(adding(1)), stopped);
});

test('an event that something else has appended stops the machine', async (t) => {
  const machine = await opened(temporaryFolder(t));
  await machine.submit(adding(1));
  (machine.wal as Wal).append(adding(2));
  const stopped = { code: 'ERR_FLASHSTRIKE_APPLY_FAILED', message: /something else/ };
  await assert.rejects(machine.submit(adding(3)), stopped);
});

test('apply may not submit', async (t) => {
  const dir = temporaryFolder(t);
  let machine: Machine<Sum, number> | undefined;
  machine = await opened(dir, {
    apply: () => machine?.applyNow(adding(1)).result ?? 0,
  });
  await assert.rejects(machine.submit(adding(1)), { message: /was called by apply/ });
  await machine.close();
  assert.equal([...replay(dir)].length, 1);
});

test('snapshot and hash may not submit', async (t) => {
  const dir = temporaryFolder(t);
  let machine: Machine<Sum, number> | undefined;
  const submit = (): bigint => BigInt(machine?.applyNow(adding(1)).eventId ?? 0);
  machine = await opened(dir, {
    *snapshot() {
      yield Buffer.from(String(submit()));
    },
    hash: submit,
    hashEvery: 2,
  });
  await machine.submit(adding(1));
  await assert.rejects(machine.snapshot(), { message: /was called by snapshot/ });
  await machine.submit(adding(1));
  assert.match(machine.upkeep.hashFailure?.message ?? '', /was called by hash/);
  assert.equal(machine.eventId, 2);
});

test('what cannot be appended is not applied', async (t) => {
  const machine = await opened(temporaryFolder(t));
  await assert.rejects(machine.submit(new Uint8Array(100_000)), {
    code: 'ERR_FLASHSTRIKE_EVENT_TOO_LARGE',
  });
  await assert.rejects(machine.submit(adding(1), 65_536), {
    code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT',
  });
  await assert.rejects(machine.submit('text' as unknown as Uint8Array), {
    code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT',
  });
  assert.deepEqual([machine.eventId, machine.state.count], [0, 0]);
  assert.equal(await machine.submit(adding(1)), 1);
});

test('a fork is the state at an event, and nothing of it is written', async (t) => {
  const dir = await recorded(t, 150, 50, 100);
  const machine = await opened(dir);
  for (const at of [0, 1, 49, 50, 51, 120, 150]) {
    const fork = await machine.fork(at);
    assert.deepEqual([fork.eventId, fork.state], [at, sumOf(at)], `at ${at}`);
  }
  const fork = await machine.fork();
  assert.equal(fork.apply(adding(1000)), sumOf(150).total + 1000);
  assert.equal(fork.eventId, 151);
  assert.deepEqual(machine.state, sumOf(150));
  assert.equal(machine.wal.lastEventId, 150);
  for (const at of [-1, 151, 1.5]) {
    await assert.rejects(machine.fork(at), /ERR_FLASHSTRIKE|fork|event/);
  }
});

test('events before the oldest of the snapshots that are kept may be removed', async (t) => {
  const dir = temporaryFolder(t);
  const options = { snapshots: { everyEvents: 0, keep: 2, deleteEvents: true } };
  const machine = await opened(dir, options);
  await addUpTo(machine, 6000);
  await machine.snapshot();
  assert.equal(machine.wal.consumers()[0]?.acknowledgedEventId, 0, 'one snapshot is not enough');
  await addUpTo(machine, 12_000);
  await machine.snapshot();
  assert.equal(machine.wal.consumers()[0]?.acknowledgedEventId, 5999);
  await addUpTo(machine, 12_100);
  await machine.close();
  const first = [...replay(dir)][0]?.eventId ?? 0;
  assert.ok(first > 1 && first <= 6000, `the log begins with event ${first}`);
  const again = await opened(dir, options);
  assert.deepEqual(again.state, sumOf(12_100));
  assert.deepEqual((await again.fork(6001)).state, sumOf(6001));
  await assert.rejects(again.fork(5999), { code: 'ERR_FLASHSTRIKE_NO_SNAPSHOT' });
  // Nothing that anybody asks for takes what the machine needs.
  await (again.wal as Wal).deleteBefore(12_000);
  await again.close();
  flip(join(dir, nameOf(12_000)), 4100);
  const older = await opened(dir, options);
  assert.deepEqual([older.state, older.recovery.snapshot?.eventId], [sumOf(12_100), 6000]);
  await older.close();
  flip(join(dir, nameOf(6000)), 4100);
  await assert.rejects(opened(dir, options), {
    code: 'ERR_FLASHSTRIKE_NO_SNAPSHOT',
    message: /begins with event .* is damaged/s,
  });
  assert.ok((await verify(dir)).notes.some((note) => note.includes('cannot be opened')));
});

test('a removal that does not come to its end holds up neither close nor a snapshot', async (t) => {
  const dir = temporaryFolder(t);
  const options = { snapshots: { everyEvents: 50, keep: 1, deleteEvents: true } };
  const machine = await opened(dir, options);
  const never = t.mock.method(Wal.prototype, 'deleteBefore', () => new Promise(() => {}));
  for (const last of [50, 100]) {
    await addUpTo(machine, last);
    await eventually('it is there', () => !machine.upkeep.isTakingSnapshot);
    assert.equal(machine.upkeep.snapshot?.eventId, last);
  }
  await machine.close();
  assert.equal(never.mock.callCount(), 1);
  never.mock.mockImplementation(() => Promise.reject(new Error('not now')));
  const warned = once(process, 'warning');
  const again = await opened(dir, options);
  await addUpTo(again, 120);
  assert.equal((await again.snapshot())?.eventId, 120);
  const [warning] = (await warned) as [NodeJS.ErrnoException];
  assert.deepEqual(
    [warning.code, again.upkeep.snapshotFailures],
    ['FLASHSTRIKE_EVENTS_NOT_REMOVED', 0],
  );
});

test('events that go behind a snapshot of close are gone behind the next opening', async (t) => {
  const dir = temporaryFolder(t);
  const snapshots = { everyEvents: 0, keep: 1, onClose: true, deleteEvents: true };
  const machine = await opened(dir, { snapshots });
  await addUpTo(machine, 12_000);
  await machine.close();
  const again = await opened(dir, { snapshots });
  const firstThere = (): number => [...again.wal.replay({ to: 12_000 })][0]?.eventId ?? 0;
  await eventually('events before 12,000 are gone', () => firstThere() > 1);
  assert.deepEqual(again.state, sumOf(12_000));
});

test('a backup of a machine that removes events opens as that machine', async (t) => {
  const [dir, target] = [temporaryFolder(t), join(temporaryFolder(t), 'backup')];
  const options = { snapshots: { everyEvents: 0, keep: 2, deleteEvents: true } };
  const machine = await opened(dir, options);
  for (const last of [6000, 12_000]) {
    await addUpTo(machine, last);
    await machine.snapshot();
  }
  await addUpTo(machine, 12_100);
  assert.equal((await machine.wal.backup(target)).snapshots, 2);
  for (const last of [18_000, 24_000]) {
    await addUpTo(machine, last);
    await machine.snapshot();
  }
  await machine.close();
  flip(join(dir, nameOf(18_000)), 4100);
  const report = await backup(dir, target, { prune: true });
  assert.equal(report.snapshots, 1, 'one that is damaged is not copied');
  assert.ok(report.firstEventId > 1);
  assert.deepEqual(snapshotsIn(target), [nameOf(24_000)]);
  assert.deepEqual((await verify(target)).notes, []);
  const again = await opened(target, options);
  assert.deepEqual(again.state, sumOf(24_000));
  assert.equal(again.recovery.snapshot?.eventId, 24_000);
});

test('snapshot may return text, bytes and iterables, as large as a few chunks', async (t) => {
  const state = { bytes: new Uint8Array(2_500_000).map((_, at) => at % 251) };
  const parts = function* (bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 700_001) yield bytes.subarray(at, at + 700_001);
  };
  const ways: ((bytes: Uint8Array) => Parameters<typeof Buffer.from>[0] | object)[] = [
    (bytes) => bytes,
    (bytes) => Buffer.from(bytes).toString('latin1'),
    (bytes) => parts(bytes),
    async function* (bytes) {
      const own = bytes.slice();
      for (const part of parts(own)) {
        yield part;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  ];
  for (const [way, content] of ways.entries()) {
    const dir = temporaryFolder(t);
    const options: MachineOptions<{ bytes: Uint8Array }> = {
      initial: () => ({ bytes: state.bytes.slice() }),
      apply: ({ bytes }, { payload }) => bytes.set(payload, 1_200_000),
      snapshot: ({ bytes }) => content(bytes) as Uint8Array,
      restore: (stored) => ({
        bytes: way === 1 ? Buffer.from(stored.text(), 'latin1') : stored.bytes(),
      }),
      wal: TINY,
    };
    const machine = await openMachine(dir, options);
    open.push(machine);
    await machine.submit(Buffer.from('first'));
    const taking = machine.snapshot();
    // What comes behind the call is not in it.
    await machine.submit(Buffer.from('later'));
    assert.equal((await taking)?.eventId, 1);
    await machine.close();
    const again = await openMachine(dir, { ...options, apply: () => undefined });
    open.push(again);
    const expected = state.bytes.slice();
    expected.set(Buffer.from('first'), 1_200_000);
    assert.equal(again.recovery.replayedEvents, 1);
    assert.equal(Buffer.compare(again.state.bytes, expected), 0, `way ${way}`);
  }
});

test('a snapshot that fails is told, and the machine goes on', async (t) => {
  const dir = temporaryFolder(t);
  let content: () => unknown = () => 'x'.repeat(2000);
  const machine = await opened(dir, {
    snapshot: () => content() as string,
    snapshots: { everyEvents: 0, maxBytes: 1000 },
  });
  await machine.submit(adding(1));
  const failing: [() => unknown, RegExp][] = [
    [content, /snapshots.maxBytes \(1000\)/],
    [() => 5, /must return/],
    [() => Promise.reject(new Error('nobody waits')), /returned a promise/],
    [() => [5], /gave number/],
    [() => assert.fail('no memory'), /snapshot threw: no memory/],
    [
      function* () {
        yield Buffer.from('a');
        throw new Error('half-way');
      },
      /half-way/,
    ],
    [
      async function* () {
        yield Buffer.from('a');
        throw new Error('later');
      },
      /later/,
    ],
    [
      async function* () {
        for (;;) yield Buffer.alloc(600);
      },
      /snapshots.maxBytes/,
    ],
  ];
  for (const [index, [made, message]] of failing.entries()) {
    content = made;
    await assert.rejects(machine.snapshot(), { code: 'ERR_FLASHSTRIKE_SNAPSHOT_FAILED', message });
    assert.equal(machine.upkeep.snapshotFailures, index + 1);
    assert.match(machine.upkeep.snapshotFailure?.message ?? '', message);
    assert.deepEqual(snapshotsIn(dir), []);
    await machine.submit(adding(1));
  }
  content = () => '{}';
  assert.equal((await machine.snapshot())?.contentBytes, 2);
  assert.equal(machine.upkeep.snapshotFailure, undefined);
});

test('options that cannot work are refused before the log is touched', async (t) => {
  const dir = join(temporaryFolder(t), 'none');
  const wrong: [object, RegExp][] = [
    [{ apply: undefined }, /function apply/],
    [{ initial: 5 }, /function initial/],
    [{ hash: 'sum' }, /function hash/],
    [{ hash: async () => 1n }, /hash must not be async/],
    [{ snapshot: async () => '' }, /snapshot must not return a promise/],
    [{ version: 0 }, /version/],
    [{ version: 2 ** 32 }, /version/],
    [{ restoresVersions: [1.5] }, /version/],
    [{ restoresVersions: 1 }, /restoresVersions/],
    [{ hashEvery: 0 }, /hashEvery/],
    [{ snapshots: { keep: 0 } }, /snapshots.keep/],
    [{ snapshots: { keep: 1001 } }, /snapshots.keep/],
    [{ snapshots: { everyEvents: -1 } }, /snapshots.everyEvents/],
    [{ snapshots: { maxBytes: 2 ** 41 } }, /snapshots.maxBytes/],
    [{ snapshots: { onClose: 1 } }, /snapshots.onClose/],
    [{ snapshots: { often: 1 } }, /no option often/],
    [{ snapshot_: 1 }, /no option snapshot_/],
    [{ wal: { ringBytes: 5 } }, /ringBytes/],
  ];
  for (const [options, message] of wrong) {
    await assert.rejects(opened(dir, options), { message }, JSON.stringify(options));
  }
  assert.throws(() => readdirSync(dir), { code: 'ENOENT' });
});

test('a log that lacks its beginning, and has no snapshot, is refused', async (t) => {
  const dir = temporaryFolder(t);
  const wal = await Wal.open(dir, TINY);
  for (let id = 1; id <= 6000; id++) wal.append(adding(id));
  await wal.durable();
  assert.ok((await wal.deleteBefore(5000)) > 1);
  await wal.close();
  await assert.rejects(opened(dir), { code: 'ERR_FLASHSTRIKE_NO_SNAPSHOT' });
});

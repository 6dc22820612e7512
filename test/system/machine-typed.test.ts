// A durable state machine with typed events: what `apply` is given, schemas in between, changes of
// a definition, forks and checks.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import {
  checkMachine,
  defineEvent,
  defineJsonEvent,
  openMachine,
  replayEvents,
  type TypedEvent,
  type TypedMachineDefinition,
  type TypedMachineOptions,
  Wal,
} from '../../src/index.js';
import { TINY } from '../support/adapters.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { code } from '../support/log-content.js';
import { flashstrike } from './cli-process.js';

const Deposit = defineEvent(
  'deposit',
  { account: 'u32', amount: 'safeI64', rate: 'f32', note: 'string' },
  { version: 1 },
);
const Attach = defineEvent(
  'attach',
  { account: 'u32', digest: { bytes: 4 }, data: 'bytes' },
  { version: 1 },
);
const Remark = defineJsonEvent<'remark', { text: string; tags?: string[] }>('remark', {
  version: 1,
});
const events = [Deposit, Attach, Remark] as const;
type BankEvent = TypedEvent<(typeof events)[number]>;

interface Bank {
  readonly balances: Map<number, number>;
  readonly seen: BankEvent[];
}

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const machine of open.splice(0)) await Promise.allSettled([machine.close()]);
});

const bank: TypedMachineDefinition<Bank, number, (typeof events)[number]> = {
  events,
  initial: () => ({ balances: new Map(), seen: [] }),
  apply: ({ balances, seen }, event) => {
    seen.push(event);
    if (event.name !== 'deposit') return 0;
    const { account, amount } = event.value;
    const balance = (balances.get(account) ?? 0) + amount;
    balances.set(account, balance);
    return balance;
  },
  snapshot: ({ balances }) => JSON.stringify([...balances]),
  restore: (content) => ({
    balances: new Map(JSON.parse(content.text()) as [number, number][]),
    seen: [],
  }),
  hash: ({ balances }) => JSON.stringify([...balances]),
};

async function opened(
  dir: string,
  options: Partial<TypedMachineOptions<Bank, number, (typeof events)[number]>> = {},
) {
  const machine = await openMachine(dir, {
    ...bank,
    wal: TINY,
    snapshots: { everyEvents: 0 },
    ...options,
  });
  open.push(machine);
  return machine;
}

const deposit = (account: number, amount: number, note = '') => ({
  account,
  amount,
  rate: 0.1,
  note,
});

test('apply is given each event as it is read again, whichever way it came', async (t) => {
  const dir = temporaryFolder(t);
  const machine = await opened(dir);
  assert.equal(await machine.submit(Deposit, deposit(7, 100, 'näher')), 100);
  const data = Buffer.from('a document');
  const attached = machine.submit(Attach, { account: 7, digest: Uint8Array.of(1, 2, 3, 4), data });
  // The caller's own again.
  data.fill(0);
  await attached;
  await machine.submit(Attach, { account: 7, digest: new Uint8Array(4), data: new Uint8Array(0) });
  await machine.submit(Remark, { text: 'a remark', tags: ['x'] });
  const { eventId, result } = machine.applyNow(Deposit, deposit(7, -30));
  assert.deepEqual([result, machine.eventId], [70, eventId]);
  await machine.wal.durable(eventId);
  const { seen } = machine.state;
  assert.deepEqual(
    seen.map(({ name }) => name),
    ['deposit', 'attach', 'attach', 'remark', 'deposit'],
  );
  const [first, second] = seen;
  assert.ok(first?.name === 'deposit' && second?.name === 'attach');
  assert.deepEqual(first.value, { ...deposit(7, 100, 'näher'), rate: Math.fround(0.1) });
  assert.equal(Buffer.from(second.value.data).toString(), 'a document');
  await machine.close();

  const again = await opened(dir);
  assert.deepEqual(again.state, machine.state);
  assert.deepEqual(again.recovery.replayedEvents, 5, 'schemas are none of its events');
  assert.equal(again.eventId, eventId);
  await again.close();
  const read = [...replayEvents(dir, events)];
  assert.deepEqual(read, seen, 'and as anybody reads it');
});

test('schemas that the log writes again come between, also behind the last event', async (t) => {
  const dir = temporaryFolder(t);
  const machine = await opened(dir);
  let submitted = 0;
  const submitSome = (): void => {
    for (let count = 0; count < 700; count++)
      machine.applyNow(Deposit, deposit(++submitted % 9, 1));
  };
  submitSome();
  // By itself, some time behind the beginning of a segment.
  await machine.wal.durable();
  await eventually('a schema stands behind the last event', () => {
    if (machine.wal.lastEventId > machine.eventId) return true;
    submitSome();
    return false;
  });
  submitSome();
  const { balances } = machine.state;
  const { eventId } = machine;
  assert.ok(eventId > submitted + 2, 'ids of schemas are between');
  const info = await machine.snapshot();
  assert.equal(info?.eventId, eventId);
  await machine.close();
  const again = await opened(dir);
  assert.deepEqual([again.eventId, again.recovery.replayedEvents], [eventId, 0]);
  assert.deepEqual(again.state.balances, balances);
  submitted = 0;
  for (let count = 0; count < 10; count++) again.applyNow(Deposit, deposit(++submitted % 9, 1));
  await again.close();
  const third = await opened(dir);
  assert.equal(third.recovery.replayedEvents, 10);
  assert.deepEqual(third.state.balances, again.state.balances);
});

test('what is no event of it is neither recorded nor applied', async (t) => {
  const machine = await opened(temporaryFolder(t));
  await machine.submit(Deposit, deposit(1, 1));
  const before = machine.wal.lastEventId;
  const Other = defineEvent('other', { a: 'u8' }, { version: 1 });
  const invalid = (message: RegExp) => code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', message);
  const loose = machine as unknown as {
    submit(event: unknown, values?: unknown): Promise<number>;
  };
  await assert.rejects(loose.submit(Other, { a: 1 }), invalid(/the event other is none of them/));
  await assert.rejects(loose.submit(Buffer.from('bytes'), 0), invalid(/bytes is none of them/));
  await assert.rejects(loose.submit(undefined), invalid(/takes a definition/));
  await assert.rejects(machine.submit(Deposit, deposit(-1, 1)), invalid(/account/));
  await assert.rejects(loose.submit(Deposit, undefined), invalid(/must be an object/));
  const large = { ...deposit(1, 1), note: 'x'.repeat(100_000) };
  await assert.rejects(machine.submit(Deposit, large), code('ERR_FLASHSTRIKE_EVENT_TOO_LARGE'));
  assert.deepEqual([machine.wal.lastEventId, machine.state.seen.length], [before, 1]);
  assert.equal(await machine.submit(Deposit, deposit(1, 1)), 2);
});

test('an event that something else has appended stops it, typed or not', async (t) => {
  for (const append of [
    (wal: Wal) => wal.append(Buffer.from('bytes')),
    (wal: Wal) => wal.appendEvent(Deposit, deposit(1, 1)),
  ]) {
    const machine = await opened(temporaryFolder(t));
    await machine.submit(Remark, { text: 'first' });
    append(machine.wal as Wal);
    const stopped = code('ERR_FLASHSTRIKE_APPLY_FAILED', /something else/);
    await assert.rejects(machine.submit(Deposit, deposit(1, 1)), stopped);
    await assert.rejects(machine.submit(Deposit, deposit(1, 1)), stopped);
  }
});

test('a definition that has changed reads the events of the one before', async (t) => {
  const dir = temporaryFolder(t);
  const machine = await opened(dir);
  await machine.submit(Deposit, deposit(3, 5, 'old'));
  await machine.close();
  const DepositV2 = defineEvent(
    'deposit',
    { account: 'safeU64', cents: 'safeI64', branch: 'u16' },
    { version: 2, renamed: { cents: ['amount'] }, defaults: { branch: 9 } },
  );
  const seen: object[] = [];
  const newer = await openMachine(dir, {
    events: [DepositV2],
    initial: () => ({ sum: 0 }),
    apply: (state, { value }) => {
      seen.push(value);
      state.sum += value.cents;
      return state.sum;
    },
    snapshot: (state) => JSON.stringify(state),
    restore: (content) => JSON.parse(content.text()) as { sum: number },
    wal: TINY,
  });
  open.push(newer);
  assert.equal(await newer.submit(DepositV2, { account: 3, cents: 6, branch: 1 }), 11);
  assert.deepEqual(seen, [
    { account: 3, cents: 5, branch: 9 },
    { account: 3, cents: 6, branch: 1 },
  ]);
});

test('an event that none of its definitions has keeps it from being opened', async (t) => {
  const dir = temporaryFolder(t);
  const machine = await opened(dir);
  await machine.submit(Deposit, deposit(1, 1));
  await machine.submit(Remark, { text: 'one' });
  await machine.close();
  const schema = code('ERR_FLASHSTRIKE_SCHEMA', /which none of the machine's events has/);
  const fewer = [Deposit] as unknown as typeof events;
  await assert.rejects(opened(dir, { events: fewer }), schema);
  await assert.rejects(checkMachine(dir, { ...bank, events: fewer }), schema);
  const again = await opened(dir);
  assert.equal(again.state.seen.length, 2, 'nothing stays locked');
  for (const [wrong, message] of [
    [5, /must be an array/],
    [[5], /defineEvent or defineJsonEvent/],
    [[Deposit, Deposit], /have the same type/],
  ] as const) {
    const given = { events: wrong as unknown as typeof events };
    await assert.rejects(opened(temporaryFolder(t), given), { message });
  }
});

test('bytes of an earlier machine are typed events, where a definition says so', async (t) => {
  const dir = temporaryFolder(t);
  const wal = await Wal.open(dir, TINY);
  const Plain = defineEvent('plain', { amount: 'u32' }, { version: 1, type: 0, recorded: false });
  for (const amount of [1, 2, 3]) wal.append(Plain.encode({ amount }));
  await wal.close();
  const machine = await openMachine(dir, {
    events: [Plain, Remark],
    initial: () => ({ sum: 0 }),
    apply: (state, event) => (state.sum += event.name === 'plain' ? event.value.amount : 100),
    snapshot: (state) => JSON.stringify(state),
    restore: (content) => JSON.parse(content.text()) as { sum: number },
    wal: TINY,
  });
  open.push(machine);
  assert.equal(machine.state.sum, 6);
  assert.equal(await machine.submit(Remark, { text: 'typed' }), 106);
  assert.equal(await machine.submit(Plain, { amount: 4 }), 110);
});

test('forks are given typed events, and nothing of them is written', async (t) => {
  const dir = temporaryFolder(t);
  const machine = await opened(dir);
  for (let count = 1; count <= 20; count++) machine.applyNow(Deposit, deposit(1, count));
  await machine.snapshot();
  const at = machine.eventId;
  for (let count = 1; count <= 20; count++) machine.applyNow(Deposit, deposit(1, 1000));
  await machine.wal.durable();
  const { lastEventId } = machine.wal;
  const fork = await machine.fork(at);
  assert.deepEqual([fork.eventId, fork.state.balances.get(1)], [at, 210]);
  assert.equal(fork.apply(Deposit, deposit(1, 5, 'what if'), 77n), 215);
  const { timestampNs, value } = fork.state.seen.at(-1) as BankEvent;
  assert.deepEqual(
    [timestampNs, value],
    [77n, { ...deposit(1, 5, 'what if'), rate: Math.fround(0.1) }],
  );
  const Other = defineEvent('other', { a: 'u8' }, { version: 1 });
  const loose = fork as unknown as { apply(event: unknown, values: unknown): number };
  assert.throws(() => loose.apply(Other, { a: 1 }), code('ERR_FLASHSTRIKE_INVALID_ARGUMENT'));
  assert.equal((await machine.fork(0)).state.balances.size, 0);
  assert.equal(machine.wal.lastEventId, lastEventId);
});

test('a check finds the first event at which two runs part', async (t) => {
  const dir = temporaryFolder(t);
  const machine = await opened(dir, { hashEvery: 10 });
  const ids: number[] = [];
  for (let count = 1; count <= 2500; count++) {
    ids.push(machine.applyNow(Deposit, deposit(count % 9, 1)).eventId);
    if (count % 100 === 0) await machine.wal.durable();
  }
  await machine.close();
  const sound = await checkMachine(dir, bank);
  assert.deepEqual([sound.ok, sound.lastEventId], [true, ids.at(-1)]);
  assert.ok(sound.recordedHashes > 100, `${sound.recordedHashes} were compared`);
  let calls = 0;
  const at = ids[1234];
  const apply: typeof bank.apply = (state, event) => {
    if (event.eventId === at) state.balances.set(0, calls++);
    return bank.apply(state, event);
  };
  const { parted } = await checkMachine(dir, { ...bank, apply });
  assert.deepEqual([parted?.kind, parted?.eventId], ['runs', at]);
});

test('the command checks it, too', async (t) => {
  const dir = temporaryFolder(t);
  const machine = await opened(dir);
  for (let count = 1; count <= 30; count++) await machine.submit(Deposit, deposit(1, count));
  await machine.close();
  const file = join(temporaryFolder(t), 'bank.mjs');
  const index = new URL('../../src/index.js', import.meta.url).href;
  writeFileSync(
    file,
    `import { defineEvent } from '${index}';
    const Deposit = defineEvent(
      'deposit',
      { account: 'u32', amount: 'safeI64', rate: 'f32', note: 'string' },
      { version: 1 },
    );
    export default {
      events: [Deposit],
      initial: () => ({ sum: 0 }),
      apply: (state, { value }) => (state.sum += value.amount),
      snapshot: (state) => JSON.stringify(state),
      restore: (content) => JSON.parse(content.text()),
    };`,
  );
  const { code: exit, stdout, stderr } = await flashstrike(['check', dir, '--machine', file]);
  assert.equal(exit, 0, stderr);
  assert.match(`${stdout}`, /applied {3}30 events/);
});

// `checkMachine` and `flashstrike check`: where two runs of the same events part.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkMachine, type MachineOptions, openMachine } from '../../src/index.js';
import { TINY } from '../support/adapters.js';
import { adding, addingMachine, type Sum } from '../support/adding-machine.js';
import { temporaryFolder } from '../support/log-builder.js';
import { flashstrike } from './cli-process.js';

const HASHES = 'state.hashes';

async function recorded(
  t: TestContext,
  events: number,
  options: Partial<MachineOptions<Sum, number>> = {},
): Promise<string> {
  const dir = temporaryFolder(t);
  await goOn(dir, events, options);
  return dir;
}

async function goOn(
  dir: string,
  events: number,
  options: Partial<MachineOptions<Sum, number>> = {},
): Promise<void> {
  const machine = await openMachine(dir, addingMachine({ wal: TINY, hashEvery: 10, ...options }));
  while (machine.eventId < events) {
    machine.applyNow(adding(machine.eventId + 1));
    if (machine.eventId % 10 === 0) await machine.wal.durable();
  }
  assert.equal(machine.upkeep.hashFailure, undefined);
  await machine.close();
}

const { snapshots: _none, ...definition } = addingMachine();

test('runs that agree, with each other and with what was recorded, are the same', async (t) => {
  const dir = await recorded(t, 95);
  await goOn(dir, 200);
  const seen: number[] = [];
  const report = await checkMachine(dir, definition, { onProgress: (n) => seen.push(n), every: 7 });
  assert.deepEqual(report, {
    ok: true,
    firstEventId: 1,
    lastEventId: 200,
    events: 200,
    recordedHashes: 20,
    parted: undefined,
  });
});

test('two runs that part are told with the first event', async (t) => {
  const dir = await recorded(t, 200);
  let calls = 0;
  const apply: typeof definition.apply = (state, event) => {
    if (event.eventId === 77) state.total += calls++;
    return definition.apply(state, event);
  };
  for (const every of [1, 10_000]) {
    const { ok, parted } = await checkMachine(dir, { ...definition, apply }, { every });
    assert.deepEqual([ok, parted], [false, { kind: 'runs', eventId: 77, afterEventId: 76 }]);
  }
  const { hash: _hash, ...unhashed } = definition;
  const { parted } = await checkMachine(dir, { ...unhashed, apply });
  assert.deepEqual(
    parted,
    { kind: 'runs', eventId: 77, afterEventId: 76 },
    'by what snapshot makes',
  );
});

test('a run that parts from the recorded one is told as closely as hashes were recorded', async (t) => {
  const apply: typeof definition.apply = (state, event) => {
    if (event.eventId >= 77) state.total++;
    return definition.apply(state, event);
  };
  for (const [hashEvery, afterEventId, eventId] of [
    [10, 70, 80],
    [1, 76, 77],
  ] as const) {
    const dir = await recorded(t, 120, { hashEvery });
    const { parted } = await checkMachine(dir, { ...definition, apply });
    assert.deepEqual(parted, { kind: 'recorded', eventId, afterEventId });
    const newer = await checkMachine(dir, { ...definition, apply, version: 2 });
    assert.deepEqual([newer.ok, newer.recordedHashes], [true, 0], 'of another version');
  }
});

test('events that are not there begin with the oldest snapshot', async (t) => {
  const dir = temporaryFolder(t);
  const snapshots = { everyEvents: 0, keep: 1, deleteEvents: true };
  const machine = await openMachine(dir, addingMachine({ wal: TINY, hashEvery: 10, snapshots }));
  for (let id = 1; id <= 6000; id++) machine.applyNow(adding(id));
  await machine.snapshot();
  for (let id = 6001; id <= 6100; id++) await machine.submit(adding(id));
  await machine.close();
  const { ok, firstEventId, lastEventId } = await checkMachine(dir, definition);
  assert.deepEqual([ok, firstEventId, lastEventId], [true, 6001, 6100]);
});

test('a damaged oldest snapshot makes the check begin with the next one', async (t) => {
  const dir = temporaryFolder(t);
  const snapshots = { everyEvents: 0, keep: 2, deleteEvents: true };
  const machine = await openMachine(dir, addingMachine({ wal: TINY, snapshots }));
  for (const last of [6000, 12_000]) {
    while (machine.eventId < last) machine.applyNow(adding(machine.eventId + 1));
    await machine.snapshot();
  }
  for (let id = 12_001; id <= 12_010; id++) await machine.submit(adding(id));
  await machine.close();
  const path = join(dir, '0000000000006000.snapshot');
  const bytes = readFileSync(path);
  bytes[4100] = (bytes[4100] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const { ok, firstEventId, lastEventId } = await checkMachine(dir, definition);
  assert.deepEqual([ok, firstEventId, lastEventId], [true, 12_001, 12_010]);
  writeFileSync(join(dir, '0000000000012000.snapshot'), '');
  await assert.rejects(checkMachine(dir, definition), { code: 'ERR_FLASHSTRIKE_NO_SNAPSHOT' });
});

test('recorded hashes that are damaged, torn or of another log count for none', async (t) => {
  const dir = await recorded(t, 100);
  const path = join(dir, HASHES);
  const bytes = readFileSync(path);
  const countWith = async (content: Uint8Array): Promise<number> => {
    writeFileSync(path, content);
    const { ok, recordedHashes } = await checkMachine(dir, definition);
    assert.ok(ok);
    return recordedHashes;
  };
  assert.equal(await countWith(bytes), 10);
  const flipped = Buffer.from(bytes);
  flipped[32 + 8] = (flipped[32 + 8] ?? 0) ^ 1;
  assert.equal(await countWith(flipped), 9);
  assert.equal(await countWith(bytes.subarray(0, bytes.length - 5)), 9);
  assert.equal(await countWith(bytes.subarray(0, 20)), 0);
  assert.equal(await countWith(Buffer.alloc(0)), 0);
  const foreign = readFileSync(join(await recorded(t, 50), HASHES));
  assert.equal(await countWith(foreign), 0);
  // The next opening begins a file of its own.
  await goOn(dir, 150);
  assert.equal((await checkMachine(dir, definition)).recordedHashes, 5);
});

test('what was recorded of events that the log has not is taken back', async (t) => {
  const dir = await recorded(t, 40);
  const copy = join(temporaryFolder(t), 'copy');
  cpSync(dir, copy, { recursive: true });
  await goOn(dir, 100);
  // The copy lacks the log's end, and has what was recorded of it; then it gets other events.
  cpSync(join(dir, HASHES), join(copy, HASHES));
  const machine = await openMachine(copy, addingMachine({ wal: TINY, hashEvery: 50 }));
  while (machine.eventId < 100) await machine.submit(adding(1));
  await machine.close();
  const { ok, recordedHashes, parted } = await checkMachine(copy, definition);
  assert.deepEqual([ok, recordedHashes, parted], [true, 6, undefined]);
});

test('a hash that throws ends the recording, and nothing else', async (t) => {
  const dir = temporaryFolder(t);
  const hash = () => {
    throw new Error('no hash');
  };
  const machine = await openMachine(dir, addingMachine({ wal: TINY, hashEvery: 2, hash }));
  for (let id = 1; id <= 5; id++) await machine.submit(adding(id));
  assert.match(machine.upkeep.hashFailure?.message ?? '', /no hash/);
  assert.equal(machine.state.count, 5);
  await machine.close();
});

const MODULE = `
export const machine = {
  initial: () => ({ total: 0 }),
  apply: (state, { eventId, payload }) => {
    state.total += Number(Buffer.from(payload).toString());
    if (eventId === Number(process.env.PARTS_AT)) state.total += Math.random();
    return state.total;
  },
  snapshot: (state) => JSON.stringify(state),
  restore: (content) => JSON.parse(content.text()),
};
`;

test('the command names the event, and ends with 1', async (t) => {
  const dir = await recorded(t, 50);
  const file = join(temporaryFolder(t), 'engine.mjs');
  writeFileSync(file, MODULE);
  const same = await flashstrike(['check', dir, '--machine', file]);
  assert.equal(same.code, 0, same.stderr);
  assert.match(`${same.stdout}`, /all states agree/);
  const parted = await flashstrike(['check', dir, '--machine', file], '', { PARTS_AT: '33' });
  assert.equal(parted.code, 1, parted.stderr);
  assert.match(`${parted.stdout}`, /PARTED {4}at event 33:/);
  const json = await flashstrike(['check', dir, '--machine', file, '--json']);
  assert.equal(JSON.parse(`${json.stdout}`).lastEventId, 50);
  const missing = await flashstrike(['check', dir, '--machine', join(dir, 'none.mjs')]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /cannot be loaded/);
  // A machine that keeps something going: the command has ended all the same.
  writeFileSync(file, `setInterval(() => {}, 1000);\n${MODULE}`);
  const held = await flashstrike(['check', dir, '--machine', file], '', { PARTS_AT: '33' });
  assert.equal(held.code, 1, held.stderr);
  assert.match(`${held.stdout}`, /PARTED {4}at event 33:/);
  writeFileSync(file, 'export const other = 1;');
  const empty = await flashstrike(['check', dir, '--machine', file]);
  assert.match(empty.stderr, /exports neither/);
});

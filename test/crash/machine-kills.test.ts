// A state machine whose process is killed: at any moment of its work, and at each call that changes
// something while a snapshot is written. Opened again it has the state of all events up to one, and
// of no fewer than were acknowledged; and it goes on.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { openMachine, verify } from '../../src/index.js';
import { TINY } from '../support/adapters.js';
import { adding, addingMachine, sumOf } from '../support/adding-machine.js';
import { Script } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';

const SUPPORT = new URL('../support/', import.meta.url).href;
const SOURCE = new URL('../../src/', import.meta.url).href;
const OPTIONS = {
  wal: TINY,
  snapshots: { everyEvents: 200, keep: 2, deleteEvents: true },
  hashEvery: 50,
} as const;

/** Adds one number after the other, and tells what is durable. */
const WORK = `
const { openMachine } = await import(INDEX);
const { adding, addingMachine } = await import('${SUPPORT}adding-machine.js');
const machine = await openMachine(directory, addingMachine(options.machine));
for (let round = 0; ; round++) {
  for (let count = 0; count < 50; count++) machine.applyNow(adding(machine.eventId + 1));
  const durable = await machine.wal.durable();
  tell('durable ' + durable);
  if (durable >= options.reach) tell('reached');
}
`;

/** Takes two snapshots on its own thread, and ends at the given call of the second. */
const STEPS = `
const { SnapshotWriter } = await import('${SOURCE}machine/snapshot-writer.js');
const { openMachineWith } = await import('${SOURCE}machine/open-machine.js');
const { FILE_PORTS } = await import('${SOURCE}judgement/reading-ports.js');
const { nodeStorage } = await import('${SOURCE}storage/node-storage.js');
const { FaultyStorage } = await import('${SUPPORT}faulty-storage.js');
const { adding, addingMachine } = await import('${SUPPORT}adding-machine.js');
const CHANGING = ['open', 'write', 'sync', 'syncDirectory', 'rename', 'unlink'];
let calls = 0;
const host = (request) => {
  const storage = new FaultyStorage(nodeStorage);
  storage.onCall = ({ kind }) => {
    if (request.eventId === 100 || !CHANGING.includes(kind)) return;
    if (++calls === options.killAt) process.kill(process.pid, 'SIGKILL');
  };
  const writer = new SnapshotWriter({ ...FILE_PORTS, storage }, request);
  return {
    write: (part) => writer.write(part),
    room: async () => {},
    finish: async () => writer.finish(),
    abandon: async () => writer.abandon(),
  };
};
const snapshots = { everyEvents: 0, keep: 1, deleteEvents: true };
const made = addingMachine({ ...options.machine, snapshots });
const machine = await openMachineWith(host, directory, made);
for (const last of [100, 200]) {
  while (machine.eventId < last) machine.applyNow(adding(machine.eventId + 1));
  await machine.snapshot();
}
await machine.close();
tell('done ' + calls);
`;

async function assertRecovered(dir: string, atLeast: number, when: string): Promise<void> {
  const report = await verify(dir);
  assert.ok(report.ok, `${when}: ${report.problems.map(({ message }) => message)}`);
  assert.deepEqual(
    report.snapshots.filter(({ problem }) => problem !== undefined),
    [],
    when,
  );
  const machine = await openMachine(dir, addingMachine(OPTIONS));
  assert.ok(machine.eventId >= atLeast, `${when}: ${machine.eventId} of ${atLeast} events`);
  assert.deepEqual(machine.state, sumOf(machine.eventId), when);
  await machine.submit(adding(machine.eventId + 1));
  await machine.close();
  const names = readdirSync(dir).filter((name) => name.endsWith('.snapshot.tmp'));
  assert.deepEqual(names, [], when);
}

/** Returns the last event that was known to be durable. */
async function killedBehind(t: TestContext, dir: string, reach: number): Promise<number> {
  const script = Script.start(t, WORK, dir, { machine: OPTIONS, reach }, { bare: true });
  await script.tells('reached');
  const { lines } = await script.kill();
  return Math.max(...lines.map((line) => Number(/^durable (\d+)/.exec(line)?.[1] ?? 0)));
}

test('a machine that is killed again and again loses nothing that was acknowledged', async (t) => {
  const dir = temporaryFolder(t);
  let atLeast = 0;
  for (let round = 1; round <= 3; round++) {
    atLeast = await killedBehind(t, dir, atLeast + 250 * round);
    await assertRecovered(dir, atLeast, `round ${round}`);
  }
});

test('a machine that is killed at any step of a snapshot comes back to its state', async (t) => {
  let steps = 0;
  for (let killAt = 1; ; killAt++) {
    const dir = temporaryFolder(t);
    const given = { killAt, machine: { wal: OPTIONS.wal, hashEvery: 50 } };
    const script = Script.start(t, STEPS, dir, given, { bare: true });
    const { signal, code, lines, stderr } = await script.ended;
    if (signal !== 'SIGKILL') {
      assert.equal(code, 0, stderr);
      steps = Number(/^done (\d+)/.exec(lines.at(-1) ?? '')?.[1]);
      assert.equal(steps, killAt - 1, 'each of them has killed it once');
      break;
    }
    // What a kill leaves in the ring is not lost either.
    await assertRecovered(dir, 100, `killed at step ${killAt}`);
  }
  assert.ok(steps >= 7, `${steps} steps`);
});

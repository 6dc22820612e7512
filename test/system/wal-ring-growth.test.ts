// What a log takes of shared memory: little while it holds little, up to `ringBytes` where it fills
// its ring; and what it does where there is none left to grow into.
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Wal } from '../../src/index.js';
import { attachTelemetry } from '../../src/telemetry.js';
import { KIB, MIB } from '../../src/units.js';
import { cannotMap, regionFolder } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';
import { code, contentOf } from '../support/log-content.js';
import { cannotMount, SmallDisk } from '../support/small-disk.js';
import { cannotTrace, Strace } from '../support/strace.js';

/** What the files of a folder take of memory. */
function memoryOf(folder: string): number {
  const names = readdirSync(folder).filter((name) => name.startsWith('flashstrike-'));
  return names.reduce((sum, name) => sum + statSync(join(folder, name)).blocks * 512, 0);
}

const payloadOf = (id: number, bytes: number): Buffer => Buffer.alloc(bytes, id % 251);

/** The events 1 … `last` and no other, each with its own byte. */
function assertEvents(directory: string, last: number, bytesOf: (id: number) => number): void {
  const events = contentOf(directory);
  assert.equal(events.length, last);
  events.forEach(({ eventId, payload }, index) => {
    assert.equal(eventId, index + 1);
    assert.equal(Buffer.compare(payload, payloadOf(eventId, bytesOf(eventId))), 0, `${eventId}`);
  });
}

test('a small log takes less than 1.2 MB of shared memory, 128 KB of it beside the ring', {
  skip: cannotMap,
}, async (t) => {
  const sharedMemoryDirectory = regionFolder(t);
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, { sharedMemory: 'required', sharedMemoryDirectory });
  for (let id = 1; id <= 1_000; id++) wal.append(payloadOf(id, 100));
  await wal.durable();
  assert.ok(memoryOf(sharedMemoryDirectory) <= 1_200_000);
  const telemetry = attachTelemetry(directory);
  assert.equal(telemetry.ringBytes, 16 * MIB);
  assert.equal(telemetry.ringCapacityBytes, 256 * KIB);
  assert.ok(memoryOf(sharedMemoryDirectory) - telemetry.ringCapacityBytes <= 128_000);
  telemetry.close();
  await wal.close();
  assert.deepEqual(readdirSync(sharedMemoryDirectory), []);
  assertEvents(directory, 1_000, () => 100);
});

for (const sharedMemory of ['required', 'off'] as const) {
  test(`a ring grows to ringBytes and no further, sharedMemory ${sharedMemory}`, {
    skip: sharedMemory === 'required' && cannotMap,
  }, async (t) => {
    const sharedMemoryDirectory = regionFolder(t);
    const directory = temporaryFolder(t);
    const ringBytes = 4 * MIB;
    const options = { sharedMemory, sharedMemoryDirectory, ringBytes };
    const wal = await Wal.open(directory, options);
    // An event that is longer than all of the ring, then many that go round and round.
    const bytesOf = (id: number): number => (id === 50 ? 1_000_000 : 20_000 + (id % 977));
    for (let id = 1; id <= 1_000; id++) wal.append(payloadOf(id, bytesOf(id)));
    const { ringGrowths, ringGrowthsRefused } = wal.telemetry.manager;
    assert.ok(ringGrowths >= 1 && ringGrowths <= 4, `${ringGrowths} growths`);
    assert.equal(ringGrowthsRefused, 0);
    if (sharedMemory === 'required') {
      const inUse = memoryOf(sharedMemoryDirectory);
      assert.ok(inUse >= ringBytes && inUse <= ringBytes + 128_000, `${inUse} bytes`);
    }
    await wal.close();
    assertEvents(directory, 1_000, bytesOf);
  });
}

test('no memory left to grow into: waits as for a full ring, loses nothing, grows later', {
  skip: cannotMap || cannotMount,
}, async (t) => {
  const disk = new SmallDisk(t, 8 * MIB);
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, {
    sharedMemory: 'required',
    sharedMemoryDirectory: disk.folder,
    stallTimeoutMs: 300,
  });
  const before = memoryOf(disk.folder);
  disk.fill(64 * KIB);
  // Six times what the ring takes: it goes round as it is.
  for (let id = 1; id <= 300; id++) wal.append(payloadOf(id, 5_000));
  const large = payloadOf(301, 300_000);
  assert.throws(() => wal.append(large), code('ERR_FLASHSTRIKE_STALLED'));
  assert.throws(() => wal.appendBatch([large, large]), code('ERR_FLASHSTRIKE_STALLED'));
  assert.equal(wal.tryAppend(large), undefined);
  const { manager } = wal.telemetry;
  assert.ok(manager.ringGrowthsRefused >= 2, `${manager.ringGrowthsRefused} refusals`);
  assert.equal(manager.ringGrowths, 0);
  assert.equal(memoryOf(disk.folder), before, 'what was refused takes nothing');
  assert.equal(wal.state, 'open');
  disk.free();
  assert.equal(wal.append(large), 301);
  disk.fill();
  for (let id = 302; id <= 400; id++) wal.append(payloadOf(id, 300_000));
  assert.ok(manager.ringGrowths >= 1);
  await wal.close();
  assertEvents(directory, 400, (id) => (id <= 300 ? 5_000 : 300_000));
});

const GROWING = `
const wal = await Wal.open(directory, options);
tell('ready');
await told();
for (let id = 1; id <= 3_000; id++) {
  wal.append(Buffer.alloc(20_000, id % 251));
  if (id % 10 === 0) tell('appended ' + id);
}
tell('end');
await wal.close();
`;

/** Each growth takes one call of this thread, for which strace has the process killed. */
for (const nth of [1, 2, 3]) {
  test(`kill -9 in the middle of growth ${nth}: every event that append returned is back`, {
    skip: cannotMap || cannotTrace,
  }, async (t) => {
    const sharedMemoryDirectory = regionFolder(t);
    const directory = temporaryFolder(t);
    const options = { sharedMemory: 'required', sharedMemoryDirectory } as const;
    const script = Script.start(t, GROWING, directory, options);
    await script.tells('ready');
    const kill = `inject=fallocate:signal=SIGKILL:when=${nth}`;
    const args = ['-e', 'trace=fallocate', '-e', kill];
    await Strace.attach(t, script.child.pid ?? 0, { mainThreadOnly: true, args });
    script.tell();
    const { lines, signal } = await script.ended;
    if (lines.includes('end')) return t.skip('the writer made all the memory ready before');
    assert.equal(signal, 'SIGKILL');
    const told = Number(lines.at(-1)?.split(' ')[1] ?? 0);
    const wal = await Wal.open(directory, options);
    const { lastEventId, recovery } = wal;
    assert.ok(lastEventId >= told, `${lastEventId} events of ${told} at least`);
    assert.equal(recovery.droppedEvents, 0);
    t.diagnostic(`${lastEventId} events, ${recovery.eventsFromRing} from the ring`);
    await wal.close();
    assertEvents(directory, lastEventId, () => 20_000);
    assert.deepEqual(readdirSync(sharedMemoryDirectory), []);
  });
}

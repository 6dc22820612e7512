// What an open log takes from the machine, and that close gives all of it back.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Wal } from '../../src/index.js';
import { assertNoRegion, cannotMap, mappedOptions, onBothAdapters } from '../support/adapters.js';
import { runSound } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import {
  appendEvents,
  assertHoldsEvents,
  assertSound,
  preparedFiles,
  segmentFiles,
} from '../support/log-content.js';
import {
  cannotCount,
  descriptors,
  descriptorsBelow,
  mappingsBelow,
  threadCount,
} from '../support/process-resources.js';

/** The first open loads libraries and starts threads of Node's own, which stay. */
async function warmUp(context: Parameters<typeof temporaryFolder>[0]): Promise<void> {
  await using wal = await Wal.open(temporaryFolder(context), { sharedMemory: 'off' });
  appendEvents(wal, 1);
}

onBothAdapters(
  'close leaves no thread, no descriptor, no mapping and no region behind',
  async (t, v) => {
    await warmUp(t);
    const before = { descriptors: descriptors(), threads: threadCount() };
    const directory = temporaryFolder(t);
    const wal = await Wal.open(directory, v.options);
    appendEvents(wal, 3000);
    await wal.durable();
    assert.ok(threadCount() > before.threads, 'an open log has threads');
    assert.ok(descriptorsBelow(directory).length > 0, 'an open log has descriptors');
    await wal.close();
    assert.deepEqual(descriptors(), before.descriptors);
    await eventually('the threads are gone', () => threadCount() === before.threads);
    assert.deepEqual(mappingsBelow(v.options.sharedMemoryDirectory), []);
    assert.deepEqual(preparedFiles(directory), []);
    assertNoRegion(v.options);
  },
  cannotCount,
);

onBothAdapters(
  'a refused open leaves nothing behind either',
  async (t, v) => {
    await warmUp(t);
    const directory = temporaryFolder(t);
    await using holder = await Wal.open(directory, v.options);
    // The files that the holder itself opens meanwhile are not counted.
    const others = (): string[] =>
      descriptors().filter((target) => !target.startsWith(`${directory}/0`));
    await eventually('a spare segment is prepared', () => preparedFiles(directory).length === 1);
    const before = { descriptors: others(), threads: threadCount() };
    const regions = readdirSync(v.options.sharedMemoryDirectory);
    for (let attempt = 0; attempt < 5; attempt++) {
      await assert.rejects(Wal.open(directory, v.options), { code: 'ERR_FLASHSTRIKE_LOCKED' });
    }
    assert.deepEqual(others(), before.descriptors);
    await eventually('the threads are gone', () => threadCount() === before.threads);
    assert.deepEqual(readdirSync(v.options.sharedMemoryDirectory), regions);
    appendEvents(holder, 10);
    await holder.durable();
  },
  cannotCount,
);

test('200 rounds of open, append, close litter neither folder nor process', {
  skip: cannotCount || cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = mappedOptions(t);
  const round = async (sharedMemory: 'required' | 'off'): Promise<void> => {
    await using wal = await Wal.open(directory, { ...options, sharedMemory });
    appendEvents(wal, 1);
  };
  await round('required');
  await round('off');
  const before = { descriptors: descriptors(), threads: threadCount() };
  for (let count = 2; count < 200; count++) await round(count % 2 === 0 ? 'required' : 'off');
  assert.deepEqual(descriptors(), before.descriptors);
  await eventually('the threads are gone', () => threadCount() === before.threads);
  const segments = segmentFiles(directory);
  // What 200 blocks and their watermarks take, not one a round.
  assert.ok(segments.length <= 4, segments.join());
  assert.deepEqual(readdirSync(directory).sort(), [...segments, 'LOCK', 'wal.meta']);
  assertNoRegion(options);
  assertHoldsEvents(directory, 200);
  await assertSound(directory);
});

test('rounds that fill segments leave no more of them than the events need', async (t) => {
  const directory = temporaryFolder(t);
  const options = { ...mappedOptions(t), sharedMemory: 'off' as const };
  for (let round = 0; round < 10; round++) {
    await using wal = await Wal.open(directory, options);
    // A third of a segment's room.
    for (let count = 0; count < 10; count++) wal.append(new Uint8Array(900));
  }
  assert.ok(segmentFiles(directory).length <= 5, segmentFiles(directory).join());
  assert.deepEqual(preparedFiles(directory), []);
  await assertSound(directory);
});

const IDLE_MS = 3000;

onBothAdapters('an idle log takes next to no processor time', async (t, v) => {
  const script = `
    const wal = await Wal.open(directory, options);
    wal.append(Buffer.from('the last for now'));
    await wal.durable();
    // A second after the last event the writer looks at the ring more rarely.
    await new Promise((resolve) => setTimeout(resolve, 1200));
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, ${IDLE_MS}));
    const { user, system } = process.cpuUsage(before);
    tell('used ' + (user + system) / 1000);
    await wal.close();
  `;
  const lines = await runSound(script, temporaryFolder(t), v.options);
  const usedMs = Number(lines[0]?.split(' ')[1]);
  t.diagnostic(`${usedMs} ms of processor time in ${IDLE_MS} ms`);
  // A generous bound: a thread that spins takes twenty times as much.
  assert.ok(usedMs < IDLE_MS * 0.05, `${usedMs} ms`);
});

// What an open log takes from the machine, and that close gives all of it back.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Wal } from '../../src/index.js';
import { KIB, MIB } from '../../src/units.js';
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
  beyond,
  cannotCount,
  descriptors,
  descriptorsBelow,
  mappingsBelow,
  threads,
} from '../support/process-resources.js';

/** A log alone has so many; they end a while after the last log is closed. */
const THREADS = 3;

/** The first open loads libraries and starts threads of Node's own, which stay. */
async function warmUp(context: Parameters<typeof temporaryFolder>[0]): Promise<void> {
  let open = 0;
  {
    await using wal = await Wal.open(temporaryFolder(context), { sharedMemory: 'off' });
    appendEvents(wal, 1);
    open = threads().length;
  }
  await eventually('the threads are gone', () => threads().length <= open - THREADS);
}

/** What V8 counts as memory that this thread has outside of its heap: it collects by that. */
const outsideBytes = (): number => process.memoryUsage().external;

interface Taken {
  readonly descriptors: readonly string[];
  readonly threads: readonly string[];
}

const taken = (): Taken => ({ descriptors: descriptors(), threads: threads() });

/**
 * Nothing is left beyond what there was before. The kernel shows a thread for a moment longer than
 * anybody waits for it, before as well as now.
 */
async function assertGivenBack(before: Taken): Promise<void> {
  await eventually('the threads are gone', () => beyond(before.threads, threads()).length === 0);
  await eventually(
    'the descriptors are closed',
    () => beyond(before.descriptors, descriptors()).length === 0,
  );
}

onBothAdapters(
  'close leaves no thread, no descriptor, no mapping and no region behind',
  async (t, v) => {
    await warmUp(t);
    const before = taken();
    const directory = temporaryFolder(t);
    const wal = await Wal.open(directory, v.options);
    appendEvents(wal, 3000);
    await wal.durable();
    assert.ok(beyond(before.threads, threads()).length > 0, 'an open log has threads');
    assert.ok(descriptorsBelow(directory).length > 0, 'an open log has descriptors');
    await wal.close();
    await assertGivenBack(before);
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
    await eventually('a spare segment is prepared', () => preparedFiles(directory).length === 1);
    const before = taken();
    const regions = readdirSync(v.options.sharedMemoryDirectory);
    for (let attempt = 0; attempt < 5; attempt++) {
      await assert.rejects(Wal.open(directory, v.options), { code: 'ERR_FLASHSTRIKE_LOCKED' });
    }
    // The holder, too, may have a file open at the moment that is looked at.
    await assertGivenBack(before);
    assert.deepEqual(readdirSync(v.options.sharedMemoryDirectory), regions);
    appendEvents(holder, 10);
    await holder.durable();
  },
  cannotCount,
);

test('an open log counts for little until its ring grows', { skip: cannotMap }, async (t) => {
  await warmUp(t);
  const before = outsideBytes();
  const options = { ...mappedOptions(t), ringBytes: 16 * MIB };
  await using wal = await Wal.open(temporaryFolder(t), options);
  appendEvents(wal, 10);
  assert.ok(outsideBytes() - before < 2 * MIB, `${outsideBytes() - before} bytes`);
});

test('100 rounds of open, append, close litter neither folder nor process', {
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
  const before = taken();
  for (let count = 2; count < 100; count++) await round(count % 2 === 0 ? 'required' : 'off');
  await assertGivenBack(before);
  const segments = segmentFiles(directory);
  // What 100 blocks and their watermarks take, not one a round.
  assert.ok(segments.length <= 4, segments.join());
  assert.deepEqual(readdirSync(directory).sort(), [...segments, 'LOCK', 'wal.meta']);
  assertNoRegion(options);
  assertHoldsEvents(directory, 100);
  await assertSound(directory);
});

const require = createRequire(import.meta.url);
/** Later versions of koffi keep memory for each thread that ever loaded them: docs/UPSTREAM.md. */
const otherKoffi: string | false =
  require('koffi').version === require('flashstrike/package.json').dependencies.koffi
    ? false
    : 'node_modules holds another version of koffi than package.json names: run npm ci';

/** Four times as many are made. The heaps of threads that live on grow at first. */
const GROWTH_ROUNDS = { main: 40, worker: 4 };

for (const where of ['main', 'worker'] as const) {
  onBothAdapters(
    `rounds of open, append, read, close (${where} thread) keep no map, address space, thread`,
    async (t, v) => {
      const child = new URL('./rounds-child.js', import.meta.url);
      // So large that each region which stayed would show.
      const options = { ...v.options, ringBytes: 16 * MIB };
      const args = [
        where,
        temporaryFolder(t),
        JSON.stringify(options),
        String(GROWTH_ROUNDS[where]),
      ];
      const run = promisify(execFile);
      const { stdout, stderr } = await run(process.execPath, [fileURLToPath(child), ...args]);
      assert.equal(stderr, '');
      const [maps = 0, kib = 0, descriptors = 0, threads = 0]: number[] = JSON.parse(stdout);
      t.diagnostic(stdout);
      assert.ok(maps < 1, `${maps} maps a round`);
      // The heap's own growth is less; a portable ring goes when the collector comes by.
      if (v.adapter === 'mapped') assert.ok(kib < 3 * KIB, `${kib} KiB of address space a round`);
      assert.ok(descriptors <= 0 && threads < 1, `${descriptors} descriptors, ${threads} threads`);
      assertNoRegion(v.options);
    },
    cannotCount || otherKoffi,
  );
}

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
    const look = () => {
      const { userCPUTime, systemCPUTime, voluntaryContextSwitches } = process.resourceUsage();
      const usedMs = (userCPUTime + systemCPUTime) / 1000;
      return [performance.now(), usedMs, voluntaryContextSwitches];
    };
    const before = look();
    await new Promise((resolve) => setTimeout(resolve, ${IDLE_MS}));
    tell(JSON.stringify(look().map((each, at) => each - before[at])));
    await wal.close();
  `;
  const [line = ''] = await runSound(script, temporaryFolder(t), v.options);
  const [ms = 0, usedMs = 0, sleeps = 0]: number[] = JSON.parse(line);
  t.diagnostic(`${usedMs} ms of processor time and ${sleeps} sleeps in ${ms} ms`);
  // How often the threads wake is the same on any machine: the writer each 20 ms, the others each
  // second. With what a turn costs, machines differ; a thread that spins takes all of the time.
  assert.ok(sleeps < ms / 5, `${sleeps} sleeps in ${ms} ms`);
  assert.ok(usedMs < ms / 4, `${usedMs} ms in ${ms} ms`);
});

// Logs that are opened and closed over and over, in a process that must not hold more and more by
// that: every event is there once, the logs are sound, and no folder has more files than it needs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { KIB } from '../../src/units.js';
import { assertHoldsEvents, assertSound } from '../support/log-content.js';
import { type Held, logFolder, type RoundsPlan } from './rounds-plan.js';

const CHILD = fileURLToPath(new URL('./rounds-child.js', import.meta.url));

/**
 * What the process may have more than at its first look, however many rounds lie between: heaps
 * grow for a while, and V8 takes and returns their pages in steps. What stays of each round, or of
 * each log, is more than that.
 */
const MORE: Readonly<Partial<Record<keyof Held, number>>> = {
  rssKib: 48 * KIB,
  maps: 400,
  descriptors: 8,
  threads: 8,
};
/** LOCK, wal.meta, and the segment that rounds go on in; few more once it is full. */
const FILES_MAX = 6;

/** Runs the rounds and checks all of it; returns what the process held, from look to look. */
export async function openRounds(plan: RoundsPlan): Promise<readonly Held[]> {
  const args = ['--expose-gc', CHILD, JSON.stringify(plan)];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
  assert.equal(stderr, '');
  const looks = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Held);
  assertHoldsNoMore(looks, plan);
  for (let log = 0; log < plan.logs; log++)
    await assertWhole(join(plan.folder, logFolder(log)), plan);
  return looks;
}

function assertHoldsNoMore(looks: readonly Held[], plan: RoundsPlan): void {
  const [first, ...later] = looks;
  const last = looks.at(-1);
  assert.ok(first !== undefined && last !== undefined && later.length > 1, 'it has looked around');
  assert.equal(last.done, plan.rounds * plan.logs, 'all rounds were done');
  for (const held of later) {
    for (const [name, more] of Object.entries(MORE) as [keyof Held, number][]) {
      const limit = first[name] + more;
      assert.ok(held[name] <= limit, `${name}: ${JSON.stringify(first)}, ${JSON.stringify(held)}`);
    }
    assert.equal(held.regions, 0, 'no region is left by a log that is closed');
    assert.ok(held.files <= plan.logs * FILES_MAX, `${held.files} files`);
  }
  // Behind the last log its threads end, and with them goes what they had.
  assert.ok(last.threads < first.threads, 'the threads have ended');
  assert.ok(last.descriptors < first.descriptors, 'with their descriptors');
}

async function assertWhole(directory: string, { rounds, events }: RoundsPlan): Promise<void> {
  assertHoldsEvents(directory, rounds * events);
  await assertSound(directory);
  const files = readdirSync(directory).sort();
  const segments = files.filter((name) => /^\d{10}\.wal$/.test(name));
  assert.deepEqual(files, [...segments, 'LOCK', 'wal.meta'], 'nothing else is in the folder');
}

// `npm run soak -- logs`: processes with two hundred logs each, killed now and then. A round is one
// such process.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../../src/cli/demo/random.js';
import { MIB } from '../../src/units.js';
import { TINY } from '../support/adapters.js';
import { cannotMount, SmallDisk } from '../support/small-disk.js';
import { randomLogs } from './random-logs.js';

const LOGS = 200;
const STEPS = 25;
/** A full disk for a while takes longer than that at most. */
const STALL_TIMEOUT_MS = 60_000;

async function soakOnce(seed: number): Promise<void> {
  const random = new Random(seed);
  // Half of them on a disk, where syncs take their time, the others in memory, where more happens.
  const parent = random.below(2) === 0 ? tmpdir() : '/dev/shm';
  const base = mkdtempSync(join(parent, 'flashstrike-logs-'));
  const regions = mkdtempSync('/dev/shm/flashstrike-logs-regions-');
  const hooks: (() => void)[] = [];
  const context = { after: (hook: () => void) => void hooks.push(hook) };
  try {
    const folder = join(base, 'logs');
    mkdirSync(folder);
    const smallDisk = cannotMount === false ? new SmallDisk(context, 64 * MIB).folder : undefined;
    const options = {
      ...TINY,
      stallTimeoutMs: STALL_TIMEOUT_MS,
      sharedMemory: 'required',
      sharedMemoryDirectory: regions,
    } as const;
    const plan = { folder, smallDisk, logs: LOGS, seed, steps: STEPS, options };
    console.log(JSON.stringify({ seed, parent, ...(await randomLogs(plan, random.below(4))) }));
  } finally {
    for (const hook of hooks) hook();
    rmSync(base, { recursive: true, force: true });
    rmSync(regions, { recursive: true, force: true });
  }
}

export async function soakRandomLogs(rounds: number, seed: number): Promise<void> {
  if (cannotMount !== false) console.log(`no disk is full: ${cannotMount}`);
  for (let round = 0; round < rounds; round++) await soakOnce(seed + round);
}

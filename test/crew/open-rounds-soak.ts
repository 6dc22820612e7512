// `npm run soak -- rounds`: so many rounds of open, append, close on one log, and then as many over
// a thousand logs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRounds } from './open-rounds.js';
import type { RoundsPlan } from './rounds-plan.js';

const LOGS = 1000;
const LOOKS = 20;

type Shape = Pick<RoundsPlan, 'logs' | 'rounds' | 'events'>;

async function soak(shape: Shape): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-rounds-'));
  const regions = mkdtempSync('/dev/shm/flashstrike-rounds-');
  try {
    const options = { sharedMemory: 'required', sharedMemoryDirectory: regions } as const;
    console.log(JSON.stringify(shape));
    for (const held of await openRounds({ ...shape, folder, looks: LOOKS, options })) {
      console.log(JSON.stringify(held));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(regions, { recursive: true, force: true });
  }
}

export async function soakOpenRounds(rounds: number): Promise<void> {
  await soak({ logs: 1, rounds, events: 1 });
  await soak({ logs: LOGS, rounds: Math.max(2, Math.ceil(rounds / LOGS)), events: 20 });
}

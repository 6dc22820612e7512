// Rounds of `kill -9`: every event that `append` had returned must be back.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { crashRounds, type RoundsPlan, type RoundsResult } from './crash-rounds.js';

export async function killRounds(plan: RoundsPlan): Promise<RoundsResult> {
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-kill-'));
  const isPortable = plan.options.sharedMemory === 'off';
  try {
    return await crashRounds(
      {
        folder,
        pass: (_, ms) => delay(ms),
        crash: async (child) => {
          await child.kill();
          const [appended = 0, written = 0, durable = 0] = child.told;
          // All that `append` returned for, or, on the portable ring, what was written.
          return Math.max(isPortable ? written : appended, durable);
        },
      },
      plan,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// The soak of power cuts: ext4 and XFS by turns.
import { soakCrashes } from '../crash/crash-soak.js';
import type { DiskType } from '../support/loop-disk.js';
import { powerCutRounds } from './power-cut-rounds.js';

const TYPES: readonly DiskType[] = ['ext4', 'xfs'];

export async function soakPowerCuts(rounds: number, seed: number): Promise<void> {
  let series = 0;
  await soakCrashes(rounds, seed, async (plan) => {
    const hooks: (() => void)[] = [];
    try {
      const type = TYPES[series++ % TYPES.length] ?? 'ext4';
      return await powerCutRounds({ after: (hook) => hooks.unshift(hook) }, type, plan);
    } finally {
      for (const hook of hooks) hook();
    }
  });
}

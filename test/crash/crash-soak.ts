// A soak of crash rounds: series with options of their own, drawn from the seed, until there were
// enough rounds. A failing series prints its plan, which repeats it.
import type { WalOptions } from '../../src/index.js';
import type { RoundsPlan, RoundsResult } from './crash-rounds.js';
import { killRounds } from './kill-rounds.js';
import { pick, randomOf } from './random.js';

const SERIES_ROUNDS = 25;
const ROUNDS_PER_LOG = 8;

function randomOptions(random: () => number): WalOptions {
  return {
    segmentBytes: pick(random, [64, 128, 1024]) * 1024,
    ringBytes: pick(random, [64, 256, 4096]) * 1024,
    preparedSegments: pick(random, [1, 2, 4]),
    sync: {
      mode: pick(random, ['interval', 'every-block', 'manual'] as const),
      intervalMs: pick(random, [1, 10, 100]),
    },
    timestamps: pick(random, ['precise', 'coarse'] as const),
    sharedMemory: pick(random, ['required', 'required', 'required', 'off'] as const),
    preallocate: pick(random, ['zero', 'recycle', 'allocate'] as const),
    compression: pick(random, ['none', 'lz4'] as const),
    hotSegments: pick(random, [0, 1, 3]),
  };
}

/** @param series runs the rounds of one plan */
export async function soakCrashes(
  rounds: number,
  seed: number,
  series: (plan: RoundsPlan) => Promise<RoundsResult>,
): Promise<void> {
  const random = randomOf(seed);
  const total: Record<string, number> = { rounds: 0 };
  for (let done = 0; done < rounds; done = total['rounds'] ?? 0) {
    const plan: RoundsPlan = {
      rounds: Math.min(SERIES_ROUNDS, rounds - done),
      seed: Math.floor(random() * 2 ** 31),
      roundsPerLog: ROUNDS_PER_LOG,
      options: randomOptions(random),
    };
    try {
      const result = await series(plan);
      for (const [name, value] of Object.entries(result)) total[name] = (total[name] ?? 0) + value;
      console.log(JSON.stringify({ ...result, done: total['rounds'], options: plan.options }));
    } catch (error) {
      console.error(`failed: ${JSON.stringify(plan)}`);
      throw error;
    }
  }
  console.log(JSON.stringify(total));
}

export const soakKills = (rounds: number, seed: number): Promise<void> =>
  soakCrashes(rounds, seed, killRounds);

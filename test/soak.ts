// `npm run soak [-- --rounds N] [-- --seed N]`: many rounds of kill -9, with sizes and modes drawn
// from the seed. Prints each series as it ends; ends with 1 at the first event that is missing.
import { parseArgs } from 'node:util';
import type { WalOptions } from '../src/index.js';
import { killRounds, randomOf } from './crash/kill-rounds.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const rounds = Number(values.rounds);
const seed = Number(values.seed);
const SERIES_ROUNDS = 25;

function optionsOf(random: () => number): WalOptions {
  const pick = <Value>(choices: readonly Value[]): Value =>
    choices[Math.floor(random() * choices.length)] as Value;
  return {
    segmentBytes: pick([64, 128, 1024]) * 1024,
    ringBytes: pick([64, 256, 4096]) * 1024,
    preparedSegments: pick([1, 2, 4]),
    sync: { mode: pick(['interval', 'every-block', 'manual']), intervalMs: pick([1, 10, 100]) },
    timestamps: pick(['precise', 'coarse']),
    sharedMemory: pick(['required', 'required', 'required', 'off']),
  };
}

console.log(`soak: ${rounds} rounds of kill -9, seed ${seed}`);
const random = randomOf(seed);
const total = { rounds: 0, withRingEvents: 0, eventsFromRing: 0, eventsChecked: 0, tornTails: 0 };
while (total.rounds < rounds) {
  const options = optionsOf(random);
  const plan = {
    rounds: Math.min(SERIES_ROUNDS, rounds - total.rounds),
    seed: Math.floor(random() * 2 ** 31),
    roundsPerLog: 8,
    options,
  };
  try {
    const result = await killRounds(plan);
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += result[name];
    console.log(JSON.stringify({ done: total.rounds, options, ...result }));
  } catch (error) {
    console.error(`failed: ${JSON.stringify(plan)}`);
    throw error;
  }
}
console.log(JSON.stringify(total));

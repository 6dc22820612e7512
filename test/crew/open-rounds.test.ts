import { type TestContext, test } from 'node:test';
import { cannotMap, mappedOptions, onBothAdapters, type Variant } from '../support/adapters.js';
import { temporaryFolder } from '../support/log-builder.js';
import { cannotCount } from '../support/process-resources.js';
import { openRounds } from './open-rounds.js';
import type { RoundsPlan } from './rounds-plan.js';

async function hold(
  t: TestContext,
  options: Variant['options'],
  shape: Pick<RoundsPlan, 'logs' | 'rounds' | 'events'>,
): Promise<void> {
  const looks = await openRounds({ ...shape, folder: temporaryFolder(t), looks: 5, options });
  for (const held of looks) t.diagnostic(JSON.stringify(held));
}

onBothAdapters(
  'rounds of open, append, close of one log: nothing grows, and each event is there once',
  (t, { options }) => hold(t, options, { logs: 1, rounds: 100, events: 3 }),
  cannotCount,
);

test(
  'many logs, opened and closed one after the other, twice: nothing grows with their number',
  {
    skip: cannotCount || cannotMap,
  },
  (t) => hold(t, mappedOptions(t), { logs: 50, rounds: 2, events: 20 }),
);

// Many histories, each from its own seed. The first that fails ends the campaign, with its seed and
// the command that repeats it.

import { History, type HistoryResult } from './history.js';
import { FAMILIES, type Family, familyOf } from './profile.js';

export type CampaignTotals = { -readonly [Name in keyof HistoryResult]: number } & {
  histories: number;
};

/** @param onHistory called behind each, with the totals so far */
export async function simulate(
  seeds: Iterable<number>,
  onHistory: (totals: CampaignTotals) => void = () => {},
): Promise<CampaignTotals> {
  let totals: CampaignTotals | undefined;
  for (const seed of seeds) {
    const result = await simulateOne(seed);
    totals = totals === undefined ? { ...result, histories: 1 } : sum(totals, result);
    onHistory(totals);
  }
  if (totals === undefined) throw new RangeError('no seed');
  return totals;
}

async function simulateOne(seed: number): Promise<HistoryResult> {
  try {
    return await new History(seed).run();
  } catch (cause) {
    const message =
      `The history of seed ${seed} (${familyOf(seed)}) fails: ${cause}\n` +
      `Repeat it with: npm run soak -- simulation --rounds 1 --seed ${seed}`;
    throw new Error(message, { cause });
  }
}

function sum(totals: CampaignTotals, result: HistoryResult): CampaignTotals {
  const next = { ...totals, histories: totals.histories + 1 };
  for (const name of Object.keys(result) as (keyof HistoryResult)[]) next[name] += result[name];
  return next;
}

/** `count` seeds from `first` on, every `step`-th. */
export function* seedsFrom(first: number, count: number, step = 1): Generator<number> {
  for (let index = 0; index < count; index++) yield first + index * step;
}

/** Of each family in the tests, which are to stay short: `npm run soak -- simulation` runs more. */
export const HISTORIES = 3000;

/** The first seeds of one family. */
export function simulateFamily(family: Family, histories = HISTORIES): Promise<CampaignTotals> {
  return simulate(seedsFrom(FAMILIES.indexOf(family), histories, FAMILIES.length));
}

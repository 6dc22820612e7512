// Damaged and forged logs for as long as one likes.
import { type FuzzTotals, fuzz } from './campaign.js';

const TOLD_EVERY = 1000;

const inWords = ({ sayings, ...counts }: FuzzTotals): string =>
  JSON.stringify({
    ...counts,
    sayings: sayings.size,
    rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20),
  });

export async function soakFuzz(cases: number, firstSeed: number): Promise<void> {
  const totals = await fuzz(firstSeed, cases, (soFar) => {
    if (soFar.cases % TOLD_EVERY === 0) console.log(inWords(soFar));
  });
  if (cases === 1) for (const saying of totals.sayings) console.log(saying);
  console.log(inWords(totals));
}

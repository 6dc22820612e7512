// Simulated histories for as long as one likes; a single one is told step by step.
import { seedsFrom, simulate } from './campaign.js';
import { History } from './history.js';

const TOLD_EVERY = 1000;

export async function soakSimulation(histories: number, firstSeed: number): Promise<void> {
  if (histories === 1) {
    const result = await new History(firstSeed, (line) => console.log(line)).run();
    console.log(JSON.stringify(result));
    return;
  }
  const totals = await simulate(seedsFrom(firstSeed, histories), (soFar) => {
    if (soFar.histories % TOLD_EVERY === 0) console.log(JSON.stringify(soFar));
  });
  console.log(JSON.stringify(totals));
}

// `npm run soak -- telemetry --rounds N`: N snapshots of each of four recordings between each of
// three pairs of sides, in pieces whose sums are exact. 84,000 rounds are a million snapshots in
// all.
import assert from 'node:assert/strict';
import { RECORDINGS } from './recording.js';
import { report, SIDES, type Snapshots, takeSnapshots } from './snapshot-sides.js';

const PIECE = 50_000;

function sum(all: Snapshots, next: Snapshots): Snapshots {
  const taken = all.taken + next.taken;
  return {
    taken,
    distinct: all.distinct + next.distinct,
    calls: all.calls + next.calls,
    violations: all.violations + next.violations,
    firstViolation: all.firstViolation ?? next.firstViolation,
    marked: all.marked + next.marked,
    stoodStill: all.stoodStill + next.stoodStill,
    attempts: (all.attempts * all.taken + next.attempts * next.taken) / taken,
    attemptsMax: Math.max(all.attemptsMax, next.attemptsMax),
    elapsedMs: all.elapsedMs + next.elapsedMs,
  };
}

/** @param count snapshots of each; the values are the same in every run, so there is no seed */
export async function soakTelemetry(count: number): Promise<void> {
  for (const sides of SIDES) {
    for (const recording of RECORDINGS) {
      let all: Snapshots | undefined;
      for (let left = count; left > 0; left -= PIECE) {
        const found = await takeSnapshots(sides, recording, Math.min(PIECE, left));
        all = all === undefined ? found : sum(all, found);
      }
      if (all === undefined) continue;
      console.log(report(sides, recording, all));
      assert.equal(all.firstViolation, undefined);
      assert.equal(all.marked, 0, 'a living writer is waited for');
    }
  }
}

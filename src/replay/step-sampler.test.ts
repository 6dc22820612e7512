import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepSampler } from './step-sampler.js';

const STEPS = 1_000_000;

/** Numbers of the steps that are timed, counted from 0. */
function timedSteps(): number[] {
  const sampler = new StepSampler();
  const timed: number[] = [];
  for (let step = 0; step < STEPS; step++) if (sampler.isDue()) timed.push(step);
  return timed;
}

test('the first step is timed, then one in 64, at most 127 apart', () => {
  const timed = timedSteps();
  assert.equal(timed[0], 0);
  const share = STEPS / timed.length;
  assert.ok(share > 63 && share < 65, `one in ${share}`);
  const distances = timed.slice(1).map((step, index) => step - (timed[index] ?? 0));
  assert.equal(Math.min(...distances), 1);
  assert.equal(Math.max(...distances), 127);
});

test('steps at a fixed place of each block are timed as often as any other', () => {
  const hits = new Array<number>(64).fill(0);
  const timed = timedSteps();
  for (const step of timed) hits[step % 64] = (hits[step % 64] ?? 0) + 1;
  const mean = timed.length / 64;
  for (const count of hits) assert.ok(count > 0.7 * mean && count < 1.3 * mean, `${count}`);
});

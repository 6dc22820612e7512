import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AwakeTrial } from './awake-trial.js';

const COMMITS = 10_000;

/** The share of commits that were waited for awake, where gaps are as long as told. */
function shareAwake(trial: AwakeTrial, awakeUs: number, asleepUs: number): number {
  let awake = 0;
  for (let commit = 0; commit < COMMITS; commit++) {
    if (trial.isAwake) awake++;
    trial.onGap((trial.isAwake ? awakeUs : asleepUs) * 1e3);
  }
  return awake / COMMITS;
}

test('the writer stays awake where commits come sooner by it', () => {
  assert.ok(shareAwake(new AwakeTrial(), 60, 120) > 0.9);
});

test('it sleeps where staying awake takes the core that the application needs', () => {
  assert.ok(shareAwake(new AwakeTrial(), 200, 120) < 0.05);
});

test('it sleeps where a core brings next to nothing', () => {
  assert.ok(shareAwake(new AwakeTrial(), 115, 120) < 0.05);
  assert.ok(shareAwake(new AwakeTrial(), 10, 20) < 0.05, '10 µs are not worth a core');
});

test('it finds out again when the machine has become another', () => {
  const trial = new AwakeTrial();
  assert.ok(shareAwake(trial, 60, 120) > 0.9);
  assert.ok(shareAwake(trial, 300, 120) < 0.2);
  assert.ok(shareAwake(trial, 60, 120) > 0.8);
});

test('it sleeps until it has found out', () => {
  const trial = new AwakeTrial();
  assert.equal(trial.isAwake, false);
  for (let commit = 0; commit < 40; commit++) trial.onGap(1000);
  assert.equal(trial.isAwake, true, 'the other way is being tried');
  trial.restart();
  assert.equal(trial.isAwake, false);
});

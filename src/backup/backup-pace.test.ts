import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../clock/fake-clock.js';
import { NS_PER_MS } from '../units.js';
import { BackupPace } from './backup-pace.js';

/** A log, and rests behind steps beside it. */
class PacedLog {
  readonly #clock = new FakeClock();
  readonly #pace: BackupPace;
  durable: number | undefined;
  looks = 0;

  constructor(durable: number | undefined) {
    this.durable = durable;
    this.#pace = new BackupPace(this.#clock, () => {
      this.looks++;
      return this.durable;
    });
  }

  /** Milliseconds of rest behind a step that took `stepMs`. */
  step(stepMs: number): number {
    const startNs = this.#clock.nowNs();
    this.#clock.advanceNs(stepMs * NS_PER_MS);
    return this.#pace.restMs(startNs);
  }

  pass(ms: number): void {
    this.#clock.advanceNs(ms * NS_PER_MS);
  }
}

describe('a backup beside a log', () => {
  it('rests three times as long as each step took while the log commits', () => {
    const log = new PacedLog(1);
    for (let id = 2; id < 6; id++) {
      assert.equal(log.step(2), 6);
      log.durable = id;
      log.pass(100);
    }
  });

  it('rests as long as each step took once nothing is committed, until something is', () => {
    const log = new PacedLog(7);
    assert.equal(log.step(2), 6, 'nothing is known yet');
    log.pass(100);
    assert.equal(log.step(2), 2);
    log.durable = 8;
    log.pass(100);
    assert.equal(log.step(2), 6);
  });

  it('takes a log of which nothing tells for one that commits', () => {
    const log = new PacedLog(undefined);
    for (let looks = 0; looks < 3; looks++) {
      assert.equal(log.step(2), 6);
      log.pass(100);
    }
  });

  it('looks ten times a second, however short the steps are', () => {
    const log = new PacedLog(1);
    for (let steps = 0; steps < 1000; steps++) log.step(1);
    assert.equal(log.looks, 10);
  });

  it('rests for no longer than a second behind a step on a disk that is stuck', () => {
    const log = new PacedLog(1);
    assert.equal(log.step(400), 1000);
    assert.equal(log.step(60_000), 1000);
  });
});

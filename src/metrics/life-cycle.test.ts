import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LifeCycle, LifeCycleReading, recordCycle } from './life-cycle.js';

const LINE = LifeCycle.size / Uint32Array.BYTES_PER_ELEMENT;

test('tells turns that worked from all turns, and time of work from all time', () => {
  const words = new Uint32Array(LINE);
  recordCycle(words, 0, false, 10, 1000);
  recordCycle(words, 0, true, 200, 0);
  recordCycle(words, 0, true, 2 ** 40, 7);
  assert.deepEqual(
    { ...new LifeCycleReading(words, 0) },
    {
      cycles: 3,
      activeCycles: 2,
      totalNs: 2 ** 40 + 1217,
      activeNs: 2 ** 40 + 200,
      lastSleepNs: 7,
    },
  );
});

test('what is no length of time counts as 0, and the turn is counted', () => {
  const words = new Uint32Array(LINE);
  for (const wrong of [-5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
    recordCycle(words, 0, true, wrong, wrong);
  }
  const { cycles, totalNs, activeNs, lastSleepNs } = new LifeCycleReading(words, 0);
  assert.deepEqual(
    { cycles, totalNs, activeNs, lastSleepNs },
    { cycles: 4, totalNs: 0, activeNs: 0, lastSleepNs: 0 },
  );
});

test('fractions are rounded to whole nanoseconds', () => {
  const words = new Uint32Array(LINE);
  recordCycle(words, 0, true, 10.5, 20.4);
  const { totalNs, activeNs, lastSleepNs } = new LifeCycleReading(words, 0);
  assert.deepEqual(
    { totalNs, activeNs, lastSleepNs },
    { totalNs: 31, activeNs: 11, lastSleepNs: 20 },
  );
});

test('is little-endian 64-bit values at the offsets of its layout', () => {
  const words = new Uint32Array(LINE);
  recordCycle(words, 0, true, 2 ** 33, 5);
  const view = new DataView(words.buffer);
  const at = LifeCycle.offset;
  const values = [at.cycles, at.activeCycles, at.totalNs, at.activeNs, at.lastSleepNs];
  assert.deepEqual(
    values.map((offset) => view.getBigUint64(offset, true)),
    [1n, 1n, 2n ** 33n + 5n, 2n ** 33n, 5n],
  );
  assert.equal(view.getUint32(at.ended, true), 1);
  assert.equal(view.getUint32(at.begun, true), 1);
});

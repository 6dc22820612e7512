import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RecentMax64, readRecentMax, recordRecentMax } from './recent-max.js';

const WORDS = RecentMax64.size / Uint32Array.BYTES_PER_ELEMENT;
const SECOND_NS = 1e9;
const WINDOW_NS = 10 * SECOND_NS;

/** Records something that took `ns` and ended at `endNs`. */
function took(words: Uint32Array, endNs: number, ns: number): void {
  recordRecentMax(words, 0, Float64Array.of(endNs - ns, endNs));
}

describe('recent_max64', () => {
  it('is the longest of the last 10 to 20 seconds, whatever was before', () => {
    const words = new Uint32Array(WORDS);
    took(words, 1 * SECOND_NS, 5e9);
    took(words, 12 * SECOND_NS, 78e6);
    took(words, 13 * SECOND_NS, 3e6);
    assert.equal(readRecentMax(words, 0, 13 * SECOND_NS), 5e9);
    assert.equal(readRecentMax(words, 0, 20 * SECOND_NS), 78e6);
    assert.equal(readRecentMax(words, 0, 29 * SECOND_NS), 78e6);
    assert.equal(readRecentMax(words, 0, 30 * SECOND_NS), 0);
  });

  it('forgets a window that is not the one before', () => {
    const words = new Uint32Array(WORDS);
    took(words, 1 * SECOND_NS, 5e9);
    took(words, 25 * SECOND_NS, 7);
    assert.equal(readRecentMax(words, 0, 25 * SECOND_NS), 7);
  });

  it('takes lengths of time that pass 2^32 ns, and no others than lengths of time', () => {
    const words = new Uint32Array(WORDS);
    took(words, 5 * SECOND_NS, 4.9e9);
    took(words, 6 * SECOND_NS, 4.3e9);
    for (const ns of [Number.NaN, -5, Number.POSITIVE_INFINITY]) took(words, 6 * SECOND_NS, ns);
    assert.equal(readRecentMax(words, 0, 6 * SECOND_NS), 4.9e9);
  });

  it('agrees with a list of everything that was recorded', () => {
    const records = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 15e9 }), fc.integer({ min: 0, max: 2 ** 40 })),
      { minLength: 1, maxLength: 50 },
    );
    fc.assert(
      fc.property(records, fc.integer({ min: 0, max: 25e9 }), (all, laterNs) => {
        const words = new Uint32Array(WORDS);
        let nowNs = 100 * SECOND_NS;
        const seen = all.map(([pauseNs, ns]) => {
          nowNs += pauseNs;
          took(words, nowNs, ns);
          return { window: Math.floor(nowNs / WINDOW_NS), ns };
        });
        nowNs += laterNs;
        const now = Math.floor(nowNs / WINDOW_NS);
        const recent = seen.filter(({ window }) => window >= now - 1).map(({ ns }) => ns);
        assert.equal(readRecentMax(words, 0, nowNs), Math.max(0, ...recent));
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatEvents,
  formatRate,
  formatTimestamp,
} from './quantities.js';

describe('quantities', () => {
  it('groups thousands', () => {
    assert.deepEqual([0, 999, 1000, 1234567, 2 ** 53 - 1].map(formatCount), [
      '0',
      '999',
      '1,000',
      '1,234,567',
      '9,007,199,254,740,991',
    ]);
    assert.deepEqual([0, 1, 2000].map(formatEvents), ['0 events', '1 event', '2,000 events']);
  });

  it('scales bytes and rates, and never shows 1000 of a unit', () => {
    assert.deepEqual([0, 999, 1000, 1500, 999_499, 999_999, 12_345_678, 5e9].map(formatBytes), [
      '0 B',
      '999 B',
      '1.00 kB',
      '1.50 kB',
      '999 kB',
      '1.00 MB',
      '12.3 MB',
      '5.00 GB',
    ]);
    assert.deepEqual([12, 1234, 1.5e6].map(formatRate), ['12/s', '1.23 k/s', '1.50 M/s']);
    assert.deepEqual([0 / 0, 1 / 0].map(formatRate), ['-', '-']);
  });

  it('shows durations in the unit that fits', () => {
    assert.deepEqual(
      [1.2e-8, 4.56e-5, 0.0123, 0.9999, 1, 59.9, 59.97, 61, 3725].map(formatDuration),
      [
        '12 ns',
        '45.6 µs',
        '12.3 ms',
        '1.00 s',
        '1.0 s',
        '59.9 s',
        '1 min 0 s',
        '1 min 1 s',
        '62 min 5 s',
      ],
    );
  });

  it('shows timestamps to the nanosecond, and impossible ones as they are', () => {
    assert.equal(formatTimestamp(1_700_000_000_123_456_789n), '2023-11-14 22:13:20.123456789 UTC');
    assert.equal(formatTimestamp(0n), '-');
    assert.equal(formatTimestamp(2n ** 64n - 1n), '2554-07-21 23:34:33.709551615 UTC');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { formatNs, formatRate } from './quantity-text.js';

const table = (
  format: (value: number) => string,
  rows: readonly (readonly [number, string])[],
): void => {
  for (const [value, text] of rows) assert.equal(format(value), text, String(value));
};

describe('a length of time as text', () => {
  it('has the unit in which it is below 1000, and four digits at most', () => {
    table(formatNs, [
      [0, '0ns'],
      [0.25, '0.25ns'],
      [1, '1ns'],
      [12.345, '12.35ns'],
      [999, '999ns'],
      [1000, '1µs'],
      [1001, '1.001µs'],
      [1500, '1.5µs'],
      [12_345, '12.35µs'],
      [999_900, '999.9µs'],
      [1e6, '1ms'],
      [203_700_000, '203.7ms'],
      [999_900_000, '999.9ms'],
      [1e9, '1s'],
      [59.9e9, '59.9s'],
      [999.9e9, '999.9s'],
    ]);
  });

  it('never is 1000 of a unit: it goes to the next', () => {
    table(formatNs, [
      [999.94, '999.9ns'],
      [999.96, '1µs'],
      [999_940, '999.9µs'],
      [999_950, '1ms'],
      [999_960, '1ms'],
      [999_949_999, '999.9ms'],
      [999_950_001, '1s'],
    ]);
  });

  it('is whole seconds from a thousand on', () => {
    table(formatNs, [
      [1e12, '1000s'],
      [86_400e9, '86400s'],
      [Number.MAX_SAFE_INTEGER, '9007199s'],
    ]);
  });

  it('is off by half of its fourth digit at most', () => {
    const factors: Readonly<Record<string, number>> = { ns: 1, µs: 1e3, ms: 1e6, s: 1e9 };
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e15, noNaN: true }), (ns) => {
        const [, digits, unit = ''] = /^([\d.]+)(ns|µs|ms|s)$/.exec(formatNs(ns)) ?? [];
        const value = Number(digits) * (factors[unit] ?? Number.NaN);
        assert.ok(Math.abs(value - ns) <= ns * 0.000_501, `${ns} came out as ${formatNs(ns)}`);
        assert.ok(Number(digits) < 1000 || unit === 's', formatNs(ns));
      }),
    );
  });
});

describe('a rate as text', () => {
  it('scales likewise', () => {
    table(formatRate, [
      [0, '0/s'],
      [0.0125, '0.0125/s'],
      [999.94, '999.9/s'],
      [999.96, '1k/s'],
      [5000, '5k/s'],
      [12_500_000, '12.5M/s'],
      [1e9, '1G/s'],
      [12_345e9, '12345G/s'],
    ]);
  });
});

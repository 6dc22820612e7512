import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAge, formatNs, formatShare } from './quantity.js';

test('times fit into seven characters', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0 ns'],
    [999, '999 ns'],
    [12_345, '12.3 µs'],
    [1.234e9, '1.2 s'],
    [59.94e9, '59.9 s'],
    [59.95e9, '1 min'],
    [119 * 60e9, '119 min'],
    [120 * 60e9, '2 h'],
    [2 ** 53, '2502 h'],
  ];
  for (const [ns, text] of cases) {
    assert.equal(formatNs(ns), text);
    assert.ok(text.length <= 7);
  }
});

test('ages are told to the millisecond, and not finer', () => {
  assert.equal(formatAge(0), '0 ms');
  assert.equal(formatAge(22e6), '22 ms');
  assert.equal(formatAge(999e6), '999 ms');
  assert.equal(formatAge(1.2e9), '1.2 s');
});

test('what is there is never shown as nothing', () => {
  assert.equal(formatShare(0), '0 %');
  assert.equal(formatShare(0.001), '<1 %');
  assert.equal(formatShare(0.125), '13 %');
  assert.equal(formatShare(3), '100 %');
});

// Numbers as people read them: three significant digits, thousands apart, the unit behind.
import type { Unit } from './result.js';

export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

export function formatQuantity(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return '–';
  return unit === '' ? formatNumber(value) : `${formatNumber(value)} ${unit}`;
}

/** Nanoseconds in the unit that suits them. */
export function formatNs(ns: number): string {
  if (ns < 1e4) return `${formatNumber(ns)} ns`;
  return ns < 1e7 ? `${formatNumber(ns / 1e3)} µs` : `${formatNumber(ns / 1e6)} ms`;
}

// Numbers as people read them. Grouping is by hand: the host's locale must not change the output.

import { NS_PER_SECOND } from '../units.js';

const groupThousands = (digits: string): string => digits.replace(/\B(?=(\d{3})+$)/g, ',');

/** 1234567 → `1,234,567` */
export const formatCount = (count: number): string => groupThousands(String(count));

/** `1 event`, `2 events` */
export const formatEvents = (count: number): string =>
  `${formatCount(count)} ${count === 1 ? 'event' : 'events'}`;

function scaled(value: number, step: number, units: readonly string[]): string {
  let index = 0;
  let rest = value;
  // 999.6 would print as 1000: it belongs to the next unit.
  while (rest >= step - 0.5 && index < units.length - 1) {
    rest /= step;
    index += 1;
  }
  const digits = index === 0 || rest >= 100 ? 0 : rest >= 10 ? 1 : 2;
  return `${rest.toFixed(digits)} ${units[index]}`;
}

/** Decimal units, as disks are sold: 1500 → `1.50 kB` */
export const formatBytes = (bytes: number): string =>
  scaled(bytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);

/** Things in a second: 1234567 → `1.23 M/s`; `-` where no time has passed yet. */
export const formatRate = (perSecond: number): string => {
  if (!Number.isFinite(perSecond)) return '-';
  const [value, unit] = scaled(perSecond, 1000, ['', 'k', 'M', 'G']).split(' ');
  return unit === '' ? `${value}/s` : `${value} ${unit}/s`;
};

/** 0.000_123 s → `123 µs` */
export const formatDuration = (seconds: number): string =>
  seconds >= 59.95
    ? `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`
    : seconds >= 1
      ? `${seconds.toFixed(1)} s`
      : scaled(seconds * NS_PER_SECOND, 1000, ['ns', 'µs', 'ms', 's']);

/** Unix-epoch nanoseconds → `2025-01-31 12:00:00.123456789 UTC`; `-` for 0. */
export function formatTimestamp(timestampNs: bigint): string {
  if (timestampNs <= 0n) return '-';
  const date = new Date(Number(timestampNs / 1_000_000n));
  if (Number.isNaN(date.getTime())) return `${timestampNs} ns`;
  const [day, clock] = date.toISOString().split('T');
  const nanoseconds = (timestampNs % 1_000_000_000n).toString().padStart(9, '0');
  return `${day} ${clock?.slice(0, 8)}.${nanoseconds} UTC`;
}

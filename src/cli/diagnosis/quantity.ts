// Numbers that fit into a narrow column.

import { NS_PER_MS, NS_PER_SECOND } from '../../units.js';
import { formatDuration } from '../quantities.js';

const NS_PER_MINUTE = 60 * NS_PER_SECOND;
const MINUTES_PER_HOUR = 60;

/** At most seven characters: `999 ns`, `12.3 µs`, `59.9 s`, `12 min`, `100 h`. */
export function formatNs(ns: number): string {
  const minutes = Math.round(ns / NS_PER_MINUTE);
  // 59.95 s and more would read as minutes and seconds.
  if (ns < 59.95 * NS_PER_SECOND) return formatDuration(Math.max(0, ns) / NS_PER_SECOND);
  return minutes < 2 * MINUTES_PER_HOUR
    ? `${minutes} min`
    : `${Math.round(minutes / MINUTES_PER_HOUR)} h`;
}

/** 0.123 → `12 %`; what is there is never shown as nothing. */
export function formatShare(share: number): string {
  const percent = Math.min(1, Math.max(0, share)) * 100;
  return percent > 0 && percent < 1 ? '<1 %' : `${Math.round(percent)} %`;
}

/** An age that is known to the millisecond. */
export const formatAge = (ns: number): string =>
  ns < NS_PER_SECOND ? `${Math.floor(ns / NS_PER_MS)} ms` : formatNs(ns);

/** `4 s`, `12 min 3 s`, `5 h 12 min`, `3 d 4 h` */
export function formatUptime(ns: number): string {
  const seconds = Math.floor(ns / NS_PER_SECOND);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${seconds} s`;
  if (hours < 1) return `${minutes} min ${seconds % 60} s`;
  return hours < 24
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

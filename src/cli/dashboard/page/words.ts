// Numbers and times of day as the page shows them.

import { formatNs } from '../../diagnosis/quantity.js';
import { formatRate } from '../../quantities.js';

export const NOTHING = '–';

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** `12:03:41`, where the reader is. */
export function clockTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':');
}

/** `5 min` */
export const rangeText = (seconds: number): string =>
  seconds < 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`;

/** Without the zeros that say nothing on an axis: `2.00 ms` is `2 ms`. */
export const short = (text: string): string => text.replace(/\.0+(?=\D|$)/, '');

export const nsOrNothing = (ns: number, count: number): string =>
  count === 0 ? NOTHING : formatNs(ns);

export const rateOrNothing = (perSecond: number | undefined): string =>
  perSecond === undefined ? NOTHING : formatRate(perSecond);

/** `1 segment`, `2 segments` */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

// Arguments as the shell hands them over, checked: what does not fit is a usage error (exit 2).

import { InvalidArgumentError } from 'commander';

const WHOLE_NUMBER = /^\d{1,16}$/;

function parseWholeNumber(text: string, what: string, least: number, most: number): number {
  const value = WHOLE_NUMBER.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new InvalidArgumentError(`${what} is a whole number from ${least} to ${most}.`);
  }
  return value;
}

/** Ids start at 1 and stay below 2^53. */
export const parseEventId = (text: string): number =>
  parseWholeNumber(text, 'An event id', 1, Number.MAX_SAFE_INTEGER);

export const parseSeed = (text: string): number => parseWholeNumber(text, 'A seed', 0, 2 ** 32 - 1);

/** Enough to be killed in the middle of, few enough to fit on a laptop's disk. */
export const parseDemoEvents = (text: string): number =>
  parseWholeNumber(text, 'A number of events', 10_000, 1_000_000_000);

/** A path as it was typed; an empty one is a mistake of the calling script. */
export function parsePath(text: string): string {
  if (text === '' || text.includes('\0')) {
    throw new InvalidArgumentError('A path is at least one character and holds no NUL.');
  }
  return text;
}

// Something that is wrong with a log.

import { formatCount } from '../quantities.js';

export interface Trouble {
  readonly severity: 'error' | 'warning';
  /** The symptom: a sentence without its full stop. */
  readonly text: string;
  /** What to do, or that nothing is to be done: a sentence without its full stop. */
  readonly remedy: string;
}

export const error = (text: string, remedy: string): Trouble => ({
  severity: 'error',
  text,
  remedy,
});
export const warning = (text: string, remedy: string): Trouble => ({
  severity: 'warning',
  text,
  remedy,
});
export const times = (count: number): string =>
  count === 1 ? 'once' : `${formatCount(count)} times`;

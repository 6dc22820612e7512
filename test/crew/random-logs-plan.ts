// Many logs of one process with random work, some of which meet a fault: what the process is to do,
// and what it tells, in a file that outlives it.
import type { Variant } from '../support/adapters.js';

/**
 * What happens to a log besides its work: nothing; its disk is full now and then; its folder is
 * removed while it is open; a segment is damaged, or cannot be read, while it is closed.
 */
export type Fate = 'sound' | 'full' | 'removed' | 'damaged';

/** Logs of each fate among so many, in turn. */
const FATES: readonly Fate[] = ['sound', 'full', 'sound', 'removed', 'sound', 'damaged', 'sound'];

export const fateOf = (log: number, hasSmallDisk: boolean): Fate => {
  const fate = FATES[log % FATES.length] ?? 'sound';
  return fate === 'full' && !hasSmallDisk ? 'sound' : fate;
};

export interface RandomLogsPlan {
  readonly folder: string;
  /** A disk that the process may fill; undefined: there is none. */
  readonly smallDisk: string | undefined;
  readonly logs: number;
  readonly seed: number;
  /** Pieces of work of each log, over all processes. */
  readonly steps: number;
  readonly options: Variant['options'];
}

/** So many events at most are appended in one piece of work. */
export const MOST_APPENDED = 40;

/** What is told of a log, as doubles. */
export const TOLD_WORDS = 5;
export const TOLD_BYTES = TOLD_WORDS * Float64Array.BYTES_PER_ELEMENT;

/** Places of the words. */
export const Told = Object.freeze({
  /** Pieces of work that are done. */
  steps: 0,
  /** The last event that `append` returned. */
  appended: 1,
  /** The last that `durable` or `durableSync` returned. */
  durable: 2,
  /** 1: the folder is about to go, or is gone; the log begins anew. */
  removed: 3,
  /** How often that has happened. */
  removals: 4,
});

/** So that an event of one log never looks like one of another. */
export const keyOf = (log: number, eventId: number): number => log * 1_000_003 + eventId;

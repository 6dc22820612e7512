// What the parent of a crash round and its child agree on.
import type { WalOptions } from '../../src/index.js';

/** What the child tells, in a file: ids appended, written and durable, as three doubles. */
export const TOLD_BYTES = 24;

/** The most events that one append of the child is: a batch. */
export const LONGEST_BATCH = 5;

export interface ChildPlan {
  readonly options: WalOptions;
  /** One in so many appends is a batch of 1 … LONGEST_BATCH. */
  readonly batchEvery: number;
  /** One in so many appends is followed by a `durable()` that is awaited; 0 for never. */
  readonly durableEvery: number;
}

// What the parent of a kill -9 round and its child agree on.
import type { WalOptions } from '../../src/index.js';

/** What the child tells, in a file: ids appended, written and durable, as three doubles. */
export const TOLD_BYTES = 24;

export interface ChildPlan {
  readonly options: WalOptions;
  /** One in so many appends is a batch of 1 … 5. */
  readonly batchEvery: number;
  /** One in so many appends is followed by a `durable()` that is awaited; 0 for never. */
  readonly durableEvery: number;
}

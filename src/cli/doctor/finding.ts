// What a finding is. Each says what is so, why that matters to a log, and what to do about it: what
// nobody can act upon belongs into the table of facts.
import type { Facts } from './facts.js';
import type { Measurements } from './measurements.js';

/**
 * `problem`: a promise of the log does not hold here, or no log works. `warning`: it holds, but
 * costs time, or ends sooner than one would think. `note`: worth knowing before it matters.
 */
export type Level = 'problem' | 'warning' | 'note';

export interface Finding {
  readonly id: string;
  readonly level: Level;
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
}

/** All that is known of a machine. */
export interface Examination {
  readonly facts: Facts;
  /** Undefined where nothing could be measured. */
  readonly measured: Measurements | undefined;
  /** Why nothing could. */
  readonly refused: string | undefined;
}

type Found = Omit<Finding, 'id'>;

export interface Rule {
  readonly id: string;
  /** Undefined: nothing is wrong, or it cannot be told. */
  readonly look: (examination: Examination) => Found | undefined;
}

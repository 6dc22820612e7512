// What one run of one benchmark found: what is printed, kept as JSON, and drawn.

import type { LatencySummary } from './latencies.js';
import type { Condition } from './options.js';

export interface Column {
  readonly name: string;
  readonly unit: Unit;
}

export type Unit = '/s' | 'ns' | 'µs' | 'ms' | 'MB/s' | 'MB' | 'KB' | '×' | '%' | '';

export interface Row {
  readonly way: string;
  /** Why this way did not run. */
  readonly skipped?: string;
  /** By column, one value a round. */
  readonly values: { readonly [column: string]: readonly number[] };
  /** Of all rounds together. */
  readonly latency?: LatencySummary;
}

/** Ways of doing the same, which took turns. */
export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  /** The way to which the first column's values are divided. */
  readonly baseline?: string;
  readonly rows: readonly Row[];
}

export interface Plot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
}

export interface Axis {
  readonly label: string;
  readonly isLogarithmic: boolean;
  /** By value, where a tick says something else than its number. */
  readonly tickTexts?: Readonly<{ [tick: string]: string }>;
}

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface GoalResult {
  readonly text: string;
  readonly unit: Unit;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly measured?: number;
  /** Why there is no measurement. */
  readonly missing?: string;
}

export interface Result {
  readonly benchmark: string;
  readonly condition: Condition;
  readonly date: string;
  readonly machine: string;
  readonly scale: number;
  readonly rounds: number;
  readonly tables: readonly Table[];
  readonly plots: readonly Plot[];
  readonly goals: readonly GoalResult[];
  readonly notes: readonly string[];
  /** Of what was computed: the same in each run of the same size. */
  readonly hash?: string;
}

/** undefined: there is nothing to compare. */
export function isMet({ measured, atMost, atLeast }: GoalResult): boolean | undefined {
  if (measured === undefined) return undefined;
  return measured <= (atMost ?? Infinity) && measured >= (atLeast ?? -Infinity);
}

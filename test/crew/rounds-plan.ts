// What a process that opens and closes logs over and over is to do, and what it tells about it.
import type { Variant } from '../support/adapters.js';

export interface RoundsPlan {
  /** The logs' folders stand in here, and nothing else. */
  readonly folder: string;
  readonly logs: number;
  /** Of each log: open, append, durable, close. */
  readonly rounds: number;
  /** Appended in a round. */
  readonly events: number;
  /** How often what is held is told while the rounds go on. */
  readonly looks: number;
  readonly options: Variant['options'];
}

/** What the process holds, and what stands in its folders, while no log is open. */
export interface Held {
  /** So many rounds were done by then. */
  readonly done: number;
  readonly rssKib: number;
  readonly maps: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly regions: number;
  readonly files: number;
}

export const logFolder = (log: number): string => `log-${log}`;

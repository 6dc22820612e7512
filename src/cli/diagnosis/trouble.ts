// Something that is wrong with a log.

import { formatCount } from '../quantities.js';

/** What it is called by programs: the words of a trouble change with its figures, this does not. */
export type TroubleKind =
  | 'append-waits'
  | 'appends-refused'
  | 'appends-waited'
  | 'compression-failed'
  | 'consumer-damaged'
  | 'disk-nearly-full'
  | 'durable-waits'
  | 'event-loop-blocked'
  | 'failed'
  | 'fenced'
  | 'hurried-segments'
  | 'interrupted-record'
  | 'killed'
  | 'maintenance-failed'
  | 'meta-failed'
  | 'no-space'
  | 'not-durable'
  | 'not-open'
  | 'replication-behind'
  | 'ring-cannot-grow'
  | 'ring-found-full'
  | 'ring-nearly-full'
  | 'segment-damaged'
  | 'segment-failed'
  | 'segment-held'
  | 'segment-waited'
  | 'segment-waits'
  | 'slow-sync'
  | 'stopped'
  | 'thread-elsewhere'
  | 'thread-stuck'
  | 'writer-elsewhere'
  | 'writer-stuck';

export interface Trouble {
  readonly kind: TroubleKind;
  readonly severity: 'error' | 'warning';
  /** The symptom: a sentence without its full stop. */
  readonly text: string;
  /** What to do, or that nothing is to be done: a sentence without its full stop. */
  readonly remedy: string;
}

export const error = (kind: TroubleKind, text: string, remedy: string): Trouble => ({
  kind,
  severity: 'error',
  text,
  remedy,
});
export const warning = (kind: TroubleKind, text: string, remedy: string): Trouble => ({
  kind,
  severity: 'warning',
  text,
  remedy,
});
export const times = (count: number): string =>
  count === 1 ? 'once' : `${formatCount(count)} times`;

// What is compared from one sample to the next, and where it stands in the last one.

/** When it was taken is its first. */
export const TOTALS = [
  'takenNs',
  'events',
  'writes',
  'writeNs',
  'syncs',
  'syncNs',
  'preparerNs',
  'writerAtOthersUs',
  'preparerAtOthersUs',
  'collectorUs',
  'writerRunNs',
  'writerReadyNs',
  'preparerReadyNs',
  'helperReadyNs',
  'applicationRunNs',
  'applicationReadyNs',
  'writerOversleptUs',
  'helperOversleptUs',
  /** When the times of threads were read: while a log is at rest, seldom. */
  'timesTakenNs',
  /** Not totals: what was counted of a visit at another log that was not over. */
  'writerElsewhereUs',
  'preparerElsewhereUs',
] as const;
export type Total = (typeof TOTALS)[number];

/** By their place in the sample. */
export const at = Object.fromEntries(TOTALS.map((name, index) => [name, index])) as Record<
  Total,
  number
>;

export const THREAD_TIMES = [
  'writerRunNs',
  'writerReadyNs',
  'preparerReadyNs',
  'helperReadyNs',
  'applicationRunNs',
  'applicationReadyNs',
] as const satisfies readonly Total[];

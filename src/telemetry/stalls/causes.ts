// What a wait is called, and what may have caused it.

export const WAIT_KINDS = ['append', 'durable', 'segment'] as const;
/**
 * Who waited.
 * - `append`: a call of append, for room in the full ring
 * - `durable`: a call of durable() or durableSync()
 * - `segment`: the writer thread, for the next prepared segment
 */
export type WaitKind = (typeof WAIT_KINDS)[number];

/**
 * What a stall was caused by.
 * - `preparer`: the next segment was not ready, and making one took the disk this long
 * - `write`, `sync`: calls of the writer thread that the disk, or the kernel, kept
 * - `ring`: more was appended than the disk took, and no single call of it was long
 * - `scheduler`: a thread was ready to run and got no processor
 * - `collector`: the garbage collector held the application's thread
 * - `neighbour`: a thread of the log was at another log that it serves as well
 * - `application`: the application's own code kept its thread from asking, or from hearing the
 *   answer
 * - `stopped`: no thread of the process ran at all: SIGSTOP, a debugger, a frozen container
 * - `space`: the disk was full
 * - `unknown`: nothing that was recorded explains most of it
 */
export const STALL_CAUSES = [
  'preparer',
  'write',
  'sync',
  'ring',
  'scheduler',
  'collector',
  'neighbour',
  'application',
  'stopped',
  'space',
  'unknown',
] as const;
/** See {@link STALL_CAUSES}. */
export type StallCause = (typeof STALL_CAUSES)[number];

/** Microseconds of a stall, by what they went to; together they are its whole length. */
export type StallShares = Readonly<Record<StallCause, number>>;

/** The waits of one kind within a stall. */
export interface StallWaits {
  /** How many calls waited longer than the threshold. */
  readonly count: number;
  /** The longest of them, in microseconds. */
  readonly longestUs: number;
}

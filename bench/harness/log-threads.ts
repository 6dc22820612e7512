// Which thread of the system is which thread of a log: the system knows only numbers.
import { threadsOf } from './processor-time.js';

/** In the order in which an open starts them (src/recorder/application/crew.ts). */
const ROLES = ['writer', 'preparer', 'housekeeping'] as const;

/** Pairs of a thread's id and its role, for the log that `open` opens. */
export async function threadsOfLog<T>(
  open: () => Promise<T> | T,
): Promise<{ log: T; threads: [thread: string, role: string][] }> {
  const before = new Set(threadsOf());
  const log = await open();
  const added = threadsOf().filter((thread) => !before.has(thread));
  return { log, threads: ROLES.flatMap((role, at) => pairOf(added[at], role)) };
}

const pairOf = (thread: string | undefined, role: string): [string, string][] =>
  thread === undefined ? [] : [[thread, role]];

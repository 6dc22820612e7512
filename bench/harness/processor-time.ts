// Processor time by thread, to the nanosecond, as Linux counts it.
import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds of processor time so far, by thread id. */
export type ThreadTimes = ReadonlyMap<string, number>;

export const canTimeThreads = process.platform === 'linux';

/** The threads of a process, in the order of their start; none where the system does not tell. */
export const threadsOf = (pid: number | 'self' = 'self'): string[] =>
  canTimeThreads
    ? readdirSync(`/proc/${pid}/task`).sort((one, other) => Number(one) - Number(other))
    : [];

export function threadTimes(pid: number | 'self' = 'self'): ThreadTimes {
  const times = new Map<string, number>();
  for (const thread of threadsOf(pid)) {
    try {
      const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
      times.set(thread, Number(text.split(' ')[0]));
    } catch {
      // The thread has ended since the folder was read; its time is lost to everybody.
    }
  }
  return times;
}

/** What was used between two readings, summed up by the role of each thread. */
export function usedNs(
  before: ThreadTimes,
  after: ThreadTimes,
  roleOf: (thread: string) => string,
): Map<string, number> {
  const used = new Map<string, number>();
  for (const [thread, ns] of after) {
    const role = roleOf(thread);
    used.set(role, (used.get(role) ?? 0) + ns - (before.get(thread) ?? 0));
  }
  return used;
}

export const sumOf = (used: ReadonlyMap<string, number>): number =>
  [...used.values()].reduce((sum, ns) => sum + ns, 0);

// What can befall a system call on the log's files, and what must hold after it did.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TINY } from '../support/adapters.js';
import { preparedFiles } from '../support/log-content.js';
import { assertNothingLost, record, type TracedRun } from './traced-recorder.js';

/** Calls that change the log's files, with what they are for. */
export const CHANGES = {
  openat: 'a file is opened or created',
  pwrite64: 'a block, a header page, zeros, wal.meta or LOCK is written',
  pwritev: 'a large block is written',
  fdatasync: 'a file is synced',
  fsync: 'the folder is synced',
  renameat2: 'a segment gets its name',
  rename: 'wal.meta gets its name',
  unlink: 'a left-over goes',
  fallocate: 'a segment is allocated',
};

/** How a call can fail. EINTR only where Node or the kernel's file systems ever let it through. */
export const ERRORS: Readonly<Record<string, readonly string[]>> = {
  openat: ['EIO', 'EMFILE', 'ENOSPC'],
  pwrite64: ['EIO', 'ENOSPC', 'EDQUOT', 'EFBIG', 'EINTR'],
  pwritev: ['EIO', 'ENOSPC', 'EFBIG', 'EINTR'],
  fdatasync: ['EIO', 'ENOSPC', 'EDQUOT', 'EINTR'],
  fsync: ['EIO', 'ENOSPC', 'EINTR'],
  renameat2: ['EIO', 'ENOSPC', 'EROFS'],
  rename: ['EIO', 'ENOSPC', 'EROFS'],
  unlink: ['EIO', 'EROFS'],
  fallocate: ['EIO', 'ENOSPC', 'EFBIG', 'EDQUOT', 'EINTR'],
  pread64: ['EIO', 'EINTR'],
};

export interface CallFault {
  readonly call: string;
  /** An error's name, or `kill`: kill -9 in place of the call. */
  readonly fault: string;
  /** Strace's `when`: `3` for the third call only, `3+` for good. */
  readonly when: string;
}

export const spoken = ({ call, fault, when }: CallFault): string => `${call} ${fault} ${when}`;

const injection = ({ call, fault, when }: CallFault): string =>
  `${call}:${fault === 'kill' ? 'signal=SIGKILL' : `error=${fault}`}:when=${when}`;

export interface Survival {
  /** How many of the runs met their fault. */
  readonly runsHit: number;
  readonly faults: number;
  /** Events in the end; every one was looked at. */
  readonly events: number;
  /** How each run ended, for people. */
  readonly ends: string;
}

/** Calls that were made to fail or were the last; fails where what was told does not fit. */
function faultsOf({ fault }: CallFault, run: TracedRun): number {
  if (fault === 'kill') {
    const killed = run.calls.some((line) => line.includes('killed by SIGKILL'));
    assert.equal(run.signal, killed ? 'SIGKILL' : null);
    return killed ? 1 : 0;
  }
  const { length } = run.calls.filter((line) => line.includes('(INJECTED)'));
  assert.equal(run.signal, null, 'the process lives');
  // An interrupted call is taken up again.
  const isHarmless = length === 0 || fault === 'EINTR';
  if (isHarmless) assert.equal(run.refusal, undefined, 'nothing failed');
  else assert.match(run.refusal ?? 'ERR_FLASHSTRIKE_', /^ERR_FLASHSTRIKE_/);
  return length;
}

/**
 * Recorders on one new log after each other, each with its fault; then the log is opened without
 * one: nothing that was appended is lost, nothing is left over.
 */
export async function survive(faults: readonly CallFault[]): Promise<Survival> {
  const base = mkdtempSync(join(tmpdir(), 'flashstrike-calls-'));
  const memory = mkdtempSync('/dev/shm/flashstrike-calls-');
  try {
    const directory = join(base, 'log');
    const options = {
      ...TINY,
      sharedMemory: 'required',
      sharedMemoryDirectory: memory,
      sync: { mode: 'manual' },
      stallTimeoutMs: 500,
    } as const;
    const runs: TracedRun[] = [];
    const counts: number[] = [];
    for (const fault of faults) {
      const run = await record(directory, options, fault.call, [injection(fault)]);
      runs.push(run);
      counts.push(faultsOf(fault, run));
    }
    const events = await assertNothingLost(directory, options, runs);
    assert.deepEqual(preparedFiles(directory), [], 'left-overs are removed');
    assert.deepEqual(readdirSync(memory), [], 'a region was left behind');
    const end = (run: TracedRun): string =>
      `${run.appended} ${run.signal ?? run.refusal?.split(' ')[0] ?? 'closed'}`;
    return {
      runsHit: counts.filter((count) => count > 0).length,
      faults: counts.reduce((sum, count) => sum + count, 0),
      events,
      ends: runs.map(end).join(', '),
    };
  } finally {
    rmSync(base, { recursive: true, force: true });
    rmSync(memory, { recursive: true, force: true });
  }
}

/** 1, 3, 9 …: all calls in turn would take minutes; the soak draws from them all. */
export const nextNth = (nth: number): number => nth * 3;

// What is wrong with a log, in sentences: the worst first. Each names the symptom with its figures,
// and what to do; docs/METRICS.md has the whole way from symptom to remedy. A trouble that is the
// consequence of another one is not told beside it.

import { formatBytes, formatEvents } from '../quantities.js';
import type { Figures } from './figures.js';
import { elsewhereOf, isStale, isStuck, stoppedNs } from './hearts.js';
import type { Look } from './look.js';
import { maintenanceTroubles } from './maintenance.js';
import { formatNs } from './quantity.js';
import { replicationTroubles } from './replication.js';
import { error, type Trouble, times, warning } from './trouble.js';

/** A disk that is well syncs faster. */
const SLOW_SYNC_NS = 100e6;
/** A shorter wait, for a segment or for room, is not worth a line while it lasts. */
const LONG_WAIT_NS = 100e6;
/** What is appended is on disk sooner, and durable() has settled, while all is well. */
const LONG_COMMIT_NS = 1e9;
const NEARLY_FULL = 0.75;
/** A disk with less than this, or that the log fills sooner, is nearly full. */
const LITTLE_SPACE_BYTES = 256e6;
const SOON_SECONDS = 600;

export function diagnose(look: Look, figures: Figures, reason?: string): readonly Trouble[] {
  const troubles = [
    ...endTroubles(look, reason),
    ...stateTroubles(look, figures),
    ...(look.status === 'running' ? troublesNow(look) : []),
    ...appendTroubles(look, figures),
    ...diskTroubles(look, figures),
    ...maintenanceTroubles(look, figures),
    ...replicationTroubles(look),
  ];
  return [
    ...troubles.filter(({ severity }) => severity === 'error'),
    ...troubles.filter(({ severity }) => severity === 'warning'),
  ];
}

/** `3,060 events (1.20 MB) are not durable`; undefined: all are. */
function behind({ recorder: { segmentWriter } }: Look): string | undefined {
  const { durableLagEvents: events, durableLagBytes } = segmentWriter;
  if (events === 0) return undefined;
  const bytes = durableLagBytes === 0 ? '' : ` (${formatBytes(durableLagBytes)})`;
  return `${formatEvents(events)}${bytes} ${events === 1 ? 'is' : 'are'} not durable`;
}

const andBehind = (look: Look): string => {
  const text = behind(look);
  return text === undefined ? '' : `; ${text}`;
};

/** Whether a trouble has been told of which a full ring, a wait, a lag are the consequences. */
const isExplained = (look: Look): boolean =>
  isStuck(look) || stoppedNs(look) > 0 || look.state === 'failed' || look.state === 'no-space';

function* endTroubles(look: Look, reason: string | undefined): Generator<Trouble> {
  const { status, pid, waitingBytes, incomplete } = look;
  if (status === 'gone') {
    const why = reason?.replace(/\.$/, '') ?? 'the log was closed';
    yield warning('not-open', why, 'What is shown are its last figures');
  } else if (status === 'dead') {
    const left =
      waitingBytes > 0
        ? `its ring has ${formatBytes(waitingBytes)} for the next open`
        : 'it left nothing in the ring';
    yield error(
      'killed',
      `process ${pid} ended without closing; ${left}`,
      'Open the log again: it recovers, the ring included',
    );
  }
  if (incomplete.length > 0) {
    const names = incomplete.join(', ');
    yield warning(
      'interrupted-record',
      `a record was interrupted; these may be slightly off: ${names}`,
      'Nothing is to be done: the next open counts anew',
    );
  }
}

function* stateTroubles(look: Look, { happened }: Figures): Generator<Trouble> {
  const { state, status } = look;
  if (status !== 'running') {
    if (state === 'failed') {
      yield error(
        'failed',
        'a write or sync had failed, or a thread had died',
        'Open the log again',
      );
    } else if (state === 'no-space') {
      yield error(
        'no-space',
        'the disk, or its quota, was full',
        'Free some space, then open the log again',
      );
    }
    return;
  }
  const { refusedCalls } = happened;
  const refused = refusedCalls === 0 ? '' : `; appends were refused ${times(refusedCalls)}`;
  if (state === 'failed') {
    yield error(
      'failed',
      `a write or sync failed, or a thread has died: the log accepts nothing more${refused}` +
        andBehind(look),
      'wal.failure says why; close the log, and open it again',
    );
  } else if (state === 'no-space') {
    const accepts = refusedCalls === 0 ? '; appends go on while the ring has room' : refused;
    yield error(
      'no-space',
      `the disk, or its quota, is full${accepts}${andBehind(look)}`,
      'Free some space: it goes on by itself',
    );
  } else if (state === 'fenced') {
    yield error(
      'fenced',
      `another log has taken over the stream: this one accepts nothing more${refused}`,
      'Close it, and go on with the log that has the stream',
    );
  }
}

/** What does not move, and what waits for that, at the moment of the look. */
function* troublesNow(look: Look): Generator<Trouble> {
  const silentNs = stoppedNs(look);
  if (silentNs > 0) {
    yield error(
      'stopped',
      `no thread of process ${look.pid} has moved for ${formatNs(silentNs)}: it is stopped ` +
        `(SIGSTOP, a debugger, a frozen container) or gets no processor${andBehind(look)}`,
      `Continue it: kill -CONT ${look.pid}, or in the debugger; unfreeze the container`,
    );
    return;
  }
  yield* threadTroubles(look);
  yield* waitTroubles(look);
}

const elsewhereFor = ({ threads }: Look, name: keyof Look['threads']): string =>
  formatNs(threads[name].elsewhere?.ageNs ?? 0);

function* threadTroubles(look: Look): Generator<Trouble> {
  const { threads, lasting } = look;
  const writerAt = elsewhereOf(look, 'writer');
  if (isStuck(look) && writerAt !== undefined) {
    yield error(
      'writer-elsewhere',
      `the writer thread has been at another log that it serves, ${writerAt}, for ` +
        `${elsewhereFor(look, 'writer')}: this one waits${andBehind(look)}`,
      "Look at that one: flashstrike top; threads: 'own' gives a log threads of its own",
    );
  } else if (isStuck(look)) {
    yield error(
      'writer-stuck',
      `the writer thread has not moved for ${formatNs(threads.writer.ageNs ?? 0)}: it is in a ` +
        `write or sync, or gets no processor${andBehind(look)}`,
      'Check the disk (dmesg) and the load',
    );
  }
  // An append that waits blocks the loop, and has a line of its own.
  if (isStale(look, 'application') && lasting.ringStallNs <= LONG_WAIT_NS) {
    yield error(
      'event-loop-blocked',
      `the application's event loop is blocked, for ${formatNs(threads.application.ageNs ?? 0)} ` +
        'by now: nothing that it awaits goes on',
      'Find what runs there without an await: node --cpu-prof, or a debugger',
    );
  }
  if (look.state === 'failed') return;
  for (const name of ['preparer', 'housekeeping', 'maintainer'] as const) {
    if (!isStale(look, name)) continue;
    const at = elsewhereOf(look, name);
    if (at !== undefined) {
      yield warning(
        'thread-elsewhere',
        `the ${name} thread has been at another log that it serves, ${at}, for ` +
          elsewhereFor(look, name),
        "Look at that one: flashstrike top; threads: 'own' gives a log threads of its own",
      );
      continue;
    }
    yield warning(
      'thread-stuck',
      `the ${name} thread has not moved for ${formatNs(threads[name].ageNs ?? 0)}: it waits for ` +
        'the disk or a processor',
      'Check the disk (dmesg) and the load',
    );
  }
}

function* waitTroubles(look: Look): Generator<Trouble> {
  const { lasting, state } = look;
  const { ringStallNs, durableWaitNs, nextSegmentNs, durableLagNs } = lasting;
  if (ringStallNs > LONG_WAIT_NS) {
    yield error(
      'append-waits',
      `an append has been waiting for room in the ring for ${formatNs(ringStallNs)}, and blocks ` +
        "the application's event loop",
      isStuck(look)
        ? 'It goes on when the writer thread does; tryAppend would not wait'
        : 'The disk is too slow for this load; a larger ringBytes takes in longer bursts',
    );
  }
  const lag = behind(look);
  if (durableWaitNs > LONG_COMMIT_NS && state !== 'failed' && lag !== undefined) {
    yield error(
      'durable-waits',
      `a durable() has been waiting for ${formatNs(durableWaitNs)}`,
      isStuck(look)
        ? 'It settles when the writer thread goes on'
        : state === 'no-space'
          ? 'It settles when there is space'
          : 'The disk is slow: see sync and write block',
    );
  }
  if (nextSegmentNs > LONG_WAIT_NS && state !== 'no-space') {
    yield error(
      'segment-waits',
      `the writer has been waiting for a segment for ${formatNs(nextSegmentNs)}`,
      'The disk is slow to make one: more preparedSegments, or larger segmentBytes',
    );
  }
  if (lag !== undefined && durableLagNs > LONG_COMMIT_NS && !isExplained(look)) {
    yield warning(
      'not-durable',
      `${lag}, the oldest for ${formatNs(durableLagNs)}: a power cut would lose them`,
      'The disk is slow: see sync and write block',
    );
  }
}

function* appendTroubles(look: Look, { happened }: Figures): Generator<Trouble> {
  const { stalls, stallNs, refusedCalls, refusedAppends, refusedGrowths } = happened;
  const { state, waitingBytes, ringBytes, ringCapacityBytes, status, lasting } = look;
  const hasWaited = stalls > 0 || lasting.ringStallNs > LONG_WAIT_NS;
  if (stalls > 0) {
    yield error(
      'appends-waited',
      `appends waited ${times(stalls)} for room in the ring, ${formatNs(stallNs)} in all`,
      'The disk is slow for this load, or ringBytes small for its bursts',
    );
  }
  const isRefusing = state === 'failed' || state === 'no-space' || state === 'fenced';
  if (refusedCalls > 0 && !isRefusing) {
    const reason =
      state === 'open'
        ? 'the ring stayed full for stallTimeoutMs, or the disk was full'
        : `the log is ${state}`;
    yield error(
      'appends-refused',
      `appends were refused ${times(refusedCalls)}: ${reason}`,
      state === 'open'
        ? 'Append them again; a faster disk, or a larger ringBytes'
        : 'They are not in the log: append them once it is open again',
    );
  }
  if (refusedGrowths > 0) {
    yield warning(
      'ring-cannot-grow',
      'the ring is full and cannot grow for want of shared memory: it stays at ' +
        `${formatBytes(ringCapacityBytes)} of ${formatBytes(ringBytes)}`,
      'Make room in the folder of shared memory (df /dev/shm), or give a container more',
    );
  }
  if (refusedAppends > 0) {
    yield warning(
      'ring-found-full',
      `tryAppend found the ring full ${times(refusedAppends)}`,
      'Try again later: the disk is slow for this load, or ringBytes small for its bursts',
    );
  }
  const isNearlyFull = waitingBytes > NEARLY_FULL * ringBytes;
  if (status === 'running' && isNearlyFull && !hasWaited && !isExplained(look)) {
    yield warning(
      'ring-nearly-full',
      `the ring is nearly full: ${formatBytes(waitingBytes)} of ${formatBytes(ringBytes)} wait ` +
        'to be written',
      'Soon an append has to wait: see sync and write block, or take a larger ringBytes',
    );
  }
}

/** The room on the disk, and how long it lasts at this rate; of a log that still writes. */
function* spaceTroubles(look: Look, { bytesPerSecond }: Figures): Generator<Trouble> {
  const { diskFreeBytes } = look.recorder.manager;
  // 0: it is not known, or the state says it.
  if (look.status !== 'running' || look.state !== 'open' || diskFreeBytes === 0) return;
  const seconds = bytesPerSecond > 0 ? diskFreeBytes / bytesPerSecond : Number.POSITIVE_INFINITY;
  if (diskFreeBytes >= LITTLE_SPACE_BYTES && seconds >= SOON_SECONDS) return;
  const lasts =
    seconds < SOON_SECONDS ? `, enough for ${formatNs(seconds * 1e9)} at this rate` : '';
  yield warning(
    'disk-nearly-full',
    `the disk is nearly full: ${formatBytes(diskFreeBytes)} are free${lasts}`,
    'Free some space: a full disk refuses appends once the ring is full',
  );
}

function* diskTroubles(look: Look, figures: Figures): Generator<Trouble> {
  yield* spaceTroubles(look, figures);
  const { happened, latencies } = figures;
  const { waitedForSegment, failedSegments, hurriedSegments, metaFlushFailures } = happened;
  if (failedSegments > 0) {
    yield error(
      'segment-failed',
      `preparing a segment failed ${times(failedSegments)}`,
      'It is tried again: see that the folder has space and can be written',
    );
  }
  if (waitedForSegment > 0) {
    yield warning(
      'segment-waited',
      `the writer waited ${times(waitedForSegment)} for a segment`,
      'More preparedSegments, or larger segmentBytes',
    );
  }
  const sync = latencies.find(({ name, isOfInterval }) => name === 'sync' && isOfInterval);
  const longestNs = sync?.longestNs ?? 0;
  if (longestNs >= SLOW_SYNC_NS) {
    yield warning(
      'slow-sync',
      `a sync took ${formatNs(longestNs)}: durable() waits for it`,
      'The disk is slow, or busy with other writes',
    );
  }
  if (hurriedSegments > 0) {
    yield warning(
      'hurried-segments',
      'segments are used up before they are filled with zeros: syncs cost more',
      'A faster disk; more preparedSegments if the load comes in bursts',
    );
  }
  if (metaFlushFailures > 0) {
    yield warning(
      'meta-failed',
      `wal.meta could not be flushed ${times(metaFlushFailures)}`,
      'It is tried again: free some space, or correct the permissions of the folder',
    );
  }
}

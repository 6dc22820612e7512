// What is wrong with a log, in sentences: the worst first. Each names the symptom, and what it
// means; docs/METRICS.md has the whole way from symptom to remedy.

import { formatBytes, formatCount, formatEvents } from '../quantities.js';
import type { Figures } from './figures.js';
import type { Look } from './look.js';
import { formatNs } from './quantity.js';

export interface Trouble {
  readonly severity: 'error' | 'warning';
  readonly text: string;
}

/** Longer than any of its threads sleeps while all is well. */
const STALE_NS = { writer: 1e9, preparer: 5e9, housekeeping: 5e9 } as const;
export const THREADS = ['writer', 'preparer', 'housekeeping'] as const;

/** A disk that is well syncs faster. */
const SLOW_SYNC_NS = 100e6;
/** A shorter wait, for a segment or for room, is not worth a line while it lasts. */
const LONG_WAIT_NS = 100e6;
const NEARLY_FULL = 0.75;

export function diagnose(look: Look, figures: Figures, reason?: string): readonly Trouble[] {
  return [...stateTroubles(look, reason), ...threadTroubles(look), ...workTroubles(look, figures)];
}

/** Whether thread `name` should have been seen to move since. */
export const isStale = (look: Look, name: keyof typeof STALE_NS): boolean =>
  look.status === 'running' && (look.threads[name].ageNs ?? 0) > STALE_NS[name];

const error = (text: string): Trouble => ({ severity: 'error', text });
const warning = (text: string): Trouble => ({ severity: 'warning', text });

function* stateTroubles(
  { status, state, pid, waitingBytes, incomplete }: Look,
  reason: string | undefined,
): Generator<Trouble> {
  if (status === 'gone') {
    yield warning(reason ?? 'the log was closed: these are its last figures');
  } else if (status === 'dead') {
    const left =
      waitingBytes > 0
        ? `its ring has ${formatBytes(waitingBytes)} for the next open`
        : 'it left nothing in the ring';
    yield error(`process ${pid} ended without closing; ${left}`);
  }
  if (state === 'failed') {
    yield error('a write or sync failed: the log accepts nothing more until it is opened again');
  } else if (state === 'no-space') {
    yield error('the disk is full: appends continue while the ring has room; free some space');
  }
  if (incomplete.length > 0) {
    const names = incomplete.join(', ');
    yield warning(`a record was interrupted; these may be slightly off: ${names}`);
  }
}

function* threadTroubles(look: Look): Generator<Trouble> {
  for (const name of THREADS) {
    if (!isStale(look, name)) continue;
    const age = formatNs(look.threads[name].ageNs ?? 0);
    const cause = 'it is waiting for the disk or a processor';
    const what = `the ${name} thread has not moved for ${age}: ${cause}`;
    yield name === 'writer' ? error(what) : warning(what);
  }
}

function* workTroubles(look: Look, { happened, latencies }: Figures): Generator<Trouble> {
  const { stalls, stallNs, waitedForSegment, failedSegments } = happened;
  const times = (count: number): string => (count === 1 ? 'once' : `${formatCount(count)} times`);
  if (stalls > 0) {
    yield error(
      `appends waited ${times(stalls)} for ring space, ${formatNs(stallNs)}: slow disk or small ` +
        'ringBytes',
    );
  }
  const { ringStallAge } = look.recorder.manager;
  if (look.status === 'running' && ringStallAge > LONG_WAIT_NS) {
    yield error(`an append has been waiting for ring space for ${formatNs(ringStallAge)}`);
  }
  const { getNextSegmentAge } = look.recorder.segmentPreparer;
  if (look.status === 'running' && getNextSegmentAge > LONG_WAIT_NS) {
    yield error(`the writer has been waiting for a segment for ${formatNs(getNextSegmentAge)}`);
  }
  if (failedSegments > 0) yield error(`preparing a segment failed ${times(failedSegments)}`);
  if (waitedForSegment > 0) {
    yield warning(
      `the writer waited ${times(waitedForSegment)} for a segment: prepare more, or larger ones`,
    );
  }
  if (happened.refusedAppends > 0) {
    yield warning(`tryAppend found the ring full ${times(happened.refusedAppends)}`);
  }
  const sync = latencies.find(({ name, isOfInterval }) => name === 'sync' && isOfInterval);
  const longestNs = sync?.histogram.percentile(100) ?? 0;
  if (longestNs >= SLOW_SYNC_NS) {
    yield warning(`a sync took ${formatNs(longestNs)}: the disk is slow, durable() waits for it`);
  }
  if (look.status === 'running' && look.waitingBytes > NEARLY_FULL * look.ringBytes) {
    const events = formatEvents(look.recorder.segmentWriter.durableLagEvents);
    yield warning(`the ring is nearly full; ${events} are not durable`);
  }
  if (happened.hurriedSegments > 0) {
    yield warning('segments are used up faster than they can be zeroed: syncs cost more (hurried)');
  }
  if (happened.metaFlushFailures > 0) {
    yield warning(
      `wal.meta could not be flushed ${times(happened.metaFlushFailures)}; it is retried`,
    );
  }
}

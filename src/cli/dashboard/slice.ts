// What happened between two looks, as a part of a bucket.

import type { DurationReading, recorder } from '../../telemetry.js';
import type { Figures } from '../diagnosis/figures.js';
import type { Look } from '../diagnosis/look.js';
import { preparedAhead } from '../diagnosis/prepared-ahead.js';
import type { Trouble } from '../diagnosis/trouble.js';
import { type Bucket, type SpreadName, STAGES, type Stage } from './bucket.js';
import { type Spread, spreadOf } from './spread.js';

const METRICS: Readonly<Record<string, SpreadName>> = {
  appendEvent: 'append',
  durableWait: 'durable',
  durableLag: 'commit',
  sync: 'sync',
  getNextSegment: 'next',
};

type Preparer = recorder.SegmentPreparer;

export const STAGE_METRICS = {
  create: ({ prepareCreate }) => prepareCreate,
  allocate: ({ prepareAllocate }) => prepareAllocate,
  zero: ({ prepareZero }) => prepareZero,
  sync: ({ prepareSync }) => prepareSync,
} as const satisfies Record<Stage, (preparer: Preparer) => DurationReading>;

/**
 * @param figures of the interval between the two looks
 * @param at the second that it belongs to
 */
export function sliceOf(
  before: Look | undefined,
  now: Look,
  figures: Figures,
  troubles: readonly Trouble[],
  at: number,
): Bucket {
  const { seconds, happened } = figures;
  const preparer = now.recorder.segmentPreparer;
  const earlier = seconds === undefined ? preparer : (before ?? now).recorder.segmentPreparer;
  const by = (count: (of: Preparer) => number): number =>
    Math.max(0, count(preparer) - count(earlier));
  const times = (perSecond: number): number =>
    seconds === undefined ? 0 : Math.round(perSecond * seconds);
  const { durableLagEvents, durableLagBytes } = now.recorder.segmentWriter;
  const { replication } = now.recorder;
  const { acknowledge } = replication;
  const { acknowledge: acknowledged } = (seconds === undefined ? now : (before ?? now)).recorder
    .replication;
  const isRunning = now.status === 'running';
  return {
    at,
    seconds: seconds ?? 0,
    events: times(figures.eventsPerSecond),
    bytes: times(figures.bytesPerSecond),
    blocks: times(figures.blocksPerSecond),
    syncs: times(figures.syncsPerSecond),
    ready: by(({ getNextSegmentReady }) => getNextSegmentReady),
    waited: happened.waitedForSegment,
    failed: happened.failedSegments,
    hurried: happened.hurriedSegments,
    // A replicator of its own that is begun again counts anew.
    confirmed: Math.max(0, acknowledge.samples - acknowledged.samples),
    confirmedNs: Math.max(0, acknowledge.totalNs - acknowledged.totalNs),
    ringBytes: now.waitingBytes,
    lagEvents: durableLagEvents,
    lagBytes: durableLagBytes,
    lagNs: isRunning ? now.lasting.durableLagNs : 0,
    streamLagEvents: replication.lagEvents,
    streamLagNs: isRunning ? now.lasting.replicationLagNs : 0,
    waitingNs: isRunning ? now.lasting.nextSegmentNs : 0,
    severity: severityOf(troubles),
    preparedLow: preparedAhead(preparer),
    stages: Object.fromEntries(
      STAGES.map((stage) => [stage, by((of) => STAGE_METRICS[stage](of).totalNs)]),
    ) as Record<Stage, number>,
    spreads: spreadsOf(figures),
  };
}

function spreadsOf({ latencies }: Figures): Bucket['spreads'] {
  const spreads: Partial<Record<SpreadName, Spread>> = {};
  for (const { metric, histogram, isOfInterval, longestNs } of latencies) {
    const name = METRICS[metric];
    if (name === undefined || !isOfInterval) continue;
    spreads[name] = spreadOf(histogram.cells, histogram.outOfRange, longestNs);
  }
  return spreads;
}

const severityOf = (troubles: readonly Trouble[]): number =>
  troubles.some(({ severity }) => severity === 'error') ? 2 : troubles.length > 0 ? 1 : 0;

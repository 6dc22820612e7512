// A look, and what happened before it, as the page is told of them.

import { printable } from '../../errors.js';
import type { DurationReading } from '../../telemetry.js';
import type { Figures, LatencyFigures, Rates } from '../diagnosis/figures.js';
import { elsewhereOf, HEART_NAMES, isStale } from '../diagnosis/hearts.js';
import type { Look } from '../diagnosis/look.js';
import { preparedAhead } from '../diagnosis/prepared-ahead.js';
import { recoveryVerdict } from '../diagnosis/recovery-verdict.js';
import { STAGES, type Stage } from './bucket.js';
import { STAGE_METRICS } from './slice.js';
import type { ConsumerNow, DurationNow, PreparerNow, SeenLog, ThreadNow, TimeNow } from './wire.js';

/** As many as a page has room for: those that are furthest behind. */
const CONSUMERS_MAX = 50;

/**
 * @param rates of the last second
 * @param figures of the last seconds
 */
export function seenLog(now: Look, rates: Rates, figures: Figures): SeenLog {
  const { manager, segmentWriter, segmentMaintainer } = now.recorder;
  const { ringOccupancyBytesMax, ringStallOccupancyBytesMax } = manager;
  const { compressedContentBytes, compressedFileBytes } = segmentMaintainer;
  const recovery = recoveryVerdict(now);
  const isRunning = now.status === 'running';
  return {
    isRunning,
    pid: now.pid,
    uptimeNs: now.uptimeNs,
    version: printable(now.build.version),
    node: printable(now.build.node),
    ...(recovery && { recovery }),
    ...(rates.seconds !== undefined && {
      rates: {
        events: rates.eventsPerSecond,
        bytes: rates.bytesPerSecond,
        blocks: rates.blocksPerSecond,
        syncs: rates.syncsPerSecond,
      },
    }),
    appendedEventId: now.appendedEventId,
    writtenEventId: now.writtenEventId,
    durableEventId: now.durableEventId,
    lagEvents: segmentWriter.durableLagEvents,
    lagBytes: segmentWriter.durableLagBytes,
    lagNs: isRunning ? now.lasting.durableLagNs : 0,
    waitingBytes: now.waitingBytes,
    ringBytes: now.ringBytes,
    ringCapacityBytes: now.ringCapacityBytes,
    ringHighestBytes: Math.max(now.waitingBytes, ringOccupancyBytesMax, ringStallOccupancyBytesMax),
    diskFreeBytes: isRunning ? manager.diskFreeBytes : 0,
    times: figures.latencies.map(timeNow).filter(({ count, lastingNs }) => count + lastingNs > 0),
    preparer: preparerNow(now, figures),
    ...replicationNow(now),
    consumers: consumersNow(now),
    threads: threadsNow(now),
    compressionRatio: compressedFileBytes === 0 ? 0 : compressedContentBytes / compressedFileBytes,
  };
}

const timeNow = (latency: LatencyFigures): TimeNow => ({
  name: latency.name,
  isRecent: latency.isOfInterval,
  perSecond: Number.isFinite(latency.perSecond) ? latency.perSecond : 0,
  count: latency.histogram.count,
  p50Ns: latency.percentile(50),
  p99Ns: latency.percentile(99),
  p999Ns: latency.percentile(99.9),
  longestNs: latency.longestNs,
  worstNs: latency.worstNs,
  lastingNs: latency.lastingNs,
});

const durationNow = ({ samples, totalNs, minNs, maxNs }: DurationReading): DurationNow => ({
  samples,
  totalNs,
  minNs,
  maxNs,
});

function preparerNow(now: Look, { latencies }: Figures): PreparerNow {
  const { segmentPreparer: metrics } = now.recorder;
  const { getNextSegment, getNextSegmentHistogram, prepareSegment } = metrics;
  const recent = latencies.find(({ metric }) => metric === 'getNextSegment');
  return {
    getNextSegment: durationNow(getNextSegment),
    p99Ns: Math.min(getNextSegmentHistogram.percentile(99), getNextSegment.maxNs),
    recentMaxNs: recent?.isOfInterval === true ? recent.longestNs : 0,
    waitingNs: recent?.lastingNs ?? 0,
    ready: metrics.getNextSegmentReady,
    waited: metrics.getNextSegmentWaited,
    failed: metrics.getNextSegmentFailed,
    ahead: preparedAhead(metrics),
    aheadLimit: metrics.preparedSegmentsLimit,
    ...(getNextSegment.samples > 0 && { aheadLow: metrics.preparedSegmentsLow }),
    prepared: metrics.preparedSegments,
    hurried: metrics.hurriedSegments,
    recycled: metrics.recycledSegments,
    zeroedBytes: metrics.zeroedBytes,
    prepare: { ...durationNow(prepareSegment), failures: prepareSegment.failures },
    stages: Object.fromEntries(
      STAGES.map((stage) => [stage, durationNow(STAGE_METRICS[stage](metrics))]),
    ) as Record<Stage, DurationNow>,
  };
}

function replicationNow(now: Look): Pick<SeenLog, 'replication'> {
  const { recorder, lasting, state } = now;
  const { replication: of } = recorder;
  const { fedStreams, fencedStreams, lagEvents, acknowledge, acknowledgeHistogram } = of;
  if (fedStreams + fencedStreams === 0) return {};
  const { replicationLagNs: lagNs, engineWaitNs: waitNs } = lasting;
  const percentile = (percent: number): number =>
    Math.min(acknowledgeHistogram.percentile(percent), acknowledge.maxNs);
  const isFenced = state === 'fenced' || fencedStreams > 0;
  return {
    replication: {
      state: isFenced ? 'fenced' : waitNs > 0 ? 'waiting' : lagEvents > 0 ? 'behind' : 'well',
      streams: fedStreams,
      confirmedEventId: of.confirmedEventId,
      epoch: of.streamEpoch,
      lagEvents,
      lagBytes: of.lagBytes,
      lagNs,
      waitNs,
      answeredNs: of.engineAnswerAge,
      acknowledge: durationNow(acknowledge),
      p50Ns: percentile(50),
      p99Ns: percentile(99),
      resyncs: {
        conflict: of.conflicts,
        full: of.fullStreams,
        timeout: of.timeouts,
        unavailable: of.unavailabilities,
      },
      claims: of.claims,
      foundStored: of.foundStored,
      regressions: of.regressions,
      regressedEvents: of.regressedEvents,
    },
  };
}

function consumersNow({ consumers }: Look): ConsumerNow[] {
  // What a damaged one needs is not known: all.
  const behind = ({ lagEvents = Number.POSITIVE_INFINITY }: ConsumerNow): number => lagEvents;
  return consumers
    .map(
      ({ name, state, acknowledgedEventId, lag }): ConsumerNow => ({
        name: printable(name),
        state,
        ...(acknowledgedEventId !== undefined && { acknowledgedEventId }),
        ...(lag && { lagEvents: lag.events, lagBytes: lag.bytes, lagMs: lag.ms }),
      }),
    )
    .sort((one, other) => behind(other) - behind(one))
    .slice(0, CONSUMERS_MAX);
}

export const threadsNow = (look: Look): readonly ThreadNow[] =>
  HEART_NAMES.map((name) => threadNow(look, name));

function threadNow(look: Look, name: (typeof HEART_NAMES)[number]): ThreadNow {
  const { ageNs } = look.threads[name];
  const elsewhere = elsewhereOf(look, name);
  return {
    name,
    ...(ageNs !== undefined && { ageNs }),
    isStale: isStale(look, name),
    ...(elsewhere !== undefined && { elsewhere: printable(elsewhere) }),
  };
}

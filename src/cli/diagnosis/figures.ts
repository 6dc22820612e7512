// From two looks at a log to what happened between them. Metrics are cumulative and never reset, so
// any two looks will do.

import type { DurationReading, HistogramReading, recorder } from '../../telemetry.js';
import { NS_PER_SECOND } from '../../units.js';
import { type Bounds, percentileWithin } from './longest.js';
import type { Look } from './look.js';

type Recorder = recorder.Telemetry;

interface Latency {
  /** As the screen calls it. */
  readonly name: string;
  /** As the catalogue calls it. */
  readonly metric: string;
  readonly duration: (of: Recorder) => DurationReading;
  readonly histogram: (of: Recorder) => HistogramReading;
  /** The longest of the last 10 to 20 s, in nanoseconds; 0 where there was none. */
  readonly recentMaxNs?: (of: Recorder) => number;
  /** How long what will be the next sample has lasted by now, in nanoseconds. */
  readonly lastingNs?: (look: Look) => number;
}

/** In the order of an event's way. */
const LATENCIES: readonly Latency[] = [
  {
    name: 'append',
    metric: 'appendEvent',
    duration: ({ manager }) => manager.appendEvent,
    histogram: ({ manager }) => manager.appendEventHistogram,
    recentMaxNs: ({ manager }) => manager.appendEventRecentMax,
    lastingNs: ({ lasting }) => lasting.ringStallNs,
  },
  {
    name: 'refused',
    metric: 'appendRefused',
    duration: ({ manager }) => manager.appendRefused,
    histogram: ({ manager }) => manager.appendRefusedHistogram,
  },
  {
    name: 'ring stall',
    metric: 'ringStall',
    duration: ({ manager }) => manager.ringStall,
    histogram: ({ manager }) => manager.ringStallHistogram,
    recentMaxNs: ({ manager }) => manager.ringStallRecentMax,
    lastingNs: ({ lasting }) => lasting.ringStallNs,
  },
  {
    name: 'write block',
    metric: 'writeBlock',
    duration: ({ segmentWriter }) => segmentWriter.writeBlock,
    histogram: ({ segmentWriter }) => segmentWriter.writeBlockHistogram,
    recentMaxNs: ({ segmentWriter }) => segmentWriter.writeBlockRecentMax,
  },
  {
    name: 'sync',
    metric: 'sync',
    duration: ({ segmentWriter }) => segmentWriter.sync,
    histogram: ({ segmentWriter }) => segmentWriter.syncHistogram,
    recentMaxNs: ({ segmentWriter }) => segmentWriter.syncRecentMax,
  },
  {
    name: 'commit',
    metric: 'durableLag',
    duration: ({ segmentWriter }) => segmentWriter.durableLag,
    histogram: ({ segmentWriter }) => segmentWriter.durableLagHistogram,
    recentMaxNs: ({ segmentWriter }) => segmentWriter.durableLagRecentMax,
    lastingNs: ({ lasting }) => lasting.unsyncedNs,
  },
  {
    name: 'durable wait',
    metric: 'durableWait',
    duration: ({ manager }) => manager.durableWait,
    histogram: ({ manager }) => manager.durableWaitHistogram,
    recentMaxNs: ({ manager }) => manager.durableWaitRecentMax,
    lastingNs: ({ lasting }) => lasting.durableWaitNs,
  },
  {
    name: 'next segment',
    metric: 'getNextSegment',
    duration: ({ segmentPreparer }) => segmentPreparer.getNextSegment,
    histogram: ({ segmentPreparer }) => segmentPreparer.getNextSegmentHistogram,
    recentMaxNs: ({ segmentPreparer }) => segmentPreparer.getNextSegmentRecentMax,
    lastingNs: ({ lasting }) => lasting.nextSegmentNs,
  },
];

export interface LatencyFigures {
  readonly name: string;
  readonly metric: string;
  /** NaN without an interval. */
  readonly perSecond: number;
  /** Of the interval; where nothing was timed in it, of all since the log was opened. */
  readonly histogram: HistogramReading;
  readonly isOfInterval: boolean;
  /** Of the histogram: never too low, and exact where that is known. */
  readonly percentile: (percent: number) => number;
  /** The longest of the histogram's time, also if it was not among the samples. */
  readonly longestNs: number;
  /** The longest since the log was opened. */
  readonly worstNs: number;
  /** How long one that has not ended has lasted; 0: there is none. */
  readonly lastingNs: number;
}

/** What happened in the interval; all 0 without one. */
interface Happened {
  readonly stalls: number;
  readonly stallNs: number;
  readonly waitedForSegment: number;
  readonly failedSegments: number;
  readonly hurriedSegments: number;
  /** Calls that ended with an error. */
  readonly refusedCalls: number;
  /** Calls of tryAppend that found the ring full. */
  readonly refusedAppends: number;
  /** The ring was full and could not grow. */
  readonly refusedGrowths: number;
  readonly metaFlushFailures: number;
  /** What the maintainer could not do, and tries again; segments that it could not compress. */
  readonly maintenanceFailures: number;
  readonly compressionFailures: number;
}

export interface Rates {
  /** Length of the interval; undefined at the first look, and when the log does not run. */
  readonly seconds: number | undefined;
  /** These four are NaN without an interval. */
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly blocksPerSecond: number;
  readonly syncsPerSecond: number;
  /** Share of the time in which the maintainer worked; NaN without an interval. */
  readonly maintenanceShare: number;
}

export interface Figures extends Rates {
  readonly latencies: readonly LatencyFigures[];
  readonly happened: Happened;
}

/** What `since: 'opening'` shows is all since the log was opened, the rates excepted. */
export type Since = 'interval' | 'opening';

export function figuresOf(before: Look | undefined, now: Look, since: Since = 'interval'): Figures {
  const interval = intervalOf(before, now);
  const happened = happenedIn(interval);
  return {
    ...ratesIn(interval),
    latencies: withWaits(
      LATENCIES.map((latency) => latencyFigures(latency, interval, now, since)),
      happened.refusedCalls,
    ),
    happened,
  };
}

/**
 * One append in many is timed, and every wait for room is: an append that waited in the interval
 * took as long at least. A wait of an append that was refused in the end is none of an append.
 */
function withWaits(
  latencies: readonly LatencyFigures[],
  refusedCalls: number,
): readonly LatencyFigures[] {
  const stall = latencies.find(({ metric }) => metric === 'ringStall');
  if (stall === undefined || !stall.isOfInterval || refusedCalls > 0) return latencies;
  return latencies.map((latency) =>
    latency.metric === 'appendEvent'
      ? {
          ...latency,
          longestNs: Math.max(latency.longestNs, stall.longestNs),
          worstNs: Math.max(latency.worstNs, stall.longestNs),
        }
      : latency,
  );
}

function ratesIn(interval: Interval | undefined): Rates {
  const perSecond = (count: (of: Recorder) => number): number =>
    interval === undefined ? Number.NaN : change(interval, count) / interval.seconds;
  return {
    seconds: interval?.seconds,
    eventsPerSecond: perSecond(({ manager }) => manager.appendedEvents),
    bytesPerSecond: perSecond(({ segmentWriter }) => segmentWriter.blockBytes),
    blocksPerSecond: perSecond(({ segmentWriter }) => segmentWriter.writeBlock.samples),
    syncsPerSecond: perSecond(({ segmentWriter }) => segmentWriter.sync.samples),
    maintenanceShare:
      perSecond(({ segmentMaintainer }) => segmentMaintainer.persistenceLifecycle.activeNs) /
      NS_PER_SECOND,
  };
}

/** The rates of the figures alone: histograms are not looked at. */
export const ratesOf = (before: Look | undefined, now: Look): Rates =>
  ratesIn(intervalOf(before, now));

interface Interval {
  readonly seconds: number;
  readonly from: Recorder;
  readonly to: Recorder;
}

function intervalOf(before: Look | undefined, now: Look): Interval | undefined {
  if (before === undefined || before.path !== now.path || now.status !== 'running')
    return undefined;
  const seconds = (now.takenAtNs - before.takenAtNs) / NS_PER_SECOND;
  return seconds > 0 ? { seconds, from: before.recorder, to: now.recorder } : undefined;
}

const change = ({ from, to }: Interval, count: (of: Recorder) => number): number =>
  Math.max(0, count(to) - count(from));

/** A look does not change any more: each of its histograms is read once, whoever asks. */
const readings = new WeakMap<Recorder, Map<string, HistogramReading>>();

function histogramIn(of: Recorder, { metric, histogram }: Latency): HistogramReading {
  const known = readings.get(of) ?? new Map<string, HistogramReading>();
  readings.set(of, known);
  const reading = known.get(metric) ?? histogram(of);
  known.set(metric, reading);
  return reading;
}

/** Undefined where nothing was timed in between. */
function inBetween(interval: Interval, latency: Latency): HistogramReading | undefined {
  const to = histogramIn(interval.to, latency);
  const from = histogramIn(interval.from, latency);
  return to.count === from.count ? undefined : to.since(from);
}

function latencyFigures(
  latency: Latency,
  interval: Interval | undefined,
  now: Look,
  since: Since,
): LatencyFigures {
  const { name, metric, duration, recentMaxNs, lastingNs } = latency;
  const all = histogramIn(now.recorder, latency);
  const inInterval = interval === undefined ? undefined : inBetween(interval, latency);
  const isOfInterval = since === 'interval' && inInterval !== undefined && inInterval.count > 0;
  const histogram = isOfInterval ? inInterval : all;
  const { minNs, maxNs: worstNs } = duration(now.recorder);
  const recentNs = isOfInterval && coversRecent(interval) ? recentMaxNs?.(now.recorder) : undefined;
  // None of the last seconds means that none is kept: there was one in the interval.
  const bounds: Bounds = { minNs, maxNs: Math.min(worstNs, recentNs || worstNs) };
  const percentile = (percent: number): number => percentileWithin(histogram, percent, bounds);
  const isWorstOfInterval =
    interval !== undefined && worstNs > duration(interval.from).maxNs && isOfInterval;
  return {
    name,
    metric,
    perSecond:
      interval === undefined
        ? Number.NaN
        : change(interval, (of) => duration(of).samples) / interval.seconds,
    histogram,
    isOfInterval,
    percentile,
    longestNs: isWorstOfInterval || !isOfInterval ? worstNs : percentile(100),
    worstNs,
    lastingNs: now.status === 'running' ? (lastingNs?.(now) ?? 0) : 0,
  };
}

/** Whether the windows of the recent maxima reach back to where the interval began. */
const coversRecent = (interval: Interval | undefined): boolean =>
  interval !== undefined && interval.seconds <= 10;

function happenedIn(interval: Interval | undefined): Happened {
  const by = (count: (of: Recorder) => number): number =>
    interval === undefined ? 0 : change(interval, count);
  return {
    stalls: by(({ manager }) => manager.ringStall.samples),
    stallNs: by(({ manager }) => manager.ringStall.totalNs),
    waitedForSegment: by(({ segmentPreparer }) => segmentPreparer.getNextSegmentWaited),
    failedSegments: by(({ segmentPreparer }) => segmentPreparer.getNextSegmentFailed),
    hurriedSegments: by(({ segmentPreparer }) => segmentPreparer.hurriedSegments),
    refusedCalls: by(({ manager }) => manager.appendRefused.samples),
    refusedAppends: by(({ manager }) => manager.refusedAppends),
    refusedGrowths: by(({ manager }) => manager.ringGrowthsRefused),
    metaFlushFailures: by(({ metaStore }) => metaStore.metaFlushFailures),
    maintenanceFailures: by(({ segmentMaintainer }) => segmentMaintainer.maintenanceFailures),
    compressionFailures: by(
      ({ segmentMaintainer }) => segmentMaintainer.maintenanceCompression.failures,
    ),
  };
}

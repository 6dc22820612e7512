// From two looks at a log to what happened between them. Metrics are cumulative and never reset, so
// any two looks will do.

import type { DurationReading, HistogramReading, recorder } from '../../telemetry.js';
import { NS_PER_SECOND } from '../../units.js';
import type { Look } from './look.js';

type Recorder = recorder.Telemetry;

interface Latency {
  /** As the screen calls it. */
  readonly name: string;
  /** As the catalogue calls it. */
  readonly metric: string;
  readonly duration: (of: Recorder) => DurationReading;
  readonly histogram: (of: Recorder) => HistogramReading;
}

/** In the order of an event's way. */
const LATENCIES: readonly Latency[] = [
  {
    name: 'append',
    metric: 'appendEvent',
    duration: ({ manager }) => manager.appendEvent,
    histogram: ({ manager }) => manager.appendEventHistogram,
  },
  {
    name: 'ring stall',
    metric: 'ringStall',
    duration: ({ manager }) => manager.ringStall,
    histogram: ({ manager }) => manager.ringStallHistogram,
  },
  {
    name: 'write block',
    metric: 'writeBlock',
    duration: ({ segmentWriter }) => segmentWriter.writeBlock,
    histogram: ({ segmentWriter }) => segmentWriter.writeBlockHistogram,
  },
  {
    name: 'sync',
    metric: 'sync',
    duration: ({ segmentWriter }) => segmentWriter.sync,
    histogram: ({ segmentWriter }) => segmentWriter.syncHistogram,
  },
  {
    name: 'durable lag',
    metric: 'durableLag',
    duration: ({ segmentWriter }) => segmentWriter.durableLag,
    histogram: ({ segmentWriter }) => segmentWriter.durableLagHistogram,
  },
  {
    name: 'durable wait',
    metric: 'durableWait',
    duration: ({ manager }) => manager.durableWait,
    histogram: ({ manager }) => manager.durableWaitHistogram,
  },
  {
    name: 'next segment',
    metric: 'getNextSegment',
    duration: ({ segmentPreparer }) => segmentPreparer.getNextSegment,
    histogram: ({ segmentPreparer }) => segmentPreparer.getNextSegmentHistogram,
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
  /** The longest since the log was opened. */
  readonly maxNs: number;
}

/** What happened in the interval; all 0 without one. */
interface Happened {
  readonly stalls: number;
  readonly stallNs: number;
  readonly waitedForSegment: number;
  readonly failedSegments: number;
  readonly hurriedSegments: number;
  readonly refusedAppends: number;
  readonly metaFlushFailures: number;
}

export interface Figures {
  /** Length of the interval; undefined at the first look, and when the log does not run. */
  readonly seconds: number | undefined;
  /** These four are NaN without an interval. */
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly blocksPerSecond: number;
  readonly syncsPerSecond: number;
  readonly latencies: readonly LatencyFigures[];
  readonly happened: Happened;
}

/** What `since: 'opening'` shows is all since the log was opened, the rates excepted. */
export type Since = 'interval' | 'opening';

export function figuresOf(before: Look | undefined, now: Look, since: Since = 'interval'): Figures {
  const interval = intervalOf(before, now);
  const perSecond = (count: (of: Recorder) => number): number =>
    interval === undefined ? Number.NaN : change(interval, count) / interval.seconds;
  return {
    seconds: interval?.seconds,
    eventsPerSecond: perSecond(({ manager }) => manager.appendedEvents),
    bytesPerSecond: perSecond(({ segmentWriter }) => segmentWriter.blockBytes),
    blocksPerSecond: perSecond(({ segmentWriter }) => segmentWriter.writeBlock.samples),
    syncsPerSecond: perSecond(({ segmentWriter }) => segmentWriter.sync.samples),
    latencies: LATENCIES.map((latency) => latencyFigures(latency, interval, now, since)),
    happened: happenedIn(interval),
  };
}

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

function latencyFigures(
  { name, metric, duration, histogram: histogramIn }: Latency,
  interval: Interval | undefined,
  { recorder: now }: Look,
  since: Since,
): LatencyFigures {
  const all = histogramIn(now);
  const inInterval = interval === undefined ? undefined : all.since(histogramIn(interval.from));
  const isOfInterval = since === 'interval' && inInterval !== undefined && inInterval.count > 0;
  return {
    name,
    metric,
    perSecond:
      interval === undefined
        ? Number.NaN
        : change(interval, (of) => duration(of).samples) / interval.seconds,
    histogram: isOfInterval ? inInterval : all,
    isOfInterval,
    maxNs: duration(now).maxNs,
  };
}

function happenedIn(interval: Interval | undefined): Happened {
  const by = (count: (of: Recorder) => number): number =>
    interval === undefined ? 0 : change(interval, count);
  return {
    stalls: by(({ manager }) => manager.ringStall.samples),
    stallNs: by(({ manager }) => manager.ringStall.totalNs),
    waitedForSegment: by(({ segmentPreparer }) => segmentPreparer.getNextSegmentWaited),
    failedSegments: by(({ segmentPreparer }) => segmentPreparer.getNextSegmentFailed),
    hurriedSegments: by(({ segmentPreparer }) => segmentPreparer.hurriedSegments),
    refusedAppends: by(({ manager }) => manager.refusedAppends),
    metaFlushFailures: by(({ metaStore }) => metaStore.metaFlushFailures),
  };
}

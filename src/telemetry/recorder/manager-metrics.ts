// The top of the recorder: appends and their waits, as the application thread sees them, and what
// the writer thread does around its segments, and the disk that housekeeping looks at. Three
// writers; their lines stand 128 bytes apart.
import { type Clock, monotonicClock } from '../../clock/clock.js';
import { layout, wordOf } from '../../memory/layout.js';
import {
  age,
  constant,
  counter,
  defineMetrics,
  duration,
  gauge,
  histogram,
  journal,
  type MetricText,
  operation,
  recentMax,
} from '../../metrics/catalogue.js';
import { Counter64, Gauge64, putValue, readValue } from '../../metrics/counter64.js';
import { Duration64, raiseMax } from '../../metrics/duration64.js';
import { Journal, NoteKind } from '../../metrics/journal.js';
import { LatencyHistogram } from '../../metrics/latency-histogram.js';
import { structAccess, structOf } from '../../metrics/metrics-struct.js';
import { addSuccess, addUntimedFailure, Operation64 } from '../../metrics/operation64.js';
import { RecentMax64 } from '../../metrics/recent-max.js';
import { addTimedNote } from '../../metrics/timed-note.js';
import { Updater } from '../updater.js';

const ManagerLayout = layout('Manager')
  .field(0, 'appendEvent', Operation64)
  .field(64, 'appendEventHistogram', LatencyHistogram)
  .field(4352, 'appendEventJournal', Journal)
  .field(12672, 'appendEventRecentMax', RecentMax64)
  .field(12736, 'appendRefused', Duration64)
  .field(12800, 'appendRefusedHistogram', LatencyHistogram)
  .field(17088, 'ringStall', Duration64)
  .field(17152, 'ringStallHistogram', LatencyHistogram)
  .field(21440, 'ringStallRecentMax', RecentMax64)
  .field(21504, 'durableWait', Duration64)
  .field(21568, 'durableWaitHistogram', LatencyHistogram)
  .field(25856, 'durableWaitRecentMax', RecentMax64)
  .field(25920, 'appendedEvents', Counter64)
  .field(25984, 'refusedAppends', Counter64)
  .field(26048, 'ringStallAge', Gauge64)
  .field(26112, 'durableWaitAge', Gauge64)
  .field(26176, 'ringStallOccupancyBytesMax', Gauge64)
  .field(26240, 'ringGrowths', Counter64)
  .field(26304, 'ringGrowthsRefused', Counter64)
  .field(26368, 'initActiveSegment', Operation64)
  .field(26432, 'segmentRotation', Duration64)
  .field(26496, 'workPlanning', Duration64)
  .field(26560, 'persistCurrentSegment', Duration64)
  .field(26624, 'persistenceHotSegments', Gauge64)
  .field(26688, 'persistenceColdSegments', Gauge64)
  .field(26752, 'ringOccupancyBytes', Gauge64)
  .field(26816, 'ringOccupancyBytesMax', Gauge64)
  .field(26880, 'clockCost', Gauge64)
  .field(26944, 'appendSampling', Gauge64)
  .field(27008, 'wallClockSteps', Counter64)
  .field(27072, 'coarseTimeAge', Gauge64)
  .field(27136, 'coarseTimeAgeRecentMax', RecentMax64)
  .field(27200, 'ringPreparationsRefused', Counter64)
  .field(27264, 'diskFreeBytes', Gauge64)
  .end(27328, 64);

const at = ManagerLayout.offset;

/** Every timed group here begins with a duration, and its histogram follows on the next line. */
const HISTOGRAM = wordOf(at.appendEventHistogram - at.appendEvent);

/** What a note of an append tells: its word. */
const AppendNote = Object.freeze({ refused: 0, appended: 1, longOne: 2 });

function applyAppendEvent(
  words: Uint32Array,
  group: number,
  kind: number,
  low: number,
  high: number,
  what: number,
): void {
  if (what === AppendNote.refused) {
    addUntimedFailure(words, group);
  } else if (what === AppendNote.appended) {
    if (addTimedNote(words, group, group + HISTOGRAM, kind, low, high)) addSuccess(words, group);
  } else if (kind === NoteKind.sample) {
    // Not among the samples: of the calls that wait each one is seen, of the others one in 64.
    raiseMax(words, group, low, high);
  }
}

function applyTimed(
  words: Uint32Array,
  group: number,
  kind: number,
  low: number,
  high: number,
): void {
  addTimedNote(words, group, group + HISTOGRAM, kind, low, high);
}

const appended: MetricText = {
  writer: 'application',
  help: 'Time of an append that succeeded: one call in appendSampling',
  covers:
    'a call of append, including the wait for room. The longest is of all calls that waited, ' +
    'also of those that are not timed otherwise; failures count calls that were refused',
};
const refused: MetricText = {
  writer: 'application',
  help: 'Time of a call of append that was refused',
  covers:
    'each call of append, tryAppend or appendBatch that ends with an error because of the state ' +
    'of the log, a full ring or a full disk, from the check that refused it or from finding the ' +
    'ring full',
};
const stalled: MetricText = {
  writer: 'application',
  help: 'Time that an append waited for room in the full ring',
  covers:
    'from finding the ring full until there was room or the call threw; not where it was refused ' +
    'because the disk is full',
};
const waited: MetricText = {
  writer: 'application',
  help: 'Time that a call of durable() or durableSync() waited',
  covers:
    'from the call until its promise settled or it returned, without calls for ids that were ' +
    'already durable',
};

/** The clock readings of `precise` have no age: there nothing refreshes, and nothing is shown. */
const coarseTime = { writer: 'writer', isShownOnceSet: true } as const;

const MANAGER = defineMetrics(ManagerLayout, undefined, {
  appendEvent: operation({ ...appended, reference: 'append_event' }),
  appendEventHistogram: histogram({
    ...appended,
    reference: 'append_event_histogram',
    group: 'appendEvent',
  }),
  appendEventJournal: journal('appendEvent', 'application', applyAppendEvent),
  appendEventRecentMax: recentMax({
    ...appended,
    help: 'Longest append of the last 10 to 20 s',
    covers: 'the calls that are timed, and all that waited for room',
  }),
  appendRefused: duration(refused),
  appendRefusedHistogram: histogram({ ...refused, group: 'appendRefused' }),
  ringStall: duration(stalled),
  ringStallHistogram: histogram({ ...stalled, group: 'ringStall' }),
  ringStallRecentMax: recentMax({
    ...stalled,
    help: 'Longest wait for room in the ring of the last 10 to 20 s',
    covers: 'each wait, once it is over',
  }),
  durableWait: duration(waited),
  durableWaitHistogram: histogram({ ...waited, group: 'durableWait' }),
  durableWaitRecentMax: recentMax({
    ...waited,
    help: 'Longest wait of durable() or durableSync() of the last 10 to 20 s',
    covers: 'each wait, once it is over',
  }),
  appendedEvents: counter({
    unit: 'events',
    writer: 'application',
    help: 'Events that were appended',
    covers: 'each event that was published in the ring since the log was opened',
  }),
  refusedAppends: counter({
    writer: 'application',
    help: 'Calls of tryAppend that found the ring full',
    covers: 'each call that returned undefined',
  }),
  ringStallAge: age({
    writer: 'application',
    help: 'How long the current wait for room in the full ring has lasted; 0: there is none',
    covers: 'from finding the ring full until now',
  }),
  durableWaitAge: age({
    writer: 'application',
    help: 'How long the oldest call of durable() or durableSync() has waited; 0: none waits',
    covers: 'from the call until now: durableWait records a wait only once it is over',
  }),
  ringStallOccupancyBytesMax: gauge({
    unit: 'bytes',
    writer: 'application',
    help: 'Most bytes in the ring when an append found no room for its event',
    covers: 'each time an append begins to wait, even while the writer thread is stuck',
  }),
  ringGrowths: counter({
    writer: 'application',
    help: 'Times that the ring was full and was made larger',
    covers:
      'each growth, to two times its size or more, up to the option ringBytes; the append in ' +
      'which it happened takes up to a few milliseconds',
  }),
  ringGrowthsRefused: counter({
    writer: 'application',
    help: 'Times that the ring was full and could not grow: there was no shared memory',
    covers:
      'each time the system refused memory, asked for again after 100 ms at the earliest; the ' +
      'ring stays as it is, and appends wait for room',
  }),
  initActiveSegment: operation({
    reference: 'restore_or_create_segment',
    failures: 'unseen',
    writer: 'writer',
    help: 'Time until the log had a segment to write to',
    covers:
      'from the end of recovery: writing the rings of crashed processes to disk, creating the ' +
      'shared region, preparing and publishing the first segment (unless one is continued)',
  }),
  segmentRotation: duration({
    reference: 'segment_rotation',
    writer: 'writer',
    help: 'Time of one rotation',
    covers:
      'all five steps, without waiting for a prepared segment; the first segment of a log, and ' +
      'one after a torn end, finish none and are in openNewSegment alone',
  }),
  workPlanning: duration({
    reference: 'work_planning',
    writer: 'writer',
    help: 'Time to plan one block',
    covers: 'gathering complete frames and batches from the ring',
  }),
  persistCurrentSegment: duration({
    reference: 'persist_current_segment',
    writer: 'writer',
    help: 'Time to get the current segment onto disk completely',
    covers: 'last sync and watermark, when the log closes or a crashed ring has been written',
  }),
  persistenceHotSegments: gauge({
    reference: 'persistence_hot_segments',
    unit: 'segments',
    writer: 'writer',
    help: 'Segments that are not compressed',
    covers: 'all segments, as of the open or the last rotation',
  }),
  persistenceColdSegments: gauge({
    reference: 'persistence_cold_segments',
    unit: 'segments',
    writer: 'writer',
    help: 'Segments that are compressed',
    covers: "as of the open or the writer's last look",
  }),
  ringOccupancyBytes: gauge({
    unit: 'bytes',
    writer: 'reader',
    help: 'Bytes in the ring that are not written to a segment yet',
    covers: 'the two ends of the ring, at the moment of the look, whatever the threads do',
  }),
  ringOccupancyBytesMax: gauge({
    unit: 'bytes',
    writer: 'writer',
    help: 'Most bytes in the ring at once (high-water mark)',
    covers:
      'each look of the writer thread since the log was opened (the ring is fullest just before ' +
      'a block is written), and the look that reads this',
  }),
  clockCost: constant({
    unit: 'ps',
    writer: 'writer',
    help: 'Cost of one clock reading, and so the error of every time measured here',
    covers: 'the mean of a thousand readings, the best of several rounds, when the log opens',
  }),
  appendSampling: constant({
    unit: 'calls',
    writer: 'writer',
    help: 'One append in this many is timed; 0: none',
    covers: 'set when the log opens',
  }),
  wallClockSteps: counter({
    unit: 'steps',
    writer: 'writer',
    help: 'Steps of the wall clock, and suspends, that new timestamps have followed',
    covers:
      'each check (at most ten per second) that found the wall clock 10 ms or more away from ' +
      'where it should be according to the monotonic clock; after a step backwards, timestamps ' +
      'stay the same until the clock has caught up',
  }),
  coarseTimeAge: age({
    ...coarseTime,
    help: 'How old the time is that the next event gets with timestamps: coarse',
    covers: 'from the last refresh until now; only in logs that were opened with coarse timestamps',
  }),
  coarseTimeAgeRecentMax: recentMax({
    ...coarseTime,
    help: 'Longest time between two refreshes of coarse time of the last 10 to 20 s',
    covers:
      'what a coarse timestamp was behind at most: from each refresh to the next, over writes, ' +
      'syncs and sleeps of the writer; only in logs that were opened with coarse timestamps',
  }),
  ringPreparationsRefused: counter({
    writer: 'writer',
    help: 'Times that shared memory for a larger ring, wanted ahead of need, was refused',
    covers:
      'each time half of the ring was in use and the system refused memory, asked for again ' +
      'after a second at the earliest',
  }),
  diskFreeBytes: gauge({
    unit: 'bytes',
    writer: 'housekeeping',
    help: "Bytes that this user may still write to the log's file system; 0: none, or not known",
    covers: 'what the system says once a second (statfs); quotas are not in it',
  }),
});

/** Puts the bytes that wait in the ring into a copy of the struct that begins at word `start`. */
export function fillOccupancy(copy: Uint32Array, start: number, waitingBytes: number): void {
  const most = start + wordOf(at.ringOccupancyBytesMax);
  putValue(copy, start + wordOf(at.ringOccupancyBytes), waitingBytes);
  putValue(copy, most, Math.max(readValue(copy, most), waitingBytes));
}

/** Metrics of the WAL recorder's manager. */
export class Manager extends structOf(MANAGER) {
  static readonly layout = ManagerLayout;
}

/** The counter that the ring's producer moves with every event. */
export function appendedEventsOf(metrics: Manager): { words: Uint32Array; at: number } {
  const { words, start } = structAccess(metrics).memory;
  return { words, at: start + wordOf(at.appendedEvents) };
}

/** Records appends, for the application's thread, and the work around segments, for the writer. */
export class ManagerUpdater extends Updater {
  constructor(metrics: Manager, clock: Clock = monotonicClock) {
    super(MANAGER, metrics, clock);
    Object.freeze(this);
  }

  /** @param ok false: the call was refused */
  onAppendEvent(startNs: number, ok: boolean): void {
    this.#noteAppend(startNs, ok ? AppendNote.appended : AppendNote.refused);
    if (ok) {
      this.recent(wordOf(at.appendEventRecentMax));
      return;
    }
    this.recordWhole(wordOf(at.appendRefused), wordOf(at.ringStall), applyTimed, startNs);
  }

  /** An append that is not timed otherwise has waited for room: it may be the longest. */
  onLongAppend(startNs: number): void {
    this.#noteAppend(startNs, AppendNote.longOne);
    this.recent(wordOf(at.appendEventRecentMax));
  }

  #noteAppend(startNs: number, what: number): void {
    const group = wordOf(at.appendEvent);
    const journalAt = wordOf(at.appendEventJournal);
    this.note(group, journalAt, applyAppendEvent, startNs, what, 0);
  }

  /** Puts the start of an append into `interval`, for `onAppendEventSince`. */
  startAppendEvent(interval: Float64Array): void {
    this.begin(interval);
  }

  /** A success; no double crosses a call on the append path, where it would be boxed. */
  onAppendEventSince(interval: Float64Array): void {
    const group = wordOf(at.appendEvent);
    const journalAt = wordOf(at.appendEventJournal);
    this.noteInterval(group, journalAt, applyAppendEvent, interval, AppendNote.appended, 0);
    this.recent(wordOf(at.appendEventRecentMax), interval);
  }

  /** An append begins to wait; `onRingStall` ends it, or a `sinceNs` of 0. */
  setRingStall(sinceNs: number, occupancyBytesMax: number): void {
    this.set(wordOf(at.ringStallOccupancyBytesMax), occupancyBytesMax);
    this.set(wordOf(at.ringStallAge), sinceNs);
  }

  onRingStall(startNs: number): void {
    this.set(wordOf(at.ringStallAge), 0);
    this.recordWhole(wordOf(at.ringStall), wordOf(at.ringStallRecentMax), applyTimed, startNs);
    this.recent(wordOf(at.ringStallRecentMax));
  }

  /** From the event loop, whose jobs nothing cuts short. */
  onDurableWait(startNs: number): void {
    this.record(wordOf(at.durableWait), applyTimed, startNs, 0, 0);
    this.recent(wordOf(at.durableWaitRecentMax));
  }

  /** @param sinceNs when the oldest call that waits was made; 0: none */
  setDurableWaitSince(sinceNs: number): void {
    this.set(wordOf(at.durableWaitAge), sinceNs);
  }

  onRefusedAppend(): void {
    this.count(wordOf(at.refusedAppends));
  }

  onRingGrowth(): void {
    this.count(wordOf(at.ringGrowths));
  }

  onRefusedRingGrowth(): void {
    this.count(wordOf(at.ringGrowthsRefused));
  }

  /** For the writer. */
  onRefusedRingPreparation(): void {
    this.count(wordOf(at.ringPreparationsRefused));
  }

  onInitActiveSegment(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.initActiveSegment), startNs, ok);
  }

  onWallClockStep(): void {
    this.count(wordOf(at.wallClockSteps));
  }

  /** Coarse time was refreshed at `nowNs`, and before at `previousNs`; NaN: this is the first. */
  onCoarseTime(previousNs: number, nowNs: number): void {
    this.set(wordOf(at.coarseTimeAge), nowNs);
    this.recentSpan(wordOf(at.coarseTimeAgeRecentMax), previousNs, nowNs);
  }

  onSegmentRotation(startNs: number): void {
    this.time(wordOf(at.segmentRotation), startNs);
  }

  onWorkPlanning(startNs: number): void {
    this.time(wordOf(at.workPlanning), startNs);
  }

  onPersistCurrentSegment(startNs: number): void {
    this.time(wordOf(at.persistCurrentSegment), startNs);
  }

  setHotSegments(segments: number): void {
    this.set(wordOf(at.persistenceHotSegments), segments);
  }

  setColdSegments(segments: number): void {
    this.set(wordOf(at.persistenceColdSegments), segments);
  }

  setRingOccupancyMax(bytes: number): void {
    this.set(wordOf(at.ringOccupancyBytesMax), bytes);
  }

  setConstants(clockCostPs: number, appendSampling: number): void {
    this.set(wordOf(at.clockCost), clockCostPs);
    this.set(wordOf(at.appendSampling), appendSampling);
  }
}

/** Records the room on the disk, for the housekeeping thread. */
export class DiskUpdater extends Updater {
  constructor(metrics: Manager, clock: Clock = monotonicClock) {
    super(MANAGER, metrics, clock);
    Object.freeze(this);
  }

  setDiskFree(bytes: number): void {
    this.set(wordOf(at.diskFreeBytes), bytes);
  }
}

// The top of the recorder: appends and their waits, as the application thread sees them, and what
// the writer thread does around its segments. Two writers; their lines stand 128 bytes apart.
import { type Clock, monotonicClock } from '../../clock/clock.js';
import { layout, pad, wordOf } from '../../memory/layout.js';
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
} from '../../metrics/catalogue.js';
import { Counter64, Gauge64 } from '../../metrics/counter64.js';
import { Duration64 } from '../../metrics/duration64.js';
import { Journal } from '../../metrics/journal.js';
import { LatencyHistogram } from '../../metrics/latency-histogram.js';
import { structAccess, structOf } from '../../metrics/metrics-struct.js';
import { addSuccess, Operation64 } from '../../metrics/operation64.js';
import { addTimedNote } from '../../metrics/timed-note.js';
import { Updater } from '../updater.js';

const ManagerLayout = layout('Manager')
  .field(0, 'appendEvent', Operation64)
  .field(64, 'appendEventHistogram', LatencyHistogram)
  .field(4352, 'appendEventJournal', Journal)
  .field(12672, 'ringStall', Duration64)
  .field(12736, 'ringStallHistogram', LatencyHistogram)
  .field(17024, 'durableWait', Duration64)
  .field(17088, 'durableWaitHistogram', LatencyHistogram)
  .field(21376, 'appendedEvents', Counter64)
  .field(21440, 'refusedAppends', Counter64)
  .field(21504, 'initActiveSegment', Operation64)
  .field(21568, 'segmentRotation', Duration64)
  .field(21632, 'workPlanning', Duration64)
  .field(21696, 'persistCurrentSegment', Duration64)
  .field(21760, 'persistenceHotSegments', Gauge64)
  .field(21824, 'persistenceColdSegments', Gauge64)
  .field(21888, 'ringOccupancyBytes', Gauge64)
  .field(21952, 'ringOccupancyBytesMax', Gauge64)
  .field(22016, 'clockCost', Gauge64)
  .field(22080, 'appendSampling', Gauge64)
  .field(22144, 'ringStallAge', Gauge64)
  .field(22208, 'ringStallOccupancyBytesMax', Gauge64)
  .field(22272, 'spare0', pad(64))
  .field(22336, 'wallClockSteps', Counter64)
  .end(22400, 64);

const at = ManagerLayout.offset;

/** Every timed group here begins with a duration, and its histogram follows on the next line. */
const HISTOGRAM = wordOf(at.appendEventHistogram - at.appendEvent);

/** A note's word: 1 when the event was appended, 0 when the call threw. */
function applyAppendEvent(
  words: Uint32Array,
  group: number,
  kind: number,
  low: number,
  high: number,
  ok: number,
): void {
  if (!addTimedNote(words, group, group + HISTOGRAM, kind, low, high)) return;
  if (ok === 1) addSuccess(words, group);
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
  help: 'Time of append: one call in appendSampling, and every call that was refused',
  covers:
    'a call of append, including the wait for room; every call that is refused with an error ' +
    'because of the state of the log or a full ring',
};
const stalled: MetricText = {
  writer: 'application',
  help: 'Time that an append waited for room in the full ring',
  covers: 'from finding the ring full until there was room or the call threw',
};
const waited: MetricText = {
  writer: 'application',
  help: 'Time that a call of durable() waited',
  covers:
    'from the call until its promise settled, without calls for ids that were already durable',
};

const MANAGER = defineMetrics(ManagerLayout, undefined, {
  appendEvent: operation({ ...appended, reference: 'append_event' }),
  appendEventHistogram: histogram({
    ...appended,
    reference: 'append_event_histogram',
    group: 'appendEvent',
  }),
  appendEventJournal: journal('appendEvent', 'application', applyAppendEvent),
  ringStall: duration({ ...stalled, exportedIn: 'seconds' }),
  ringStallHistogram: histogram({ ...stalled, group: 'ringStall' }),
  durableWait: duration({ ...waited, exportedIn: 'seconds' }),
  durableWaitHistogram: histogram({ ...waited, group: 'durableWait' }),
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
    covers: 'as of the open or the last rotation',
  }),
  persistenceColdSegments: gauge({
    reference: 'persistence_cold_segments',
    isFed: false,
    unit: 'segments',
    writer: 'writer',
    help: 'Segments that are compressed',
    covers: 'as of the open',
  }),
  ringOccupancyBytes: gauge({
    unit: 'bytes',
    writer: 'writer',
    help: 'Bytes in the ring that are not written to a segment yet',
    covers: 'when the writer thread last looked, before and after each block',
  }),
  ringOccupancyBytesMax: gauge({
    unit: 'bytes',
    writer: 'writer',
    help: 'Most bytes in the ring at once (high-water mark)',
    covers:
      'each look of the writer thread since the log was opened: the ring is fullest just before ' +
      'a block is written',
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
  ringStallAge: age({
    writer: 'application',
    help: 'How long the current wait for room in the full ring has lasted; 0: there is none',
    covers: 'from finding the ring full until now',
  }),
  ringStallOccupancyBytesMax: gauge({
    unit: 'bytes',
    writer: 'application',
    help: 'Most bytes in the ring when an append found no room for its event',
    covers: 'each time an append begins to wait, even while the writer thread is stuck',
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
});

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

  onAppendEvent(startNs: number, ok: boolean): void {
    const group = wordOf(at.appendEvent);
    const journalAt = wordOf(at.appendEventJournal);
    this.note(group, journalAt, applyAppendEvent, startNs, ok ? 1 : 0, 0);
  }

  /** Puts the start of an append into `interval`, for `onAppendEventSince`. */
  startAppendEvent(interval: Float64Array): void {
    this.begin(interval);
  }

  /** As `onAppendEvent`; no double crosses a call on the append path, where it would be boxed. */
  onAppendEventSince(interval: Float64Array, ok: boolean): void {
    const group = wordOf(at.appendEvent);
    const journalAt = wordOf(at.appendEventJournal);
    this.noteInterval(group, journalAt, applyAppendEvent, interval, ok ? 1 : 0, 0);
  }

  /** An append begins to wait; `onRingStall` ends it. */
  setRingStall(sinceNs: number, occupancyBytesMax: number): void {
    this.set(wordOf(at.ringStallOccupancyBytesMax), occupancyBytesMax);
    this.set(wordOf(at.ringStallAge), sinceNs);
  }

  onRingStall(startNs: number): void {
    this.set(wordOf(at.ringStallAge), 0);
    this.recordWhole(wordOf(at.ringStall), wordOf(at.durableWait), applyTimed, startNs);
  }

  /** From the event loop, whose jobs nothing cuts short. */
  onDurableWait(startNs: number): void {
    this.record(wordOf(at.durableWait), applyTimed, startNs, 0, 0);
  }

  onRefusedAppend(): void {
    this.count(wordOf(at.refusedAppends));
  }

  onInitActiveSegment(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.initActiveSegment), startNs, ok);
  }

  onWallClockStep(): void {
    this.count(wordOf(at.wallClockSteps));
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

  setRingOccupancy(bytes: number, bytesMax: number): void {
    this.set(wordOf(at.ringOccupancyBytes), bytes);
    this.set(wordOf(at.ringOccupancyBytesMax), bytesMax);
  }

  setConstants(clockCostPs: number, appendSampling: number): void {
    this.set(wordOf(at.clockCost), clockCostPs);
    this.set(wordOf(at.appendSampling), appendSampling);
  }
}

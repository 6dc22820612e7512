// Reading a whole log: finding an event, stepping from event to event; recovery when a log opens.
import { type Clock, monotonicClock } from '../../clock/clock.js';
import { layout, wordOf } from '../../memory/layout.js';
import {
  counter,
  defineMetrics,
  duration,
  histogram,
  journal,
  type MetricText,
  operation,
} from '../../metrics/catalogue.js';
import { Counter64 } from '../../metrics/counter64.js';
import { Duration64 } from '../../metrics/duration64.js';
import { Journal } from '../../metrics/journal.js';
import { LatencyHistogram } from '../../metrics/latency-histogram.js';
import { structOf } from '../../metrics/metrics-struct.js';
import { Operation64 } from '../../metrics/operation64.js';
import { addTimedNote } from '../../metrics/timed-note.js';
import { Updater } from '../updater.js';

const ManagerLayout = layout('Manager')
  .field(0, 'readSegmentHeader', Operation64)
  .field(64, 'resumeFromEvent', Operation64)
  .field(128, 'seekEvent', Duration64)
  .field(192, 'nextEvent', Duration64)
  .field(256, 'nextEventHistogram', LatencyHistogram)
  .field(4544, 'nextEventJournal', Journal)
  .field(12864, 'recoverLog', Operation64)
  .field(12928, 'judgeTail', Duration64)
  .field(12992, 'rewritePrefix', Operation64)
  .field(13056, 'rewrittenBytes', Counter64)
  .end(13120, 64);

const at = ManagerLayout.offset;
const NEXT_EVENT = wordOf(at.nextEvent);
const NEXT_EVENT_HISTOGRAM = wordOf(at.nextEventHistogram) - NEXT_EVENT;

function applyNextEvent(
  words: Uint32Array,
  group: number,
  kind: number,
  low: number,
  high: number,
): void {
  addTimedNote(words, group, group + NEXT_EVENT_HISTOGRAM, kind, low, high);
}

const READER = { writer: 'any' } as const;
const NEXT: MetricText = {
  ...READER,
  help: 'Time to move to the next event: one step in 64',
  covers: 'a step to the next event, including reading and verifying its block if it begins one',
};

const RECOVERY_MANAGER = defineMetrics(ManagerLayout, undefined, {
  readSegmentHeader: operation({
    reference: 'read_segment_header',
    ...READER,
    help: 'Time to read the header of a segment, while segments are scanned',
    covers: 'opening the file, reading and checking its header page, closing it',
  }),
  resumeFromEvent: operation({
    reference: 'resume_from_event',
    ...READER,
    help: 'Time to find the place in the log where reading begins',
    covers: 'from the request for an event until its block is found; failed: it is not in the log',
  }),
  seekEvent: duration({
    reference: 'seek_event',
    ...READER,
    help: 'Time to find the segment of an event',
    covers: 'listing the folder, scanning headers, opening the segment and its successor',
  }),
  nextEvent: duration({ ...NEXT, reference: 'next_event' }),
  nextEventHistogram: histogram({
    ...NEXT,
    reference: 'next_event_histogram',
    group: 'nextEvent',
  }),
  nextEventJournal: journal('nextEvent', 'any', applyNextEvent),
  recoverLog: operation({
    ...READER,
    failures: 'unseen',
    help: 'Time to recover the files of a log when it is opened',
    covers: 'scanning the folder, verifying the last segment, judging its end, rewriting',
  }),
  judgeTail: duration({
    ...READER,
    help: 'Time to judge where the log ends',
    covers: 'gathering what was reported durable, and scanning the file after its last valid block',
  }),
  rewritePrefix: operation({
    ...READER,
    failures: 'unseen',
    help: 'Time to write again what a failed sync may have lost',
    covers: 'reading, writing and syncing the accepted blocks after the last durable event',
  }),
  rewrittenBytes: counter({
    ...READER,
    unit: 'bytes',
    help: 'Bytes that were written again',
    covers: 'each rewrite, once it is synced',
  }),
});

/** Metrics of the WAL recovery manager. */
export class Manager extends structOf(RECOVERY_MANAGER) {
  static readonly layout = ManagerLayout;
}

/** Records for the thread that reads. `startNs` is always `clock.nowNs()` when the work began. */
export class ManagerUpdater extends Updater {
  constructor(metrics: Manager, clock: Clock = monotonicClock) {
    super(RECOVERY_MANAGER, metrics, clock);
    Object.freeze(this);
  }

  onReadSegmentHeader(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.readSegmentHeader), startNs, ok);
  }

  onResumeFromEvent(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.resumeFromEvent), startNs, ok);
  }

  onSeekEvent(startNs: number): void {
    this.time(wordOf(at.seekEvent), startNs);
  }

  onNextEvent(startNs: number): void {
    this.note(NEXT_EVENT, wordOf(at.nextEventJournal), applyNextEvent, startNs, 0, 0);
  }

  onRecoverLog(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.recoverLog), startNs, ok);
  }

  onJudgeTail(startNs: number): void {
    this.time(wordOf(at.judgeTail), startNs);
  }

  /** @param bytes that were rewritten, below 2^32 */
  onRewritePrefix(startNs: number, ok: boolean, bytes: number): void {
    this.operation(wordOf(at.rewritePrefix), startNs, ok);
    if (ok) this.count(wordOf(at.rewrittenBytes), bytes);
  }
}

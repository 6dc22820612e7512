// Reads the counters and marks of a log, and makes an interval of what has come since the last
// sample, whose totals stand in the area. Ten times a second for each log that is busy: it
// allocates nothing.
import { wordOf } from '../../memory/layout.js';
import { Counter64 } from '../../metrics/counter64.js';
import { Duration64 } from '../../metrics/duration64.js';
import { bytesBetween, LogState } from '../../ring/ring-control.js';
import type { TimesOfThread } from '../../storage/thread-times.js';
import { NS_PER_SECOND, NS_PER_US } from '../../units.js';
import { elapsedMs } from '../heartbeats.js';
import { Manager } from '../recorder/manager-metrics.js';
import { SegmentWriter } from '../recorder/segment-writer-metrics.js';
import { SegmentPreparer } from '../recorder/worker/segment-preparer-metrics.js';
import { MarksReader } from '../thread-marks.js';
import { INTERVAL_FIELDS, INTERVAL_MARKS, type IntervalField } from './interval.js';
import { newFields } from './interval-records.js';
import { at, THREAD_TIMES, TOTALS, type Total } from './interval-totals.js';
import type { StallMemory } from './stall-memory.js';

const SAMPLES = wordOf(Duration64.offset.samples);
const TOTAL = wordOf(Duration64.offset.totalNs);
const VALUE = wordOf(Counter64.offset.value);

/** A file of the system is read for each thread. */
const TIMES_EVERY_NS = 4 * NS_PER_SECOND;

const SYNC_STEPS = ['sync', 'rotateSync', 'rotateHeader', 'rotateRename', 'rotateDirectorySync'];
const WRITE_STEPS = ['writeBlock', 'rotateSeal', 'writeWatermark'];
const PREPARER_STEPS = ['prepareCreate', 'prepareAllocate', 'prepareZero', 'prepareSync'];

/** What is read with the times of threads. */
const TIMES = [...THREAD_TIMES, 'timesTakenNs' as const].map((name) => at[name]);

/** Kinds of waits, by their place in WAIT_KINDS. */
const [APPEND, DURABLE, SEGMENT] = [0, 1, 2];

export class IntervalReader {
  readonly #memory: StallMemory;
  readonly #timesOf: TimesOfThread;
  readonly #lines: Readonly<Record<'sync' | 'write' | 'preparer', readonly number[]>>;
  readonly #events: number;
  /** Since when something waits, by kind. */
  readonly #ages: readonly number[];
  readonly #writer: MarksReader;
  readonly #preparer: MarksReader;
  readonly #helper: MarksReader;
  readonly #application: MarksReader;
  readonly #now = new Float64Array(TOTALS.length);
  /** What was read, by the words of INTERVAL_FIELDS; the next reading overwrites it. */
  readonly fields = newFields();
  #timesDueNs = 0;

  constructor(memory: StallMemory, timesOf: TimesOfThread) {
    this.#memory = memory;
    this.#timesOf = timesOf;
    const lines = (struct: typeof SegmentWriter | typeof SegmentPreparer, names: string[]) =>
      names.map((name) => memory.lineOf(struct, name));
    this.#lines = {
      sync: lines(SegmentWriter, SYNC_STEPS),
      write: lines(SegmentWriter, WRITE_STEPS),
      preparer: lines(SegmentPreparer, PREPARER_STEPS),
    };
    this.#events = memory.lineOf(Manager, 'appendedEvents') + VALUE;
    this.#ages = [
      memory.lineOf(Manager, 'ringStallAge') + VALUE,
      memory.lineOf(Manager, 'durableWaitAge') + VALUE,
      memory.lineOf(SegmentPreparer, 'getNextSegmentAge') + VALUE,
    ];
    const { words } = memory;
    this.#writer = new MarksReader(words, 'writer');
    this.#preparer = new MarksReader(words, 'preparer');
    this.#helper = new MarksReader(words, 'housekeeping');
    this.#application = new MarksReader(words, 'application');
  }

  /** What has come since the last sample, into `fields`; `advance` makes this one the last. */
  read(nowNs: number): void {
    this.#readCounters(nowNs);
    this.#readThreadTimes(nowNs);
    this.#difference(nowNs);
  }

  advance(): void {
    this.#memory.area.last.set(this.#now);
  }

  /** Turns of the application's event loop; see ThreadReading. */
  get applicationBeats(): number {
    return this.#application.beats;
  }

  /** Since when somebody waits, by the kind's place in WAIT_KINDS, in ns; 0: nobody does. */
  waitingSinceNs(kind: number): number {
    return this.#memory.number(this.#ages[kind] as number);
  }

  /** Somebody waits, and has done so for so long. */
  isWaiting(nowNs: number, leastNs: number): boolean {
    for (let kind = 0; kind < this.#ages.length; kind++) {
      const sinceNs = this.waitingSinceNs(kind);
      if (sinceNs !== 0 && nowNs - sinceNs >= leastNs) return true;
    }
    return false;
  }

  /** Nothing was appended since the last sample, and nothing waits. */
  get isStill(): boolean {
    const events = this.#memory.number(this.#events);
    return events === this.#memory.area.last[at.events] && !this.isWaiting(0, -Infinity);
  }

  /**
   * The next interval begins here, without one before it: nothing of the rest is part of it. At
   * rest threads hardly run, and a hundred logs must cost little: their times may be some seconds
   * older.
   */
  passOver(nowNs: number): void {
    const { last } = this.#memory.area;
    const isDue = nowNs >= this.#timesDueNs;
    if (isDue) this.#timesDueNs = nowNs + TIMES_EVERY_NS;
    this.#readCounters(nowNs);
    if (isDue) this.#readThreadTimes(nowNs);
    else
      for (let index = 0; index < TIMES.length; index++) this.#keep(last, TIMES[index] as number);
    this.advance();
  }

  #keep(last: Float64Array, index: number): void {
    this.#now[index] = last[index] as number;
  }

  #sum(lines: readonly number[], word: number): number {
    let sum = 0;
    for (let index = 0; index < lines.length; index++) {
      sum += this.#memory.number((lines[index] as number) + word);
    }
    return sum;
  }

  #readCounters(nowNs: number): void {
    const now = this.#now;
    now[at.takenNs] = nowNs;
    now[at.events] = this.#memory.number(this.#events);
    now[at.writes] = this.#sum(this.#lines.write, SAMPLES);
    now[at.writeNs] = this.#sum(this.#lines.write, TOTAL);
    now[at.syncs] = this.#sum(this.#lines.sync, SAMPLES);
    now[at.syncNs] = this.#sum(this.#lines.sync, TOTAL);
    now[at.preparerNs] = this.#sum(this.#lines.preparer, TOTAL);
    now[at.writerAtOthersUs] = this.#writer.atOthersUs;
    now[at.preparerAtOthersUs] = this.#preparer.atOthersUs;
    now[at.collectorUs] = this.#application.collectorUs;
    now[at.writerOversleptUs] = this.#writer.oversleptUs;
    now[at.helperOversleptUs] = this.#helper.oversleptUs;
    now[at.writerElsewhereUs] = 0;
    now[at.preparerElsewhereUs] = 0;
  }

  #readThreadTimes(nowNs: number): void {
    this.#now[at.timesTakenNs] = nowNs;
    this.#readTimesOf(this.#writer, at.writerReadyNs, at.writerRunNs);
    this.#readTimesOf(this.#preparer, at.preparerReadyNs);
    this.#readTimesOf(this.#helper, at.helperReadyNs);
    this.#readTimesOf(this.#application, at.applicationReadyNs, at.applicationRunNs);
  }

  #readTimesOf({ threadId }: MarksReader, readyNs: number, runNs?: number): void {
    const times = this.#timesOf(threadId);
    this.#now[readyNs] = times?.readyNs ?? Number.NaN;
    if (runNs !== undefined) this.#now[runNs] = times?.runNs ?? Number.NaN;
  }

  #by(name: Total): number {
    const index = at[name];
    return (this.#now[index] as number) - (this.#memory.area.last[index] as number);
  }

  #set(field: IntervalField, value: number): void {
    this.fields[INTERVAL_FIELDS[field]] = value;
  }

  /** Nothing is known of a thread that was exchanged for another, or is not known. */
  #setUs(field: IntervalField, name: Total): void {
    this.#set(field, Math.max(0, this.#by(name) / NS_PER_US) || 0);
  }

  /**
   * Times of threads of which the last were read before the interval: no more than its length is of
   * it. Otherwise it may be more: that a thread was ready is counted once it has a processor.
   */
  #setTimes(field: IntervalField, name: Total): void {
    this.#setUs(field, name);
    const { last } = this.#memory.area;
    if (last[at.timesTakenNs] === last[at.takenNs]) return;
    const index = INTERVAL_FIELDS[field];
    const lengthUs = this.fields[INTERVAL_FIELDS.lengthUs] as number;
    this.fields[index] = Math.min(this.fields[index] as number, lengthUs);
  }

  /** Of a total in microseconds that wraps. */
  #setWrapped(field: IntervalField, name: Total): void {
    this.#set(field, this.#by(name) >>> 0);
  }

  #difference(nowNs: number): void {
    this.#setUs('lengthUs', 'takenNs');
    this.#set('events', this.#by('events'));
    this.#set('writes', this.#by('writes'));
    this.#setUs('writeUs', 'writeNs');
    this.#set('syncs', this.#by('syncs'));
    this.#setUs('syncUs', 'syncNs');
    this.#setTimes('writerRunUs', 'writerRunNs');
    this.#setTimes('writerReadyUs', 'writerReadyNs');
    this.#setWrapped('writerOversleptUs', 'writerOversleptUs');
    this.#setTimes('helperReadyUs', 'helperReadyNs');
    this.#setWrapped('helperOversleptUs', 'helperOversleptUs');
    this.#setUs('preparerUs', 'preparerNs');
    this.#setTimes('preparerReadyUs', 'preparerReadyNs');
    this.#setTimes('applicationRunUs', 'applicationRunNs');
    this.#setTimes('applicationReadyUs', 'applicationReadyNs');
    this.#setWrapped('collectorUs', 'collectorUs');
    this.#setAge('appendUs', APPEND, nowNs);
    this.#setAge('durableUs', DURABLE, nowNs);
    this.#setAge('segmentUs', SEGMENT, nowNs);
    this.#setDoings(nowNs);
    const lengthUs = this.fields[INTERVAL_FIELDS.lengthUs] as number;
    this.#setAtOthers('writer', this.#writer, nowNs, lengthUs);
    this.#setAtOthers('preparer', this.#preparer, nowNs, lengthUs);
  }

  #setAge(field: IntervalField, kind: number, nowNs: number): void {
    const sinceNs = this.waitingSinceNs(kind);
    this.#set(field, sinceNs === 0 ? 0 : Math.max(1, (nowNs - sinceNs) / NS_PER_US));
  }

  /** What the threads, the ring and the log are in at this moment. */
  #setDoings(nowNs: number): void {
    const { words, doubles, control } = this.#memory;
    const waiting = bytesBetween(
      Atomics.load(words, control.written),
      Atomics.load(words, control.appended),
    );
    this.#set('waitingBytes', waiting);
    this.#set('ringBytes', this.#memory.ringCapacityBytes());
    const writerDoes = words[control.writerDoes] as number;
    const sinceNs = doubles[control.writerDoesSinceNs] as number;
    this.#set('writerDoes', writerDoes);
    this.#set('writerInUs', writerDoes === 0 ? 0 : (nowNs - sinceNs) / NS_PER_US);
    const { inStepSinceMs } = this.#preparer;
    const preparerInUs = inStepSinceMs === undefined ? 0 : elapsedMs(inStepSinceMs, nowNs) * 1000;
    this.#set('preparerInUs', preparerInUs);
    const isKnown = !Number.isNaN(this.#by('writerRunNs') + this.#by('applicationRunNs'));
    const isFull = words[control.state] === LogState.noSpace;
    const marks =
      (isKnown ? INTERVAL_MARKS.threadTimes : 0) | (isFull ? INTERVAL_MARKS.noSpace : 0);
    this.#set('marks', marks);
  }

  /**
   * What a thread was at other logs while this one was due: of a visit that is not over, what the
   * application's thread has told; when it is over, the rest of it.
   */
  #setAtOthers(
    thread: 'writer' | 'preparer',
    { elsewhereSinceMs }: MarksReader,
    nowNs: number,
    lengthUs: number,
  ): void {
    const endedUs = this.#by(`${thread}AtOthersUs`) >>> 0;
    const counted = at[`${thread}ElsewhereUs`];
    const before = this.#memory.area.last[counted] as number;
    const lasting =
      elsewhereSinceMs === undefined
        ? 0
        : Math.min(lengthUs, elapsedMs(elsewhereSinceMs, nowNs) * 1000);
    this.#now[counted] = lasting === 0 || endedUs > 0 ? lasting : before + lasting;
    this.#set(`${thread}AtOthersUs`, Math.max(0, endedUs - before) + lasting);
  }
}

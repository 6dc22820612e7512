// The sampler over the memory of a log that is moved by hand: what an interval has, when a stall is
// noticed, recorded and kept, who takes the sample, and what a killed process leaves.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../../clock/fake-clock.js';
import { addCounter } from '../../metrics/counter64.js';
import { createPortableRegion } from '../../region/portable-region.js';
import type { RegionHeader } from '../../region/region-layout.js';
import type { SharedRegion } from '../../region/shared-region.js';
import { RingControlLayout } from '../../ring/ring-control.js';
import { KIB, NS_PER_MS } from '../../units.js';
import { heartbeatOf, wrappedMs } from '../heartbeats.js';
import { LogTelemetry, TELEMETRY_BYTES } from '../log-telemetry.js';
import { appendedEventsOf, ManagerUpdater } from '../recorder/manager-metrics.js';
import { SegmentWriterUpdater } from '../recorder/segment-writer-metrics.js';
import { SegmentPreparerUpdater } from '../recorder/worker/segment-preparer-metrics.js';
import { threadMarksOf } from '../thread-marks.js';
import { STALL_CAUSES } from './causes.js';
import { carryStalls, stallsIn } from './left-stalls.js';
import { type Stall, stallsOf } from './stall.js';
import { StallMemory } from './stall-memory.js';
import { StallSampler } from './stall-sampler.js';
import { WaitRecorder } from './wait-recorder.js';

const THRESHOLD_MS = 100;

function newRegion(): SharedRegion {
  const folder = { device: 1n, inode: 2n, birthNs: undefined, path: undefined };
  const region = createPortableRegion({
    logId: 7n,
    folder,
    telemetryBytes: TELEMETRY_BYTES,
    controlBytes: RingControlLayout.size,
    ringBytes: 64 * KIB,
  });
  LogTelemetry.own().moveTo(region);
  return region;
}

/** A log of which nothing runs: each thread's part is done by hand. */
class StillLog {
  readonly clock: FakeClock;
  readonly region: SharedRegion;
  readonly memory: StallMemory;
  readonly waits: WaitRecorder;
  readonly manager: ManagerUpdater;
  readonly writer: SegmentWriterUpdater;
  readonly taking: SegmentPreparerUpdater;
  /** Times of threads, by number. */
  readonly times = new Map<number, { runNs: number; readyNs: number }>();
  readonly sampler: StallSampler;
  turns = true;
  #sincePulseMs = 0;

  constructor(region = newRegion(), thresholdMs = THRESHOLD_MS) {
    // The clock of the machine, as the region's anchor is of it; samples are due at whole tenths.
    const tenthNs = 100 * NS_PER_MS;
    this.clock = new FakeClock(Math.ceil(Number(process.hrtime.bigint()) / tenthNs) * tenthNs);
    this.region = region;
    this.memory = StallMemory.of(region);
    this.memory.area.begin(thresholdMs);
    this.waits = new WaitRecorder(this.clock, thresholdMs, this.memory);
    const { manager, segmentWriter, segmentPreparer } = LogTelemetry.inRegion(region);
    this.manager = new ManagerUpdater(manager, this.clock);
    this.writer = new SegmentWriterUpdater(segmentWriter, this.clock);
    this.taking = new SegmentPreparerUpdater(segmentPreparer, this.clock);
    for (const [thread, id] of [
      ['writer', 1],
      ['preparer', 2],
      ['application', 3],
    ] as const) {
      threadMarksOf(region, thread, id);
      this.times.set(id, { runNs: 1e9, readyNs: 1e9 });
    }
    this.sampler = this.newSampler();
    this.sampler.look();
  }

  newSampler(): StallSampler {
    return new StallSampler(this.memory, this.clock, (id) => this.times.get(id));
  }

  /** Time passes, and the sampler looks whenever it is due. */
  pass(ms: number, sampler = this.sampler): void {
    for (let passed = 0; passed < ms; passed += 10) {
      this.clock.advanceNs(10 * NS_PER_MS);
      this.#pulse();
      sampler.look();
    }
  }

  /** The application's event loop turns, if it does: five times a second. */
  #pulse(): void {
    this.#sincePulseMs += 10;
    if (this.#sincePulseMs < 200) return;
    this.#sincePulseMs = 0;
    if (this.turns) heartbeatOf(this.region, 'application', this.clock)();
  }

  /** Something happens, so that the log is none that is quiet. */
  sync(ms: number): void {
    const startNs = this.clock.nowNs();
    this.clock.advanceNs(ms * NS_PER_MS);
    this.writer.onSync(startNs);
  }

  /** A durable() that waits for a sync which takes so long; looked at meanwhile. */
  waitForSync(ms: number): void {
    const startNs = this.clock.nowNs();
    this.manager.setDurableWaitSince(startNs);
    this.pass(ms);
    this.writer.onSync(startNs);
    this.waits.ended('durable', startNs);
    this.manager.setDurableWaitSince(0);
  }

  /** As a region's file: what another process, or the next opening, reads. */
  get file() {
    const { handle, bytes } = this.region;
    const sectionOf = (name: keyof typeof handle.sections) => handle.sections[name];
    return {
      header: { sections: handle.sections, monotonicAnchorNs: 1n } as RegionHeader,
      readSection: (name: keyof typeof handle.sections): Uint8Array => {
        const { byteOffset, byteLength } = sectionOf(name);
        return bytes.slice(byteOffset, byteOffset + byteLength);
      },
    };
  }

  stalls(isAlive = true): readonly Stall[] {
    const left = stallsIn(this.file, isAlive, this.clock.nowNs());
    return stallsOf(left ?? assert.fail('the region has stalls'));
  }

  get count(): number {
    return STALL_CAUSES.reduce((sum, _, at) => sum + this.memory.area.count(at), 0);
  }
}

describe('the recorder of stalls', () => {
  test('an interval has the differences between two looks', () => {
    const log = new StillLog();
    log.pass(100);
    log.sync(30);
    log.times.set(1, { runNs: 1e9 + 7e6, readyNs: 1e9 + 20e6 });
    const marks = threadMarksOf(log.region, 'application', 3);
    marks.wasCollected(5e6);
    log.pass(100);
    const interval =
      log.memory.area.intervals.all().find(({ syncs }) => syncs > 0) ?? assert.fail();
    assert.deepEqual(
      [interval.syncs, interval.syncUs, interval.collectorUs],
      [1, 30e3, 5e3],
      JSON.stringify(interval),
    );
    assert.deepEqual([interval.writerRunUs, interval.writerReadyUs], [7e3, 20e3]);
    assert.ok(interval.lengthUs >= 90e3 && interval.lengthUs <= 140e3);
    assert.equal(interval.marks, 1);
  });

  test('while nothing happens nothing is kept, and a look costs no later wake-up', () => {
    const log = new StillLog();
    log.pass(3000);
    const { number } = log.memory.area.intervals.all().at(-1) ?? assert.fail();
    log.pass(5000);
    assert.equal(log.memory.area.intervals.all().at(-1)?.number, number);
    assert.equal(log.sampler.look(), Number.POSITIVE_INFINITY);
    const { words, at } = appendedEventsOf(LogTelemetry.inRegion(log.region).manager);
    addCounter(words, at, 1);
    assert.ok(log.sampler.look() <= 100, 'from here on it is looked at again');
    const { events, lengthUs } = log.memory.area.intervals.all().at(-1) ?? assert.fail();
    assert.deepEqual([events, lengthUs], [1, 0], 'of what came since the last look');
  });

  test('what came while it was at rest is no part of the first interval behind it', () => {
    const log = new StillLog();
    log.pass(3000);
    const { number } = log.memory.area.intervals.all().at(-1) ?? assert.fail();
    // Hours of other work of the process: collections, sleeps that were too long, no processor.
    const marksOf = (thread: 'writer' | 'application' | 'housekeeping', id: number) =>
      threadMarksOf(log.region, thread, id);
    marksOf('application', 3).wasCollected(10e9);
    marksOf('writer', 1).overslept(20e9);
    marksOf('writer', 1).wasAtOthers(30e9);
    marksOf('housekeeping', 4).overslept(20e9);
    log.sampler.look();
    log.times.set(1, { runNs: 9e9, readyNs: 40e9 });
    log.waitForSync(300);
    log.pass(900);
    const intervals = log.memory.area.intervals.all().filter((each) => each.number > number);
    for (const { collectorUs, writerOversleptUs, helperOversleptUs, ...each } of intervals) {
      const { writerAtOthersUs, writerReadyUs, lengthUs } = each;
      assert.deepEqual([collectorUs, writerOversleptUs, helperOversleptUs], [0, 0, 0]);
      assert.ok(writerAtOthersUs === 0 && writerReadyUs <= lengthUs, JSON.stringify(each));
    }
    const [stall] = log.stalls();
    assert.equal(stall?.cause, 'sync');
  });

  test('a wait that is shorter than the threshold is none', () => {
    const log = new StillLog();
    log.waitForSync(90);
    log.pass(1000);
    assert.deepEqual([log.count, log.stalls()], [0, []]);
  });

  test('a stall is recorded once it is over, with what it was and what was around it', () => {
    const log = new StillLog();
    log.sync(1);
    log.pass(1000);
    log.waitForSync(500);
    assert.equal(log.count, 0, 'more may come');
    log.pass(800);
    assert.equal(log.count, 1);
    const [stall, ...others] = log.stalls();
    assert.deepEqual(others, []);
    const { cause, end, durationMs, waits, sharesUs, intervals } = stall ?? assert.fail();
    assert.deepEqual([cause, end], ['sync', 'over']);
    assert.ok(Math.abs(durationMs - 500) < 1);
    assert.deepEqual(Object.keys(waits), ['durable']);
    assert.ok((sharesUs.sync ?? 0) > 490e3);
    assert.ok(intervals.length >= 7, 'from before it to behind it');
    // Long afterwards, with many events in between.
    for (let turn = 0; turn < 100; turn++) {
      log.sync(1);
      log.pass(100);
    }
    const [later] = log.stalls();
    const recordedMs = (stall?.startMs ?? 0) + durationMs + 500;
    const kept = intervals.filter(({ endMs }) => endMs <= recordedMs);
    assert.deepEqual(later?.intervals.slice(0, kept.length), kept);
  });

  test('waits at the same time are one stall, and who waited for whom is told', () => {
    const log = new StillLog();
    const startNs = log.clock.nowNs();
    log.taking.setWaitingSince(startNs);
    log.manager.setDurableWaitSince(startNs);
    log.pass(300);
    log.waits.ended('segment', startNs);
    log.taking.setWaitingSince(0);
    log.pass(20);
    log.waits.ended('durable', startNs);
    log.manager.setDurableWaitSince(0);
    log.pass(900);
    const [stall, ...others] = log.stalls();
    assert.deepEqual(others, []);
    assert.deepEqual(Object.keys(stall?.waits ?? {}), ['durable', 'segment']);
    assert.equal(stall?.cause, 'preparer');
  });

  test('one that lasts is seen meanwhile, and sampled ever less often', () => {
    const log = new StillLog();
    log.manager.setDurableWaitSince(log.clock.nowNs());
    log.memory.doubles[log.memory.control.writerDoesSinceNs] = log.clock.nowNs();
    log.memory.words[log.memory.control.writerDoes] = 2;
    log.pass(60_000);
    const [stall] = log.stalls();
    assert.deepEqual([stall?.end, stall?.cause], ['lasts', 'sync']);
    assert.ok((stall?.durationMs ?? 0) >= 60_000);
    assert.equal(log.count, 0, 'a look from outside records nothing in the region');
    const intervals = log.memory.area.intervals.all();
    assert.ok(intervals.length > 40 && intervals.length < 100, `${intervals.length} are kept`);
  });

  test('another thread takes the sample where it is late, and only then', () => {
    const log = new StillLog();
    log.sync(1);
    log.pass(200);
    const other = log.newSampler();
    const newest = (): number => log.memory.area.intervals.all().at(-1)?.number ?? 0;
    const before = newest();
    other.lookIfLate();
    log.clock.advanceNs(200 * NS_PER_MS);
    other.lookIfLate();
    assert.equal(newest(), before, 'it is not late yet');
    log.clock.advanceNs(300 * NS_PER_MS);
    other.lookIfLate();
    assert.equal(newest(), before + 1);
    other.lookIfLate();
    assert.equal(newest(), before + 1, 'once');
  });

  test('one at a time, and a thread that has died in the middle does not stop the others', () => {
    const log = new StillLog();
    log.sync(1);
    log.pass(200);
    const newest = (): number => log.memory.area.intervals.all().at(-1)?.number ?? 0;
    const before = newest();
    assert.notEqual(log.memory.area.tryLock(wrappedMs(log.clock.nowNs()), 5000), 0);
    log.pass(3000);
    assert.equal(newest(), before);
    log.pass(3000);
    assert.ok(newest() > before);
  });

  test('the collector is waited for, which tells once the event loop turns', () => {
    const log = new StillLog();
    log.turns = false;
    const startNs = log.clock.nowNs();
    log.pass(500);
    log.memory.doubles[log.memory.control.committedNs] = startNs + 1e6;
    log.waits.ended('durable', startNs);
    log.pass(1500);
    assert.equal(log.count, 0, 'the event loop has not turned since');
    assert.deepEqual(log.stalls(), [], 'nor is it told to who looks from outside');
    threadMarksOf(log.region, 'application', 3).wasCollected(480e6);
    log.turns = true;
    log.pass(900);
    const [stall] = log.stalls();
    assert.deepEqual([log.count, stall?.cause], [1, 'collector']);
    log.turns = false;
    const nextNs = log.clock.nowNs();
    log.pass(200);
    log.waits.ended('durable', nextNs);
    log.pass(3200);
    assert.equal(log.count, 2, 'it is waited for only so long');
  });

  test('waits without a pause are one stall after the other, of which all is told', () => {
    const log = new StillLog();
    for (let turn = 0; turn < 12; turn++) {
      const startNs = log.clock.nowNs();
      log.taking.setWaitingSince(startNs);
      log.manager.setDurableWaitSince(startNs);
      log.pass(2000);
      log.waits.ended('segment', startNs);
      log.waits.ended('durable', startNs);
    }
    log.taking.setWaitingSince(0);
    log.manager.setDurableWaitSince(0);
    log.pass(1000);
    const stalls = log.stalls();
    assert.ok(stalls.length >= 2 && stalls.every(({ end }) => end === 'over'));
    for (const { cause, durationMs, sharesUs } of stalls) {
      assert.ok(durationMs <= 12_500, `${durationMs} ms`);
      assert.equal(cause, 'preparer');
      assert.ok((sharesUs.preparer ?? 0) >= 0.99 * durationMs * 1000);
    }
    const segments = stalls.map(({ waits }) => waits.segment?.count ?? 0);
    assert.equal(
      segments.reduce((sum, count) => sum + count, 0),
      12,
      'each wait is in one of them',
    );
  });

  test('switched off, nothing is recorded', () => {
    const log = new StillLog(newRegion(), 0);
    log.waitForSync(500);
    log.pass(1000);
    assert.deepEqual([log.stalls(), log.memory.area.intervals.all()], [[], []]);
    assert.equal(log.sampler.look(), Number.POSITIVE_INFINITY);
  });

  test('of a killed process, what was not over ends with its last sign of life', () => {
    const log = new StillLog();
    log.sync(1);
    log.pass(200);
    const startNs = log.clock.nowNs();
    log.manager.setRingStall(startNs, 1000);
    log.memory.doubles[log.memory.control.writerDoesSinceNs] = startNs;
    log.memory.words[log.memory.control.writerDoes] = 1;
    log.pass(700);
    heartbeatOf(log.region, 'housekeeping', log.clock)();
    log.clock.advanceNs(3_600_000 * NS_PER_MS);
    const [stall] = log.stalls(false);
    assert.deepEqual([stall?.end, stall?.cause], ['killed', 'write']);
    log.clock.advanceNs(1234.5678 * NS_PER_MS);
    assert.deepEqual(log.stalls(false), [stall], 'whenever it is looked at');
    const { durationMs } = stall ?? assert.fail();
    assert.ok(durationMs >= 700 && durationMs < 710, `${durationMs} ms`);
  });

  test('the next opening goes on with the stalls that the killed one has left', () => {
    const log = new StillLog();
    log.waitForSync(300);
    log.pass(900);
    log.waitForSync(200);
    // Not recorded yet when the process is killed.
    heartbeatOf(log.region, 'writer', log.clock)();
    log.clock.advanceNs(1e12);
    const next = newRegion();
    carryStalls([log.file], StallMemory.of(next).area, log.clock.nowNs());
    const opened = new StillLog(next);
    const durations = (): number[] => opened.stalls().map((each) => Math.round(each.durationMs));
    assert.deepEqual(durations(), [300, 200]);
    assert.ok(opened.stalls().every(({ end }) => end === 'over'));
    assert.equal(opened.count, 0, 'none is of this opening');
    opened.waitForSync(400);
    opened.pass(900);
    assert.deepEqual(durations(), [300, 200, 400]);
    assert.equal(opened.count, 1);
  });

  test('a region of a version without stalls, or with others, has none', () => {
    const log = new StillLog();
    const { file } = log;
    const nowNs = log.clock.nowNs();
    const older = { ...file, readSection: (name: 'header') => file.readSection(name).fill(0) };
    assert.equal(stallsIn(older, true, nowNs), undefined);
    const area = StallMemory.of(newRegion()).area;
    carryStalls([older], area, nowNs);
    carryStalls([], area, nowNs);
    assert.equal(area.isKnown, false);
  });
});

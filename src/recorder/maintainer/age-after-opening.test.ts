// What is old in a log that is opened under a clock that is wrong by ten years, once or again and
// again, on a disk in memory: the open, and then its maintainer.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedDisk } from '../../../test/simulation/simulated-disk.js';
import { cannotMap } from '../../../test/support/adapters.js';
import { Place } from '../../../test/support/crash-place.js';
import { FaultyStorage } from '../../../test/support/faulty-storage.js';
import { SteppedLog, segmentsIn, TickingClock } from '../../../test/support/stepped-log.js';
import { segmentFileName } from '../../segment/file-names.js';
import { nodeStorage } from '../../storage/node-storage.js';
import type { Storage } from '../../storage/storage.js';
import { LogTelemetry } from '../../telemetry/log-telemetry.js';
import { SegmentMaintainerUpdater } from '../../telemetry/recorder/worker/segment-maintainer-metrics.js';
import { BelievedTime } from './believed-time.js';
import { maintainedLog } from './maintained-log.js';
import { SegmentMaintainer } from './segment-maintainer.js';

const DIRECTORY = '/data/log';
const HOUR_MS = 3_600_000;
const YEARS_MS = 10 * 365 * 24 * HOUR_MS;
const NOON_MS = 1_700_000_000_000;
/** All that is recorded is younger. */
const AGE_MS = 24 * HOUR_MS;

class Life {
  readonly disk = new SimulatedDisk();
  /** Of the machine: goes on while the wall clock is set. */
  nowMs = NOON_MS;
  wrongMs = 0;
  readonly wallClockMs = (): number => this.nowMs + this.wrongMs;

  open(): SteppedLog {
    const { disk: storage, wallClockMs } = this;
    return new SteppedLog({ storage, clock: new TickingClock(), wallClockMs }, DIRECTORY);
  }

  get segments(): number[] {
    return segmentsIn(this.disk, DIRECTORY);
  }

  /** Ten segments, an hour for each. */
  record(): this {
    for (let hour = 0; hour < 10; hour++) {
      const log = this.open();
      log.write(1);
      log.commit();
      log.opened.writer.beginSegment();
      log.settle();
      log.close();
      this.nowMs += HOUR_MS;
    }
    return this;
  }

  /** Runs the maintainer of the log for so long. */
  maintain(
    log: SteppedLog,
    forMs: number,
    directory = DIRECTORY,
    storage: Storage = this.disk,
  ): void {
    const { logId, recoveredTimestampNs } = log.opened.report;
    const { clock, signals, memory } = log;
    const startNs = clock.nowNs();
    const elapsedMs = (): number => (clock.nowNs() - startNs) / 1e6;
    const wallMs = (): number => this.wallClockMs() + elapsedMs();
    const time = new BelievedTime(clock, wallMs, recoveredTimestampNs);
    const { segmentMaintainer } = LogTelemetry.own();
    const maintainer = new SegmentMaintainer(
      storage,
      clock,
      maintainedLog(directory, logId, memory, signals, time),
      { retention: { ageMs: AGE_MS }, verifiesAll: false },
      { oldestNeeded: () => undefined },
      new SegmentMaintainerUpdater(segmentMaintainer, clock),
      { toVerify: () => {}, verified: () => {}, verifiedAll: () => {} },
    );
    while (elapsedMs() < forMs) {
      clock.advanceMs(maintainer.step());
      log.stepHousekeeping();
    }
    maintainer.close();
  }
}

describe('a clock that is wrong by ten years when the log is opened', () => {
  test('once: nothing is old, and in six minutes at most an hour of events becomes so', () => {
    const life = new Life().record();
    life.wrongMs = YEARS_MS;
    const log = life.open();
    life.maintain(log, HOUR_MS / 10);
    assert.equal(life.segments[0], 1, 'a day is ten hours of this time away');
    log.close();
  });

  for (const end of ['is closed', 'crashes'] as const) {
    test(`again: the log tells of that time itself, and ${end} in between`, () => {
      const life = new Life().record();
      const [first, ...others] = life.segments;
      life.wrongMs = YEARS_MS;
      const wrong = life.open();
      wrong.append();
      wrong.commit();
      if (end === 'is closed') wrong.close();
      else life.disk.kill();
      const log = life.open();
      assert.equal(log.opened.report.recoveredTimestampNs / 10n ** 15n, 2015n, 'it does tell');
      life.maintain(log, 50);
      const left = life.segments;
      assert.ok(left.length >= others.length, `${left} of ${[first, ...others]}`);
      life.maintain(log, HOUR_MS / 10);
      assert.ok(life.segments.length >= others.length - 2, 'an hour of events');
      log.close();
    });
  }

  test('and the open begins a segment, as behind one that a snapshot has', () => {
    const life = new Life().record();
    const before = life.segments;
    life.disk.link(`${DIRECTORY}/${segmentFileName(before.at(-1) ?? 0)}`, '/data/linked');
    life.wrongMs = YEARS_MS;
    const log = life.open();
    assert.ok(life.segments.length > before.length, 'one that is dated wrong');
    assert.ok(log.opened.report.lastTimestampNs > BigInt(NOON_MS + YEARS_MS) * 1_000_000n);
    life.maintain(log, HOUR_MS / 10);
    assert.equal(life.segments[0], 1);
    log.close();
  });

  test('and the open drains a ring into segments that it dates', { skip: cannotMap }, (t) => {
    const life = new Life();
    const place = new Place(t);
    const storageOf = () => new FaultyStorage(nodeStorage);
    const before = place.open({}, storageOf(), life.wallClockMs);
    before.log.write(400);
    for (let event = 0; event < 400; event++) before.log.append();
    before.crash();
    life.wrongMs = YEARS_MS;
    const { log } = place.open({}, storageOf(), life.wallClockMs);
    assert.equal(log.recovery.eventsFromRing, 400);
    const segments = segmentsIn(nodeStorage, place.directory);
    assert.ok(segments.length > 1, 'one of them was begun by the open');
    life.maintain(log, HOUR_MS / 10, place.directory, nodeStorage);
    assert.deepEqual(segmentsIn(nodeStorage, place.directory), segments);
    log.close();
  });
});

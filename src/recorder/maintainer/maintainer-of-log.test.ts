import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedDisk } from '../../../test/simulation/simulated-disk.js';
import { syncsOf } from '../../../test/support/consumer-bench.js';
import { SteppedLog, segmentsIn, TickingClock } from '../../../test/support/stepped-log.js';
import type { ConsumerPlace } from '../../consumers/consumer-place.js';
import { ConsumerStore } from '../../consumers/consumer-store.js';
import { FILE_PORTS } from '../../judgement/reading-ports.js';
import { segmentFileName } from '../../segment/file-names.js';
import { FRAME_HEADER_BYTES, frameSpan } from '../../segment/frame.js';
import { KIB, NS_PER_MS } from '../../units.js';

const DIR = '/log';
const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 24 * 60 * MINUTE_MS;

/**
 * A log of four segments that keeps one of them, and a consumer of it that may lag for an hour.
 * @param aheadMs by how much the clock is ahead while the events are written
 */
async function laggingConsumer(aheadMs: number) {
  const disk = new SimulatedDisk();
  const wall = { aheadMs };
  const clock = new TickingClock();
  const wallClockMs = (): number => 1_700_000_000_000 + wall.aheadMs + clock.nowNs() / NS_PER_MS;
  const ports = { storage: disk, clock, wallClockMs };
  const log = new SteppedLog(ports, DIR, { retention: { segments: 1 } });
  const place: ConsumerPlace = {
    ports: { ...FILE_PORTS, storage: disk },
    syncs: syncsOf(disk),
    dir: DIR,
    logId: log.opened.report.logId,
    lock: 'none',
    wallClockMs,
    isDurable: () => true,
    isThere: () => true,
  };
  const leash = { maxLagBytes: 0, maxLagMs: 60 * MINUTE_MS, policy: 'drop' } as const;
  const slot = { acknowledgedEventId: 0, timestampNs: 0n, ...leash };
  const consumer = await ConsumerStore.create(place, 'slow', slot);
  while (segmentsIn(disk, DIR).length < 4) log.write(1, 15_000);
  log.commit();
  const passMs = (ms: number): void => {
    clock.advanceMs(ms);
    log.maintain();
  };
  const isHeld = (): boolean => {
    const [first] = segmentsIn(disk, DIR);
    assert.equal(first === 1, consumer?.mark() === undefined, 'it goes once that is told');
    return first === 1;
  };
  return { disk, wall, passMs, isHeld };
}

test('a clock that jumps ten years ahead drops no consumer that may lag for an hour', async () => {
  const { disk, wall, passMs, isHeld } = await laggingConsumer(0);
  passMs(0);
  assert.ok(isHeld());
  wall.aheadMs = 10 * YEAR_MS;
  passMs(0);
  assert.ok(isHeld());
  passMs(60 * MINUTE_MS);
  assert.ok(!isHeld());
  assert.equal(segmentsIn(disk, DIR).length, 2, 'and nothing holds the log any more');
});

test('one that keeps events from when the clock was ahead is dropped after an hour, too', async () => {
  const { disk, wall, passMs, isHeld } = await laggingConsumer(10 * YEAR_MS);
  wall.aheadMs = 0;
  passMs(0);
  assert.ok(isHeld());
  passMs(59 * MINUTE_MS);
  assert.ok(isHeld(), 'the hour has not passed');
  passMs(2 * MINUTE_MS);
  assert.ok(!isHeld());
  assert.equal(segmentsIn(disk, DIR).length, 2);
});

const SEGMENT_BYTES = 64 * KIB;
const EVENT_BYTES = 2000;
const SPAN = frameSpan(FRAME_HEADER_BYTES + EVENT_BYTES);

/** Fills the ring, and lets the writer's side do one thing, again and again. */
function press(log: SteppedLog, steps: number, each = (): void => {}): void {
  for (let step = 0; step < steps; step++) {
    if (log.growth.reserve(SPAN)) log.append(EVENT_BYTES);
    log.step();
    if (step % 8 === 0) each();
  }
}

const bytesIn = (disk: SimulatedDisk): number =>
  segmentsIn(disk, DIR).reduce(
    (sum, index) => sum + (disk.statusAt(`${DIR}/${segmentFileName(index)}`)?.bytes ?? 0),
    0,
  );

for (const retention of [{ bytes: 10 * SEGMENT_BYTES }, { segments: 9 }]) {
  test(`a log with ${JSON.stringify(retention)} outgrows it by four segments, and waits then`, () => {
    const disk = new SimulatedDisk();
    const log = new SteppedLog({ storage: disk }, DIR, { retention });
    const check = (): void => {
      const bytes = bytesIn(disk);
      assert.ok(bytes <= 14 * SEGMENT_BYTES, `${bytes / SEGMENT_BYTES} segments are there`);
    };
    // The maintainer has no processor at all.
    press(log, 2000, check);
    assert.equal(segmentsIn(disk, DIR).at(-1), 14);
    assert.ok(log.signals.preparedQueue.length > 0, 'one is ready');
    assert.equal(log.signals.get('takerWaiting'), 0, 'and is not the preparer\u2019s');
    // A step now and then.
    press(log, 8000, () => {
      log.stepMaintainer();
      check();
    });
    assert.ok((segmentsIn(disk, DIR).at(-1) ?? 0) > 16, 'it goes on as segments go');
    assert.ok(log.telemetry.segmentPreparer.getNextSegmentWaited > 0, 'the waits are told');
    log.maintain();
    assert.ok(bytesIn(disk) <= 10 * SEGMENT_BYTES, 'and is as small as it is to be');
    log.commit();
    log.close();
  });
}

test('what cannot be removed holds no log up', () => {
  const disk = new SimulatedDisk();
  const log = new SteppedLog({ storage: disk }, DIR, { retention: { segments: 2 } });
  while (segmentsIn(disk, DIR).length < 2) log.write(1, EVENT_BYTES);
  // Damage: it is never removed, and nothing behind it.
  const path = `${DIR}/${segmentFileName(1)}`;
  const fd = disk.open(path, 'rewrite');
  disk.write(fd, [new Uint8Array(64).fill(0xff)], 20_000);
  disk.close(fd);
  press(log, 4000, () => log.stepMaintainer());
  assert.ok(segmentsIn(disk, DIR).length > 20);
  assert.equal(segmentsIn(disk, DIR)[0], 1);
  assert.equal(log.telemetry.segmentMaintainer.blockedSegments, 1);
});

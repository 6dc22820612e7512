import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedDisk } from '../../../test/simulation/simulated-disk.js';
import { syncsOf } from '../../../test/support/consumer-bench.js';
import { SteppedLog, segmentsIn, TickingClock } from '../../../test/support/stepped-log.js';
import type { ConsumerPlace } from '../../consumers/consumer-place.js';
import { ConsumerStore } from '../../consumers/consumer-store.js';
import { FILE_PORTS } from '../../judgement/reading-ports.js';
import { NS_PER_MS } from '../../units.js';

const DIR = '/log';
const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 24 * 60 * MINUTE_MS;

test('a clock that jumps ten years ahead drops no consumer that may lag for an hour', async () => {
  const disk = new SimulatedDisk();
  let jumpMs = 0;
  const clock = new TickingClock();
  const wallClockMs = (): number => 1_700_000_000_000 + jumpMs + clock.nowNs() / NS_PER_MS;
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
  log.maintain();
  assert.deepEqual([segmentsIn(disk, DIR)[0], consumer?.mark()], [1, undefined]);
  jumpMs = 10 * YEAR_MS;
  log.maintain();
  assert.deepEqual([segmentsIn(disk, DIR)[0], consumer?.mark()], [1, undefined]);
  clock.advanceMs(60 * MINUTE_MS);
  log.maintain();
  assert.notEqual(consumer?.mark(), undefined);
  assert.equal(segmentsIn(disk, DIR).length, 2, 'and nothing holds the log any more');
});

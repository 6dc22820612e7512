// The ring of an open log grows: by the application where it is full, ahead of that by the writer.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedDisk } from '../../../test/simulation/simulated-disk.js';
import { eventIdsIn, idsTo, SteppedLog } from '../../../test/support/stepped-log.js';
import { FRAME_HEADER_BYTES, frameSpan } from '../../segment/frame.js';
import { Manager, ManagerUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { KIB, MIB, PAGE_BYTES } from '../../units.js';
import { RingGrowth } from './ring-growth.js';

const DIRECTORY = '/data/log';
const FIRST_BYTES = 256 * KIB;

const open = (disk: SimulatedDisk, ringBytes = MIB): SteppedLog =>
  new SteppedLog({ storage: disk }, DIRECTORY, { segmentBytes: 8 * MIB, ringBytes });

const spanOf = (payloadBytes: number): number => frameSpan(FRAME_HEADER_BYTES + payloadBytes);

/** Appends until the ring, as large as it is, is full. */
function fill(log: SteppedLog): void {
  while (log.producer.reserve(spanOf(1_000))) log.append(1_000);
}

describe('a ring', () => {
  test('takes all that it may become while nobody empties it', () => {
    const disk = new SimulatedDisk();
    const log = open(disk);
    let events = 0;
    for (; log.growth.reserve(spanOf(1_000)); events++) log.append(1_000);
    assert.equal(log.producer.capacityBytes, MIB);
    assert.ok(events > MIB / spanOf(1_000) - 2, `${events} events`);
    assert.equal(log.telemetry.manager.ringGrowths, 2);
    log.commit();
    log.close();
    assert.deepEqual(eventIdsIn(disk, DIRECTORY), idsTo(events));
  });

  test('that is used up to a half gets nothing made ready, then as much again', () => {
    const log = open(new SimulatedDisk());
    const ready = (): number => log.signals.get('ringPages') * PAGE_BYTES;
    while (log.producer.waitingBytes < FIRST_BYTES / 2 - spanOf(1_000)) log.append(1_000);
    log.stepWriter();
    assert.equal(ready(), 0);
    fill(log);
    log.stepWriter();
    assert.equal(ready(), 2 * FIRST_BYTES);
    assert.equal(log.producer.capacityBytes, FIRST_BYTES, 'which is taken when it is needed');
  });

  test('is made ready in pieces of a step each, where it is large', () => {
    const log = open(new SimulatedDisk(), 16 * MIB);
    while (log.producer.capacityBytes < 2 * MIB) {
      fill(log);
      assert.ok(log.growth.reserve(spanOf(1_000)));
    }
    fill(log);
    log.stepWriter();
    assert.equal(log.signals.get('ringPages') * PAGE_BYTES, 3 * MIB);
    fill(log);
    log.stepWriter();
    assert.equal(log.signals.get('ringPages') * PAGE_BYTES, 4 * MIB);
  });

  test('grows by as much as one event needs, at once', () => {
    const log = open(new SimulatedDisk(), 16 * MIB);
    log.append(1_000_000);
    assert.equal(log.producer.capacityBytes, 4 * MIB);
    assert.equal(log.telemetry.manager.ringGrowths, 1);
    log.commit();
  });
});

describe('where there is no memory', () => {
  /** Refuses for as long as it is said to; counts how often it was asked. */
  function refusing(log: SteppedLog) {
    const state = { isFull: true, asked: 0 };
    const extend = (): void => {
      state.asked++;
      if (state.isFull) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    };
    const metrics = new Manager();
    const updater = new ManagerUpdater(metrics, log.clock);
    const memory = { ...log.memory, extend };
    const growth = new RingGrowth(log.producer, memory, log.signals, log.clock, updater);
    return { state, metrics, growth };
  }

  test('the ring stays as it is, is asked for again after a while, and grows then', () => {
    const log = open(new SimulatedDisk());
    const { state, metrics, growth } = refusing(log);
    fill(log);
    for (let call = 0; call < 100; call++) assert.equal(growth.reserve(spanOf(1_000)), false);
    assert.deepEqual([state.asked, metrics.ringGrowthsRefused], [1, 1]);
    assert.equal(log.producer.capacityBytes, FIRST_BYTES);
    log.clock.advanceMs(100);
    assert.equal(growth.reserve(spanOf(1_000)), false);
    assert.deepEqual([state.asked, metrics.ringGrowthsRefused], [2, 2]);
    state.isFull = false;
    log.clock.advanceMs(100);
    assert.ok(growth.reserve(spanOf(1_000)));
    assert.equal(metrics.ringGrowths, 1);
    const last = log.producer.lastEventId;
    log.commit();
    assert.equal(log.durableEventId, last);
  });

  test('what the writer has made ready since is taken, whatever was refused before', () => {
    const log = open(new SimulatedDisk());
    const { state, growth } = refusing(log);
    fill(log);
    assert.equal(growth.reserve(spanOf(1_000)), false);
    log.signals.set('ringPages', (2 * FIRST_BYTES) / PAGE_BYTES);
    assert.ok(growth.reserve(spanOf(1_000)));
    assert.equal(state.asked, 1);
  });

  test('an error that is none of the system comes out', () => {
    const log = open(new SimulatedDisk());
    const memory = {
      ...log.memory,
      extend: () => {
        throw new RangeError('a mistake of ours');
      },
    };
    const updater = new ManagerUpdater(new Manager(), log.clock);
    const growth = new RingGrowth(log.producer, memory, log.signals, log.clock, updater);
    fill(log);
    assert.throws(() => growth.reserve(spanOf(1_000)), RangeError);
  });
});

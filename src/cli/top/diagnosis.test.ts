import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { monotonicClock } from '../../clock/clock.js';
import { diagnose } from './diagnosis.js';
import { FakeLog } from './fake-look.js';
import { figuresOf } from './figures.js';
import type { Look } from './look.js';

/** What is said of a second in which `happen` happened, of a log that recorded before. */
function troublesOf(
  happen: (log: FakeLog) => void,
  changes: Partial<Look> = {},
  reason?: string,
): string[] {
  const log = new FakeLog();
  log.recordSecond();
  const before = log.look(changes);
  happen(log);
  const now = log.look(changes);
  return diagnose(now, figuresOf(before, now), reason).map(
    ({ severity, text }) => `${severity}: ${text}`,
  );
}

const nothing = (): void => undefined;
const thread = (ageNs: number) => ({ beats: 1, ageNs });
const threads = (writer: number, preparer: number, housekeeping: number): Look['threads'] => ({
  writer: thread(writer),
  preparer: thread(preparer),
  housekeeping: thread(housekeeping),
  application: thread(3e6),
});

describe('what top says is wrong', () => {
  it('is nothing while all is well', () => {
    assert.deepEqual(
      troublesOf((log) => log.recordSecond()),
      [],
    );
    assert.deepEqual(troublesOf(nothing, { threads: threads(0.9e9, 4.9e9, 4.9e9) }), []);
  });

  it('a stall: how often and for how long', () => {
    assert.deepEqual(
      troublesOf((log) => log.took(170e6, (startNs) => log.manager.onRingStall(startNs), 2)),
      ['error: appends waited 2 times for ring space, 340 ms: slow disk or small ringBytes'],
    );
  });

  it('an append that waits for room now', () => {
    const waits = (sinceNs: number) => troublesOf((log) => log.manager.setRingStall(sinceNs, 1));
    const [trouble, ...more] = waits(1);
    assert.match(
      trouble ?? '',
      /^error: an append has been waiting for ring space for [\d.]+ \w+$/,
    );
    assert.deepEqual(more, []);
    assert.deepEqual(waits(Math.floor(monotonicClock.nowNs())), [], 'not for long');
  });

  it('what happened before the interval is over', () => {
    const log = new FakeLog();
    log.took(170e6, (startNs) => log.manager.onRingStall(startNs));
    log.took(170e6, (startNs) => log.writer.onSync(startNs));
    log.took(1, (startNs) => log.taker.onGetNextSegment(startNs, 'waited'));
    const before = log.look();
    const now = log.look();
    assert.deepEqual(diagnose(now, figuresOf(before, now)), []);
    assert.deepEqual(diagnose(now, figuresOf(undefined, now)), []);
  });

  it('a writer that waited for a segment, or got none', () => {
    const call = (outcome: 'waited' | 'failed') =>
      troublesOf((log) => log.took(5e6, (at) => log.taker.onGetNextSegment(at, outcome, 0)));
    assert.deepEqual(call('waited'), [
      'warning: the writer waited once for a segment: prepare more, or larger ones',
    ]);
    assert.deepEqual(call('failed'), ['error: preparing a segment failed once']);
  });

  it('a writer that waits for a segment now', () => {
    const waits = (sinceNs: number, changes: Partial<Look> = {}) =>
      troublesOf((log) => log.taker.setWaitingSince(sinceNs), changes);
    const [trouble, ...more] = waits(1);
    assert.match(
      trouble ?? '',
      /^error: the writer has been waiting for a segment for [\d.]+ \w+$/,
    );
    assert.deepEqual(more, []);
    assert.deepEqual(waits(Math.floor(monotonicClock.nowNs())), [], 'not for long');
    assert.deepEqual(waits(1, { status: 'gone' }).length, 1, 'only that it is closed');
  });

  it('segments that are handed over before they are zeroed', () => {
    assert.match(
      troublesOf((log) => log.preparation.onOffer(true)).join(),
      /^warning: segments are used up faster than they can be zeroed/,
    );
  });

  it('a slow sync', () => {
    const sync = (ns: number) =>
      troublesOf((log) => log.took(ns, (startNs) => log.writer.onSync(startNs)));
    assert.deepEqual(sync(60e6), []);
    assert.deepEqual(sync(200e6), [
      'warning: a sync took 201 ms: the disk is slow, durable() waits for it',
    ]);
  });

  it('refused appends, and meta flushes that failed', () => {
    assert.deepEqual(
      troublesOf((log) => {
        log.manager.onRefusedAppend();
        log.meta.onAsyncMetaFlushFailed();
      }),
      [
        'warning: tryAppend found the ring full once',
        'warning: wal.meta could not be flushed once; it is retried',
      ],
    );
  });

  it('a ring that is nearly full', () => {
    assert.deepEqual(troublesOf(nothing, { waitingBytes: 16_000_000 }), [
      'warning: the ring is nearly full; 0 events are not durable',
    ]);
  });

  it('a thread that stands still, the writer first of all', () => {
    assert.deepEqual(troublesOf(nothing, { threads: threads(3.2e9, 61e9, 6e9) }), [
      'error: the writer thread has not moved for 3.2 s: it is waiting for the disk or a processor',
      'warning: the preparer thread has not moved for 1 min: it is waiting for the disk or a ' +
        'processor',
      'warning: the housekeeping thread has not moved for 6.0 s: it is waiting for the disk or a ' +
        'processor',
    ]);
    const notStarted = { ...threads(0, 0, 0), preparer: { beats: 0, ageNs: undefined } };
    assert.deepEqual(troublesOf(nothing, { threads: notStarted }), []);
  });

  it('a process that is gone, and what it left; its threads stand still, of course', () => {
    const dead = { status: 'dead', threads: threads(99e9, 99e9, 99e9) } as const;
    assert.deepEqual(troublesOf(nothing, dead), [
      'error: process 4242 ended without closing; its ring has 4.19 MB for the next open',
    ]);
    assert.deepEqual(troublesOf(nothing, { ...dead, waitingBytes: 0 }), [
      'error: process 4242 ended without closing; it left nothing in the ring',
    ]);
  });

  it('a log that was closed, and why there is no new opening', () => {
    const gone = { status: 'gone', state: 'closing' } as const;
    assert.deepEqual(troublesOf(nothing, gone), [
      'warning: the log was closed: these are its last figures',
    ]);
    assert.deepEqual(troublesOf(nothing, gone, 'it is foreign'), ['warning: it is foreign']);
  });

  it('a log that failed, or is out of space', () => {
    assert.match(troublesOf(nothing, { state: 'failed' }).join(), /^error: a write or sync failed/);
    assert.match(troublesOf(nothing, { state: 'no-space' }).join(), /^error: the disk is full/);
  });

  it('records that a kill cut short', () => {
    assert.deepEqual(troublesOf(nothing, { incomplete: ['segmentWriter.sync'] }), [
      'warning: a record was interrupted; these may be slightly off: segmentWriter.sync',
    ]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diagnose } from './diagnosis.js';
import { consumer, FakeLog, NOTHING_LASTS } from './fake-look.js';
import { figuresOf } from './figures.js';
import type { Look } from './look.js';
import type { Trouble } from './trouble.js';

/** What is said of a second in which `happen` happened, of a log that recorded before. */
function troublesIn(
  happen: (log: FakeLog) => void,
  changes: Partial<Look> = {},
  reason?: string,
): readonly Trouble[] {
  const log = new FakeLog();
  log.recordSecond();
  const before = log.look();
  happen(log);
  const now = log.look(changes);
  return diagnose(now, figuresOf(before, now), reason);
}

const told = ({ severity, text }: Trouble): string => `${severity}: ${text}`;
const troublesOf = (...of: Parameters<typeof troublesIn>): string[] => troublesIn(...of).map(told);

const nothing = (): void => undefined;
const WELL = { writer: 3e6, preparer: 900e6, housekeeping: 480e6, application: 190e6 };
const threads = (ages: Partial<Record<keyof typeof WELL, number>>): Look['threads'] => {
  const heart = (name: keyof typeof WELL) => ({ beats: 1, ageNs: ages[name] ?? WELL[name] });
  return {
    writer: heart('writer'),
    preparer: heart('preparer'),
    housekeeping: heart('housekeeping'),
    application: heart('application'),
    maintainer: { beats: 0, ageNs: undefined },
  };
};
const lasting = (waits: Partial<Look['lasting']>): Look['lasting'] => ({
  ...NOTHING_LASTS,
  ...waits,
});
/** 3,060 events of 1 MB that no segment has. */
const BEHIND = {
  appendedEventId: 3060,
  writtenEventId: 0,
  durableEventId: 0,
  waitingBytes: 1_000_000,
} as const;

describe('what top says is wrong', () => {
  it('is nothing while all is well', () => {
    assert.deepEqual(
      troublesOf((log) => log.recordSecond()),
      [],
    );
    const ages = { writer: 0.9e9, application: 0.9e9, preparer: 4.9e9, housekeeping: 4.9e9 };
    assert.deepEqual(troublesOf(nothing, { threads: threads(ages) }), []);
    const brief = lasting({ durableLagNs: 0.9e9, durableWaitNs: 0.9e9, ringStallNs: 90e6 });
    assert.deepEqual(troublesOf(nothing, { ...BEHIND, lasting: brief }), []);
  });

  it('comes with what to do, and the worst of it first', () => {
    const troubles = troublesIn(
      (log) => {
        log.manager.onRefusedAppend();
        log.took(170e6, (startNs) => log.manager.onRingStall(startNs));
        log.meta.onAsyncMetaFlushFailed();
      },
      { ...BEHIND, threads: threads({ writer: 2e9, preparer: 9e9 }) },
    );
    assert.deepEqual(
      troubles.map(({ severity }) => severity),
      ['error', 'error', 'warning', 'warning', 'warning'],
    );
    assert.match(troubles[0]?.text ?? '', /^the writer thread has not moved for 2\.0 s/);
    for (const { text, remedy } of troubles) {
      assert.match(remedy, /^[A-Z].*[^.]$/, text);
      assert.match(text, /[^.]$/);
    }
  });

  it('a stall: how often and for how long', () => {
    assert.deepEqual(
      troublesOf((log) => log.took(170e6, (startNs) => log.manager.onRingStall(startNs), 2)),
      ['error: appends waited 2 times for room in the ring, 340 ms in all'],
    );
  });

  it('an append that waits for room now; that it blocks the event loop is no trouble of its own', () => {
    const waits = {
      lasting: lasting({ ringStallNs: 3.9e9 }),
      threads: threads({ application: 3.9e9 }),
    };
    assert.deepEqual(troublesOf(nothing, waits), [
      'error: an append has been waiting for room in the ring for 3.9 s, and blocks the ' +
        "application's event loop",
    ]);
    for (const status of ['dead', 'gone'] as const) {
      assert.equal(troublesOf(nothing, { ...waits, status }).length, 1, status);
    }
  });

  it('an event loop that is blocked', () => {
    assert.deepEqual(troublesOf(nothing, { threads: threads({ application: 6.4e9 }) }), [
      "error: the application's event loop is blocked, for 6.4 s by now: nothing that it awaits " +
        'goes on',
    ]);
  });

  it('a process that is stopped, and not that its threads are stuck, or what waits for them', () => {
    const ages = { writer: 42e9, preparer: 42.8e9, housekeeping: 42.4e9, application: 42.1e9 };
    const stopped = {
      ...BEHIND,
      threads: threads(ages),
      lasting: lasting({ durableLagNs: 42e9, durableWaitNs: 42e9, ringStallNs: 42e9 }),
    };
    assert.deepEqual(troublesOf(nothing, stopped), [
      'error: no thread of process 4242 has moved for 42.0 s: it is stopped (SIGSTOP, a ' +
        'debugger, a frozen container) or gets no processor; 3,060 events (1.00 MB) are not ' +
        'durable',
    ]);
    assert.match(troublesIn(nothing, stopped)[0]?.remedy ?? '', /kill -CONT 4242/);
    const oneMoves = { ...stopped, threads: threads({ ...ages, housekeeping: 400e6 }) };
    assert.match(troublesOf(nothing, oneMoves)[0] ?? '', /^error: the writer thread has not moved/);
  });

  it('a writer thread that is stuck, and what is at risk; a lag is not told twice', () => {
    const stuck = {
      ...BEHIND,
      threads: threads({ writer: 3.2e9 }),
      lasting: lasting({ durableLagNs: 3.2e9 }),
    };
    assert.deepEqual(troublesOf(nothing, stuck), [
      'error: the writer thread has not moved for 3.2 s: it is in a write or sync, or gets no ' +
        'processor; 3,060 events (1.00 MB) are not durable',
    ]);
  });

  it('a call of durable() that has waited for long', () => {
    const waits = { ...BEHIND, lasting: lasting({ durableWaitNs: 3.1e9 }) };
    assert.deepEqual(troublesOf(nothing, waits), ['error: a durable() has been waiting for 3.1 s']);
    assert.deepEqual(
      troublesOf(nothing, { lasting: lasting({ durableWaitNs: 3.1e9 }) }),
      [],
      'all is durable: it is the event loop that has not come to it',
    );
  });

  it('a lag that is old although the writer moves', () => {
    const lags = { ...BEHIND, lasting: lasting({ durableLagNs: 4e9 }) };
    assert.deepEqual(troublesOf(nothing, lags), [
      'warning: 3,060 events (1.00 MB) are not durable, the oldest for 4.0 s: a power cut would ' +
        'lose them',
    ]);
  });

  it('what happened before the interval is over', () => {
    const log = new FakeLog();
    log.took(170e6, (startNs) => log.manager.onRingStall(startNs));
    log.took(170e6, (startNs) => log.writer.onSync(startNs));
    log.took(1, (startNs) => log.taker.onGetNextSegment(startNs, 'waited'));
    log.took(1, (startNs) => log.manager.onAppendEvent(startNs, false));
    const before = log.look();
    const now = log.look();
    assert.deepEqual(diagnose(now, figuresOf(before, now)), []);
    assert.deepEqual(diagnose(now, figuresOf(undefined, now)), []);
  });

  it('a writer that waited for a segment, or got none', () => {
    const call = (outcome: 'waited' | 'failed') =>
      troublesOf((log) => log.took(5e6, (at) => log.taker.onGetNextSegment(at, outcome, 0)));
    assert.deepEqual(call('waited'), ['warning: the writer waited once for a segment']);
    assert.deepEqual(call('failed'), ['error: preparing a segment failed once']);
  });

  it('a writer that waits for a segment now', () => {
    const waits = (changes: Partial<Look> = {}) =>
      troublesOf(nothing, { lasting: lasting({ nextSegmentNs: 2e9 }), ...changes });
    assert.deepEqual(waits(), ['error: the writer has been waiting for a segment for 2.0 s']);
    assert.deepEqual(waits({ status: 'gone' }).length, 1, 'only that it is closed');
    assert.deepEqual(waits({ state: 'no-space' }).length, 1, 'only that the disk is full');
  });

  it('segments that are handed over before they are zeroed', () => {
    assert.match(
      troublesOf((log) => log.preparation.onOffer(true)).join(),
      /^warning: segments are used up before they are filled with zeros/,
    );
  });

  it('a slow sync', () => {
    const sync = (ns: number) =>
      troublesOf((log) => log.took(ns, (startNs) => log.writer.onSync(startNs)));
    assert.deepEqual(sync(60e6), []);
    assert.deepEqual(sync(200e6), ['warning: a sync took 200 ms: durable() waits for it']);
  });

  it('appends that were refused, and why', () => {
    const refused = (state: Look['state']) =>
      troublesOf(
        (log) => log.took(900, (startNs) => log.manager.onAppendEvent(startNs, false), 5),
        { state },
      );
    assert.deepEqual(refused('open'), [
      'error: appends were refused 5 times: the ring stayed full for stallTimeoutMs, or the disk ' +
        'was full',
    ]);
    assert.deepEqual(refused('closing'), [
      'error: appends were refused 5 times: the log is closing',
    ]);
    assert.deepEqual(refused('no-space'), [
      'error: the disk, or its quota, is full; appends were refused 5 times',
    ]);
    assert.deepEqual(refused('failed'), [
      'error: a write or sync failed, or a thread has died: the log accepts nothing more; ' +
        'appends were refused 5 times',
    ]);
  });

  it('a full ring that tryAppend found, and meta flushes that failed', () => {
    assert.deepEqual(
      troublesOf((log) => {
        log.manager.onRefusedAppend();
        log.meta.onAsyncMetaFlushFailed();
      }),
      [
        'warning: tryAppend found the ring full once',
        'warning: wal.meta could not be flushed once',
      ],
    );
  });

  it('a ring that is full and finds no shared memory to grow into', () => {
    const growth = (log: FakeLog): void => log.manager.onRefusedRingGrowth();
    assert.deepEqual(troublesOf(growth, { ringCapacityBytes: 262_144 }), [
      'warning: the ring is full and cannot grow for want of shared memory: it stays at ' +
        '262 kB of 16.8 MB',
    ]);
  });

  it('a ring that is nearly full, unless there is a reason for it', () => {
    const full = { waitingBytes: 16_000_000 };
    assert.deepEqual(troublesOf(nothing, full), [
      'warning: the ring is nearly full: 16.0 MB of 16.8 MB wait to be written',
    ]);
    for (const changes of [
      { state: 'no-space' },
      { state: 'failed' },
      { threads: threads({ writer: 9e9 }) },
    ] as const) {
      const troubles = troublesOf(nothing, { ...full, ...changes });
      assert.doesNotMatch(troubles.join('\n'), /nearly full/);
    }
  });

  it('a thread that stands still, the writer first of all', () => {
    const ages = { writer: 3.2e9, preparer: 61e9, housekeeping: 6e9 };
    assert.deepEqual(troublesOf(nothing, { threads: threads(ages) }), [
      'error: the writer thread has not moved for 3.2 s: it is in a write or sync, or gets no ' +
        'processor',
      'warning: the preparer thread has not moved for 1 min: it waits for the disk or a processor',
      'warning: the housekeeping thread has not moved for 6.0 s: it waits for the disk or a ' +
        'processor',
    ]);
    const notStarted = { ...threads({}), preparer: { beats: 0, ageNs: undefined } };
    assert.deepEqual(troublesOf(nothing, { threads: notStarted }), []);
  });

  it('a process that is gone, and what it left; its threads stand still, of course', () => {
    const silent = threads({ writer: 99e9, preparer: 99e9, housekeeping: 99e9, application: 99e9 });
    const dead = { status: 'dead', threads: silent } as const;
    assert.deepEqual(troublesOf(nothing, { ...dead, ...BEHIND }), [
      'error: process 4242 ended without closing; its ring has 1.00 MB for the next open',
    ]);
    assert.deepEqual(troublesOf(nothing, dead), [
      'error: process 4242 ended without closing; it left nothing in the ring',
    ]);
    assert.deepEqual(troublesOf(nothing, { ...dead, state: 'no-space' }).slice(1), [
      'error: the disk, or its quota, was full',
    ]);
    assert.deepEqual(troublesOf(nothing, { ...dead, state: 'failed' }).slice(1), [
      'error: a write or sync had failed, or a thread had died',
    ]);
  });

  it('a log that was closed, and why there is no new opening', () => {
    const gone = { status: 'gone', state: 'closing' } as const;
    assert.deepEqual(troublesOf(nothing, gone), ['warning: the log was closed']);
    assert.deepEqual(troublesOf(nothing, gone, 'It is foreign.'), ['warning: It is foreign']);
  });

  it('a log that failed, whose threads have ended, or is out of space', () => {
    const failed = { state: 'failed', threads: threads({ writer: 9e9, preparer: 9e9 }) } as const;
    assert.deepEqual(troublesOf(nothing, { ...failed, ...BEHIND }), [
      'error: a write or sync failed, or a thread has died: the log accepts nothing more; 3,060 ' +
        'events (1.00 MB) are not durable',
    ]);
    assert.deepEqual(troublesOf(nothing, { state: 'no-space' }), [
      'error: the disk, or its quota, is full; appends go on while the ring has room',
    ]);
  });

  it('a disk that is nearly full, by its room or by the time that this lasts', () => {
    const free = (bytes: number, load: (log: FakeLog) => void = nothing) =>
      troublesOf((log) => {
        log.disk.setDiskFree(bytes);
        load(log);
      });
    assert.deepEqual(free(256e6), []);
    assert.deepEqual(free(0), [], 'it is not known');
    assert.deepEqual(free(180e6), ['warning: the disk is nearly full: 180 MB are free']);
    // 78.6 MB a second.
    assert.deepEqual(
      free(50e9, (log) => log.recordSecond()),
      [],
    );
    assert.deepEqual(
      free(10e9, (log) => log.recordSecond()),
      ['warning: the disk is nearly full: 10.0 GB are free, enough for 2 min at this rate'],
    );
  });

  it('records that a kill cut short', () => {
    assert.deepEqual(troublesOf(nothing, { incomplete: ['segmentWriter.sync'] }), [
      'warning: a record was interrupted; these may be slightly off: segmentWriter.sync',
    ]);
  });

  it('tells a thread that is at another log from one that is stuck at this one', () => {
    const logId = '00000000000000ab';
    const at = (ageNs: number) => ({ beats: 1, ageNs, elsewhere: { logId, ageNs: ageNs - 1e8 } });
    const well = threads({});
    const folders = { [logId]: '/data/other' };
    const writer = { ...BEHIND, threads: { ...well, writer: at(3.2e9) } };
    const text = 'the writer thread has been at another log that it serves, ';
    const waits = 'for 3.1 s: this one waits; 3,060 events (1.00 MB) are not durable';
    assert.deepEqual(troublesOf(nothing, { ...writer, folders }), [
      `error: ${text}/data/other, ${waits}`,
    ]);
    assert.deepEqual(troublesOf(nothing, writer), [`error: ${text}with id ${logId}, ${waits}`]);
    assert.deepEqual(troublesOf(nothing, { threads: { ...well, writer: at(0.9e9) } }), []);
    const helper = { ...well, housekeeping: at(7e9) };
    assert.deepEqual(troublesOf(nothing, { threads: helper, folders }), [
      'warning: the housekeeping thread has been at another log that it serves, /data/other, ' +
        'for 6.9 s',
    ]);
  });

  it('tells what keeps segments, and for whom', () => {
    const held = (log: FakeLog): void => log.maintainer.setHeld(17);
    const kept = 'warning: the oldest segment should be removed and is kept for';
    assert.deepEqual(troublesOf(held), [`${kept} somebody, which needs event 17: the log grows`]);
    const consumers = [consumer('audit', 1), consumer('billing', 7)];
    assert.deepEqual(troublesOf(held, { consumers }), [
      `${kept} consumer billing, which needs event 17: the log grows`,
    ]);
    const damaged = { ...consumer('torn', 0), lag: undefined, state: 'damaged' as const };
    assert.deepEqual(troublesOf(held, { consumers: [...consumers, damaged] }), [
      `${kept} consumer torn, which needs event 17: the log grows`,
    ]);
    const both = (log: FakeLog): void => {
      held(log);
      log.consumers.setConsumers(1, 1, 0);
    };
    const isDamaged = 'error: 1 consumer is damaged: nothing is removed, the log grows';
    assert.deepEqual(troublesOf(both), [isDamaged]);
    assert.deepEqual(
      troublesOf(both, { status: 'dead' }).filter((text) => /consumer|kept/.test(text)),
      [],
    );
    assert.deepEqual(
      troublesOf((log) => log.maintainer.setBlockedSegments(1)),
      [
        'error: the oldest segment should be removed and is damaged: nothing is removed, ' +
          'the log grows',
      ],
    );
  });

  it('tells what maintenance could not do', () => {
    assert.deepEqual(
      troublesOf((log) => {
        log.maintainer.onMaintenanceFailure();
        log.maintainer.onHotSegmentCompression(false, 0);
      }),
      [
        'warning: maintenance of finished segments failed once',
        'warning: segments could not be compressed once: they stay as they are',
      ],
    );
    const silent = { ...threads({}), maintainer: { beats: 1, ageNs: 6e9 } };
    assert.deepEqual(troublesOf(nothing, { threads: silent }), [
      'warning: the maintainer thread has not moved for 6.0 s: it waits for the disk or a ' +
        'processor',
    ]);
  });
});

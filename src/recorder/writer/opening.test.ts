// Opening without threads, on a disk in memory that can be killed, cut from power, or made to fail.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { SimulatedDisk } from '../../../test/simulation/simulated-disk.js';
import { FaultyStorage } from '../../../test/support/faulty-storage.js';
import type { StorageCall } from '../../../test/support/interposed-storage.js';
import {
  eventIdsIn,
  idsTo,
  namesIn,
  SteppedLog,
  segmentsIn,
} from '../../../test/support/stepped-log.js';
import { type ErrorCode, WalError } from '../../errors.js';
import { readMeta } from '../../reading/log-directory.js';
import { LogState } from '../../ring/ring-control.js';
import { segmentFileName } from '../../segment/file-names.js';
import { acquireLock } from '../../storage/lock-file.js';
import { KIB, MIB } from '../../units.js';
import type { WalOptions } from '../threads/wal-options.js';
import type { OpeningPorts } from './opening-ports.js';

const DIRECTORY = '/data/log';

const pathOf = (name: string): string => `${DIRECTORY}/${name}`;
const segmentPath = (index: number): string => pathOf(segmentFileName(index));

const open = (storage: SimulatedDisk | FaultyStorage, options?: WalOptions): SteppedLog =>
  new SteppedLog({ storage }, DIRECTORY, options);

const idsOn = (disk: SimulatedDisk): number[] => eventIdsIn(disk, DIRECTORY);

function metaOn(disk: SimulatedDisk) {
  const reading = readMeta(disk, DIRECTORY);
  assert.equal(reading.status, 'present');
  return reading.meta;
}

function refusal(action: () => unknown): WalError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof WalError, String(error));
    return error;
  }
  throw new Error('it was not refused');
}

const refusedWith = (code: ErrorCode, action: () => unknown): WalError => {
  const error = refusal(action);
  assert.equal(error.code, code, error.message);
  return error;
};

/** Overwrites bytes of a file, and leaves it closed and synced. */
function damage(disk: SimulatedDisk, path: string, offset: number, bytes: Uint8Array): void {
  const fd = disk.open(path, 'write');
  disk.write(fd, [bytes], offset);
  disk.sync(fd);
  disk.close(fd);
}

describe('the wall clock', () => {
  const DAY_MS = 86_400_000;
  const NOON_MS = 1_700_000_000_000;

  /** Opens, appends one event, ends as `end` says; returns the timestamp and the log. */
  function lifeAt(disk: SimulatedDisk, wallMs: number, events = 1): SteppedLog {
    const log = new SteppedLog({ storage: disk, wallClockMs: () => wallMs }, DIRECTORY);
    for (let event = 0; event < events; event++) log.append();
    return log;
  }

  test('is that of the opening, not that of an earlier one', () => {
    const disk = new SimulatedDisk();
    lifeAt(disk, NOON_MS).close();
    const later = lifeAt(disk, NOON_MS + DAY_MS);
    const behindMs = NOON_MS + DAY_MS - Number(later.timestamps.lastNs / 1_000_000n);
    assert.ok(Math.abs(behindMs) < 1000, `${behindMs} ms`);
  });

  test('was set back between two openings: no event is older than the last one of the log', () => {
    const disk = new SimulatedDisk();
    const first = lifeAt(disk, NOON_MS, 3);
    const last = first.timestamps.lastNs;
    first.commit();
    disk.kill();
    const second = lifeAt(disk, NOON_MS - 10 * 365 * DAY_MS);
    assert.ok(second.timestamps.lastNs >= last);
    assert.ok(second.opened.report.lastTimestampNs >= last);
    second.close();
  });

  test('was set back, and the last segment holds no event: its own date tells', () => {
    const disk = new SimulatedDisk();
    const first = lifeAt(disk, NOON_MS, 3);
    const last = first.timestamps.lastNs;
    first.commit();
    // Into a new segment, in which nothing stands yet.
    first.settle();
    first.opened.writer.beginSegment();
    const { length } = segmentsIn(disk, DIRECTORY);
    disk.kill();
    const second = lifeAt(disk, NOON_MS - DAY_MS);
    assert.ok(length > 1, 'the last segment is another');
    assert.ok(second.timestamps.lastNs >= last);
  });
});

describe('a folder that is replaced while it is opened', () => {
  test('is refused: what was made durable is not what is locked', () => {
    const disk = new SimulatedDisk();
    const lockLog: OpeningPorts['lockLog'] = (storage, directory, mode) => {
      disk.rename(DIRECTORY, '/data/moved');
      disk.makeDirectory(DIRECTORY);
      return acquireLock(storage, directory, mode);
    };
    const opening = () => new SteppedLog({ storage: disk, lockLog }, DIRECTORY);
    const { message } = refusedWith('ERR_FLASHSTRIKE_NOT_A_LOG', opening);
    assert.match(message, /replaced.*Open it again/);
    assert.deepEqual([namesIn(disk, DIRECTORY), namesIn(disk, '/data/moved')], [['LOCK'], []]);
    open(disk).close();
  });
});

describe('a new log', () => {
  test('has a meta, a lock and one segment, all durable, when it is open', () => {
    const disk = new SimulatedDisk();
    const log = open(disk);
    assert.equal(log.recovery.verdict, 'new');
    assert.equal(log.recovery.file, undefined);
    assert.equal(log.opened.report.nextEventId, 1);
    disk.cutPower();
    assert.deepEqual(namesIn(disk, DIRECTORY), ['0000000001.wal', 'LOCK', 'wal.meta']);
    const { cleanlyClosed, segmentIndex, offset, durableEventId } = metaOn(disk);
    assert.deepEqual([cleanlyClosed, segmentIndex, offset, durableEventId], [false, 1, 4096, 0]);
  });

  test('its meta is durable before its first segment has a name', () => {
    const disk = new SimulatedDisk();
    const storage = new FaultyStorage(disk);
    open(storage);
    const story = storage.story('rename', 'renameNoReplace', 'syncDirectory');
    const meta = story.indexOf('rename wal.meta.tmp wal.meta');
    const segment = story.indexOf('renameNoReplace prepared-1.tmp 0000000001.wal');
    assert.ok(meta >= 0 && meta < segment);
    assert.ok(story.slice(meta, segment).includes('syncDirectory log'));
  });

  test('its folder is made with all that is missing above, and those names are synced', () => {
    const storage = new FaultyStorage(new SimulatedDisk());
    open(storage);
    const story = storage.story('makeDirectory', 'syncDirectory').slice(0, 5);
    assert.equal(story[0], 'makeDirectory log');
    for (const name of ['syncDirectory log', 'syncDirectory data', 'syncDirectory ']) {
      assert.ok(story.includes(name), `${name} in ${story}`);
    }
  });

  test('is not made where the options say so', () => {
    const disk = new SimulatedDisk();
    const error = refusedWith('ERR_FLASHSTRIKE_NOT_A_LOG', () => open(disk, { create: false }));
    assert.match(error.message, /\/data\/log does not exist, and the option create is false/);
    assert.deepEqual(namesIn(disk, '/'), []);
  });

  test('is not made where a file stands', () => {
    const disk = new SimulatedDisk();
    disk.makeDirectory('/data');
    disk.close(disk.open(DIRECTORY, 'create'));
    refusedWith('ERR_FLASHSTRIKE_NOT_A_LOG', () => open(disk));
  });

  test('takes appends from the moment it is open', () => {
    const log = open(new SimulatedDisk());
    const { words, control } = log.memory;
    assert.equal(Atomics.load(words, control.state), LogState.open);
    log.write(3);
    assert.equal(log.commit(), 3);
  });

  test('leaves no file open but its segment and its lock', () => {
    const storage = new FaultyStorage(new SimulatedDisk());
    open(storage);
    assert.deepEqual(
      [...storage.openFiles.values()].map((path) => path.slice(DIRECTORY.length + 1)),
      ['LOCK', 'prepared-1.tmp'],
    );
  });
});

describe('a log that was closed', () => {
  test('goes on in the same segment, and nothing of it is written again', () => {
    const disk = new SimulatedDisk();
    const log = open(disk);
    log.write(5);
    log.close();
    const { cleanlyClosed, durableEventId } = metaOn(disk);
    assert.deepEqual([cleanlyClosed, durableEventId], [true, 5]);
    const endBytes = disk.statusAt(join(DIRECTORY, '0000000001.wal'))?.bytes;
    const storage = new FaultyStorage(disk);
    const again = open(storage);
    assert.equal(again.recovery.verdict, 'clean');
    // Room for what comes, behind the end at which it was closed.
    const room = `write 0000000001.wal@${endBytes}`;
    assert.deepEqual(storage.story('write'), [room, 'write wal.meta.tmp@0', 'write LOCK@0']);
    again.write(5);
    again.commit();
    assert.deepEqual(segmentsIn(disk, DIRECTORY), [1]);
    disk.cutPower();
    assert.deepEqual(idsOn(disk), idsTo(10));
  });

  test('has the names in its folder synced before anything is read or written', () => {
    const disk = new SimulatedDisk();
    open(disk).close();
    const storage = new FaultyStorage(disk);
    open(storage);
    const [first] = storage.story('syncDirectory', 'open', 'read', 'write', 'sync', 'rename');
    assert.equal(first, 'syncDirectory log');
  });

  test('is not closed any more once it is open: meta says so', () => {
    const disk = new SimulatedDisk();
    open(disk).close();
    open(disk);
    disk.cutPower();
    assert.equal(metaOn(disk).cleanlyClosed, false);
  });

  test('a hundred rounds of open, append, close: one segment, no litter, all events', () => {
    const disk = new SimulatedDisk();
    for (let round = 1; round <= 100; round++) {
      const log = open(disk);
      log.append();
      log.close();
    }
    assert.deepEqual(idsOn(disk), idsTo(100));
    assert.deepEqual(namesIn(disk, DIRECTORY), ['0000000001.wal', 'LOCK', 'wal.meta']);
  });

  test('closes without a descriptor left', () => {
    const storage = new FaultyStorage(new SimulatedDisk());
    const log = open(storage);
    log.write(300);
    log.close();
    assert.deepEqual([...storage.openFiles], []);
  });

  test('may be opened with larger segments: an event too large for the old one moves on', () => {
    const disk = new SimulatedDisk();
    open(disk).close();
    const log = open(disk, { segmentBytes: 4 * MIB, ringBytes: 4 * MIB });
    log.append(500 * KIB);
    log.commit();
    log.write(1);
    log.close();
    assert.deepEqual(idsOn(disk), [1, 2]);
    assert.deepEqual(segmentsIn(disk, DIRECTORY), [1, 2]);
    open(disk).close();
  });

  test('may be opened with smaller segments: the old one is used up first', () => {
    const disk = new SimulatedDisk();
    const large = open(disk, { segmentBytes: MIB });
    large.write(10);
    large.close();
    const log = open(disk);
    log.write(1_000);
    log.close();
    assert.deepEqual(segmentsIn(disk, DIRECTORY), [1]);
    const more = open(disk);
    more.write(8_000);
    more.close();
    assert.ok(segmentsIn(disk, DIRECTORY).length > 1);
    assert.deepEqual(idsOn(disk), idsTo(9_010));
  });
});

describe('a log whose process was killed', () => {
  test('keeps what was written, goes on in the same segment, and proves it again', () => {
    const disk = new SimulatedDisk();
    const log = open(disk);
    log.write(3);
    log.commit();
    log.write(4);
    disk.kill();
    const storage = new FaultyStorage(disk);
    const again = open(storage);
    assert.deepEqual([again.recovery.verdict, again.recovery.droppedEvents], ['clean', 0]);
    assert.equal(again.opened.report.nextEventId, 8);
    assert.deepEqual(segmentsIn(disk, DIRECTORY), [1]);
    // Nobody has synced events 4 … 7 for sure: they are written once more before they count.
    disk.cutPower();
    assert.deepEqual(idsOn(disk), idsTo(7));
  });

  test('after a sync that failed: what is accepted is on disk, although its pages were clean', () => {
    const disk = new SimulatedDisk();
    const storage = new FaultyStorage(disk);
    const log = open(storage);
    log.write(3);
    log.commit();
    log.write(5);
    const fault = storage.fail({
      code: 'EIO',
      when: ({ kind }) => kind === 'sync',
      times: 1,
      before: () => disk.loseDirtyPages(),
    });
    log.signals.requestDurable(8);
    assert.throws(() => log.settle(), { code: 'ERR_FLASHSTRIKE_FAILED' });
    assert.equal(fault.hits, 1);
    disk.kill();
    const again = open(disk);
    const accepted = again.opened.report.nextEventId - 1;
    assert.equal(accepted, 8, 'the page cache still had them');
    disk.cutPower();
    assert.deepEqual(idsOn(disk), idsTo(accepted));
  });

  test('keeps a log that was never written to', () => {
    const disk = new SimulatedDisk();
    open(disk);
    disk.kill();
    assert.equal(open(disk).recovery.verdict, 'clean');
    assert.deepEqual(segmentsIn(disk, DIRECTORY), [1]);
  });

  test('with left-over files: they go, and tickets go on behind them', () => {
    const disk = new SimulatedDisk();
    const log = open(disk);
    log.write(1);
    for (const name of ['prepared-41.tmp', 'prepared-7.tmp', 'wal.meta.tmp', 'notes.txt']) {
      disk.close(disk.open(pathOf(name), 'create'));
    }
    disk.kill();
    const again = open(disk);
    const left = namesIn(disk, DIRECTORY);
    assert.deepEqual(left, ['0000000001.wal', 'LOCK', 'notes.txt', 'wal.meta']);
    assert.ok(again.opened.report.firstTicket >= 42);
    assert.ok(again.recovery.notes.some((note) => note.startsWith('notes.txt ')));
  });

  test('over and over: the events stay, and so do the segments', () => {
    const disk = new SimulatedDisk();
    const log = open(disk);
    log.write(700);
    const ids = idsOn(disk);
    const segments = segmentsIn(disk, DIRECTORY);
    assert.ok(segments.length > 2);
    for (let round = 0; round < 10; round++) {
      disk.kill();
      const again = open(disk);
      assert.equal(again.opened.report.nextEventId, ids.length + 1);
      assert.deepEqual(idsOn(disk), ids);
      assert.deepEqual(segmentsIn(disk, DIRECTORY), segments);
    }
  });
});

describe('a torn tail', () => {
  /** Events 1 … 3 durable, 4 … 6 written and torn by half. */
  function tornDisk(): SimulatedDisk {
    const disk = new SimulatedDisk();
    const storage = new FaultyStorage(disk);
    const log = open(storage);
    log.write(3);
    log.commit();
    log.settle();
    for (let event = 0; event < 3; event++) log.append();
    storage.fail({ code: 'EIO', when: ({ kind }) => kind === 'write', torn: true, times: 1 });
    assert.throws(() => log.settle(), { code: 'ERR_FLASHSTRIKE_FAILED' });
    disk.kill();
    return disk;
  }

  test('is left behind: a new segment follows, pinned to the last sound block', () => {
    const disk = tornDisk();
    const torn = Buffer.from(disk.contentOf(segmentPath(1)));
    const log = open(disk);
    const { verdict, file, droppedEvents, droppedBytes } = log.recovery;
    assert.deepEqual([verdict, file], ['torn-tail', segmentPath(1)]);
    assert.equal(droppedEvents, 3);
    assert.ok(droppedBytes > 0);
    assert.equal(log.opened.report.nextEventId, 4);
    assert.deepEqual(segmentsIn(disk, DIRECTORY), [1, 2]);
    assert.deepEqual(Buffer.from(disk.contentOf(segmentPath(1))), torn, 'not sealed, not cut');
    log.write(2);
    log.commit();
    disk.cutPower();
    assert.deepEqual(idsOn(disk), idsTo(5));
  });

  test('is not torn again once it was left: what follows is kept by the next recovery', () => {
    const disk = tornDisk();
    const log = open(disk);
    log.write(2);
    disk.kill();
    const again = open(disk);
    assert.deepEqual([again.recovery.verdict, again.recovery.droppedEvents], ['clean', 0]);
    assert.deepEqual(segmentsIn(disk, DIRECTORY), [1, 2]);
    assert.equal(again.opened.report.nextEventId, 6);
  });

  test('opened again and again without an event: one segment follows, not many', () => {
    const disk = tornDisk();
    for (let round = 0; round < 5; round++) {
      open(disk);
      disk.kill();
    }
    assert.deepEqual(segmentsIn(disk, DIRECTORY), [1, 2]);
  });

  test('is refused in strict mode, and the folder is as it was', () => {
    const disk = tornDisk();
    const before = Buffer.from(disk.contentOf(segmentPath(1)));
    const storage = new FaultyStorage(disk);
    const error = refusedWith('ERR_FLASHSTRIKE_TORN_TAIL', () =>
      open(storage, { recovery: 'strict' }),
    );
    assert.equal(error.path, segmentPath(1));
    assert.deepEqual(storage.story('write', 'rename', 'renameNoReplace', 'unlink'), []);
    assert.deepEqual([...storage.openFiles], []);
    assert.deepEqual(Buffer.from(disk.contentOf(segmentPath(1))), before);
  });

  test('a shorter append over it resurrects nothing of it', () => {
    const disk = tornDisk();
    const log = open(disk);
    log.write(1);
    disk.kill();
    assert.deepEqual(idsOn(disk), idsTo(4));
  });
});

describe('damage to what was durable', () => {
  test('refuses the open and changes nothing', () => {
    const disk = new SimulatedDisk();
    const log = open(disk);
    log.write(3);
    log.commit();
    log.settle();
    disk.kill();
    damage(disk, segmentPath(1), 4200, Uint8Array.of(1, 2, 3));
    const before = Buffer.from(disk.contentOf(segmentPath(1)));
    const storage = new FaultyStorage(disk);
    for (const recovery of ['default', 'strict', 'tolerate-tail'] as const) {
      const error = refusedWith('ERR_FLASHSTRIKE_CORRUPT', () => open(storage, { recovery }));
      assert.match(error.message, /Events 1 to 3 are lost/);
    }
    assert.deepEqual(storage.story('write', 'rename', 'renameNoReplace', 'unlink'), []);
    assert.deepEqual([...storage.openFiles], [], 'the lock is given back');
    assert.deepEqual(Buffer.from(disk.contentOf(segmentPath(1))), before);
  });
});

/** Events that are durable on the disks below, whatever happens to them. */
const DURABLE = 330;
const WRITTEN = 336;

/** Three segments, the last with a durable part, a part that was only written, and a torn block. */
function crash(): SimulatedDisk {
  const disk = new SimulatedDisk();
  const storage = new FaultyStorage(disk);
  const log = open(storage);
  while (log.producer.lastEventId < DURABLE) log.write(15, 180);
  log.commit();
  log.settle();
  log.write(WRITTEN - DURABLE, 180);
  storage.fail({ code: 'EIO', when: ({ kind }) => kind === 'write', torn: true, times: 1 });
  log.append(180);
  assert.throws(() => log.settle());
  disk.kill();
  assert.deepEqual(segmentsIn(disk, DIRECTORY), [1, 2, 3]);
  return disk;
}

const crashed = crash();
const crashedDisk = (): SimulatedDisk => crashed.copy();

/** A normal open finds all that was durable, takes new events, and keeps them over a power cut. */
function assertRecovers(disk: SimulatedDisk, context: string): void {
  const log = open(disk);
  const kept = log.opened.report.nextEventId - 1;
  assert.ok(kept >= DURABLE, `${context}: ${kept} events`);
  assert.deepEqual(eventIdsIn(disk, DIRECTORY), idsTo(kept), context);
  log.write(2, 180);
  log.commit();
  disk.cutPower();
  assert.deepEqual(eventIdsIn(disk, DIRECTORY), idsTo(kept + 2), context);
  open(disk).close();
  assert.deepEqual(eventIdsIn(disk, DIRECTORY), idsTo(kept + 2), context);
}

describe('every operation of an open of a crashed log', () => {
  const CALLS_MAX = 400;

  test('is met by a failure once: refused with a code, nothing held, nothing lost', () => {
    let hits = 1;
    let refusals = 0;
    for (let call = 1; hits > 0; call++) {
      assert.ok(call < CALLS_MAX, 'an open has an end');
      const disk = crashedDisk();
      const storage = new FaultyStorage(disk);
      const fault = storage.fail({ code: 'EIO', from: call, times: 1 });
      try {
        open(storage);
      } catch (error) {
        refusals++;
        assert.ok(error instanceof WalError, `call ${call}: ${error}`);
        assert.deepEqual([...storage.openFiles.values()], [], `call ${call}: still open`);
      }
      hits = fault.hits;
      disk.kill();
      assertRecovers(disk, `call ${call}`);
    }
    assert.ok(refusals > 20, 'the failures were met');
  });

  test('and all that follow fail, as when the disk is gone: the same', () => {
    for (const code of ['EIO', 'ENOSPC', 'EROFS']) {
      let hits = 1;
      for (let call = 1; hits > 0; call += code === 'EIO' ? 1 : 3) {
        assert.ok(call < CALLS_MAX, 'an open has an end');
        const disk = crashedDisk();
        const storage = new FaultyStorage(disk);
        const fault = storage.fail({ code, from: call });
        try {
          open(storage);
        } catch (error) {
          assert.ok(error instanceof WalError, `call ${call}: ${error}`);
          assert.deepEqual([...storage.openFiles.values()], [], `call ${call}: still open`);
        }
        hits = fault.hits;
        disk.kill();
        assertRecovers(disk, `${code} from call ${call}`);
      }
    }
  });

  test('is the last before the power goes: the next open finds all that was durable', () => {
    let hits = 1;
    for (let call = 1; hits > 0; call++) {
      assert.ok(call < CALLS_MAX, 'an open has an end');
      const disk = crashedDisk();
      const storage = new FaultyStorage(disk);
      const fault = storage.fail({ code: 'EIO', from: call, torn: true });
      try {
        open(storage);
      } catch (error) {
        assert.ok(error instanceof WalError, `call ${call}: ${error}`);
      }
      hits = fault.hits;
      disk.cutPower();
      assertRecovers(disk, `power cut at call ${call}`);
    }
  });

  test('of a new log too: after each the folder is a new log, or the one that was begun', () => {
    for (const end of ['kill', 'cutPower'] as const) {
      let hits = 1;
      for (let call = 1; hits > 0; call++) {
        assert.ok(call < CALLS_MAX, 'an open has an end');
        const disk = new SimulatedDisk();
        const storage = new FaultyStorage(disk);
        const fault = storage.fail({ code: 'EIO', from: call, torn: true });
        try {
          open(storage);
        } catch (error) {
          assert.ok(error instanceof WalError, `call ${call}: ${error}`);
          assert.deepEqual([...storage.openFiles.values()], [], `call ${call}: still open`);
        }
        hits = fault.hits;
        disk[end]();
        const log = open(disk);
        log.write(2);
        log.commit();
        disk.cutPower();
        assert.deepEqual(idsOn(disk), [1, 2], `${end} at call ${call}`);
      }
    }
  });
});

describe('every operation of a running log', () => {
  test('is the last before a crash: what was committed is found, as a prefix', () => {
    for (const end of ['kill', 'cutPower'] as const) {
      let hits = 1;
      for (let call = 1; hits > 0; call++) {
        assert.ok(call < 400, 'a run has an end');
        const disk = new SimulatedDisk();
        const storage = new FaultyStorage(disk);
        const log = open(storage);
        const fault = storage.fail({ code: 'EIO', from: call, torn: true });
        let committed = 0;
        let appended = 0;
        try {
          for (let round = 0; round < 6; round++) {
            for (let event = 0; event < 50; event++) appended = log.append(180);
            committed = log.commit();
            log.step();
          }
          log.settle();
          log.close();
        } catch (error) {
          assert.ok(error instanceof Error);
        }
        hits = fault.hits;
        disk[end]();
        const again = open(disk);
        const kept = again.opened.report.nextEventId - 1;
        const where = `${end} at call ${call}`;
        assert.ok(kept >= committed && kept <= appended, `${where}: ${kept} of ${committed}`);
        assert.deepEqual(idsOn(disk), idsTo(kept), where);
        again.write(1);
        again.commit();
        disk.cutPower();
        assert.deepEqual(idsOn(disk), idsTo(kept + 1), where);
      }
    }
  });
});

describe('the folder of a log whose first open could not make it durable', () => {
  const syncOfParent = ({ kind, path }: StorageCall): boolean =>
    kind === 'syncDirectory' && path === dirname(DIRECTORY);

  /** The folder is there, and its name on no disk. */
  function begun(disk = new SimulatedDisk()): FaultyStorage {
    const storage = new FaultyStorage(disk);
    storage.fail({ code: 'EIO', when: syncOfParent, times: 1 });
    refusedWith('ERR_FLASHSTRIKE_IO', () => open(storage));
    return storage;
  }

  test('is refused until the folder above can be synced, read-only or not', () => {
    const disk = new SimulatedDisk();
    const storage = begun(disk);
    storage.fail({ code: 'EROFS', when: syncOfParent, times: 1 });
    refusedWith('ERR_FLASHSTRIKE_ACCESS', () => open(storage));
    const log = open(storage);
    log.write(1);
    log.commit();
    disk.cutPower();
    assert.deepEqual(idsOn(disk), [1]);
  });

  test('is opened where the folder above is of another file system, which is read-only', () => {
    const storage = begun();
    storage.fail({ code: 'EROFS', when: syncOfParent, times: 1 });
    const statusAt = storage.statusAt.bind(storage);
    storage.statusAt = (path) => {
      const status = statusAt(path);
      const isAbove = path === dirname(DIRECTORY);
      return status === undefined || !isAbove ? status : { ...status, device: status.device + 1n };
    };
    open(storage).close();
  });
});

describe('an open that finds no space', () => {
  test('is refused as that, and succeeds when there is some', () => {
    const disk = new SimulatedDisk();
    disk.capacityBytes = 10 * KIB;
    const error = refusedWith('ERR_FLASHSTRIKE_NO_SPACE', () => open(disk));
    assert.match(error.message, /Free some space/);
    assert.deepEqual(namesIn(disk, DIRECTORY), ['LOCK', 'wal.meta'], 'no partial file is left');
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    const log = open(disk);
    log.write(1);
    log.commit();
    assert.deepEqual(idsOn(disk), [1]);
  });
});

describe('an open that the system refuses', () => {
  const CODES = {
    EACCES: 'ERR_FLASHSTRIKE_ACCESS',
    EPERM: 'ERR_FLASHSTRIKE_ACCESS',
    EROFS: 'ERR_FLASHSTRIKE_ACCESS',
    ENOSPC: 'ERR_FLASHSTRIKE_NO_SPACE',
    EDQUOT: 'ERR_FLASHSTRIKE_NO_SPACE',
    ENOTDIR: 'ERR_FLASHSTRIKE_NOT_A_LOG',
    EIO: 'ERR_FLASHSTRIKE_IO',
    EMFILE: 'ERR_FLASHSTRIKE_RESOURCES',
  } as const satisfies Record<string, ErrorCode>;

  for (const [system, code] of Object.entries(CODES)) {
    test(`${system} comes out as ${code}, with the folder and the cause`, () => {
      const storage = new FaultyStorage(new SimulatedDisk());
      storage.fail({ code: system, when: ({ kind }) => kind === 'makeDirectory' });
      const error = refusedWith(code, () => open(storage));
      assert.equal(error.path, DIRECTORY);
      assert.ok(error.message.includes(DIRECTORY));
      assert.equal((error.cause as { code?: string }).code, system);
    });
  }
});

// Which options are advised, on machines that are made up.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { collectFacts } from './facts.js';
import {
  type Changes,
  fakeMachine,
  fakeMeasurements,
  fakeWay,
  LOG,
  mountLine,
  ROOM,
  SHARED,
  withWays,
} from './fake-machine.js';
import type { Measurements } from './measurements.js';
import { optionsText, settingsFor, sharingAdvice } from './settings.js';

const MS = 1e6;
const MIB = 2 ** 20;

function advised(
  measured: Measurements | undefined,
  machine: Changes = {},
  sharedMemoryDirectory = '/dev/shm',
) {
  const facts = collectFacts(fakeMachine(machine), LOG, sharedMemoryDirectory);
  return settingsFor({ facts, measured, refused: undefined });
}

const chosen = (...args: Parameters<typeof advised>): string | undefined =>
  optionsText(advised(...args));
const longest = (ns: number): Measurements =>
  fakeMeasurements({ longest: { way: 'grow', ns, atMs: 0 } });
const onBtrfs: Changes = {
  files: { '/proc/self/mountinfo': mountLine('/', 'btrfs', '/dev/nvme0n1p2') },
};

describe('options that doctor advises', () => {
  it('are the defaults on a good machine, each with its figure', () => {
    const settings = advised(fakeMeasurements());
    assert.equal(optionsText(settings), undefined);
    const told = settings.map(({ option, value }) => [option, value]);
    assert.deepEqual(told, [
      ['preallocate', 'zero'],
      ['sync.intervalMs', 10],
      ['ringBytes', 16 * MIB],
      ['timestamps', 'precise'],
    ]);
    assert.match(settings[0]?.why ?? '', /200 µs into a prepared file, 900 µs into a growing one/);
  });

  it('no zeros in advance where they save nothing, or are written to another place', () => {
    const even = withWays(fakeWay('grow', 0.205 * MS));
    assert.equal(chosen(even), "{ preallocate: 'allocate' }");
    assert.equal(chosen(fakeMeasurements(), onBtrfs), "{ preallocate: 'allocate' }");
  });

  it('a longer interval where a sync takes about as long', () => {
    const slow = withWays(fakeWay('overwrite', 12 * MS), fakeWay('grow', 30 * MS));
    assert.equal(chosen(slow), '{ sync: { intervalMs: 50 } }');
  });

  it('a ring that carries 20 MB/s through the longest stall, as far as there is room', () => {
    assert.equal(chosen(longest(900 * MS)), '{ ringBytes: 33_554_432 }');
    assert.match(
      chosen(longest(60_000 * MS)) ?? '',
      /^{ ringBytes: 268_435_456, stallTimeoutMs: 600_000 }$/,
    );
    const room = { spaces: { '/dev/shm': { ...SHARED, freeBytes: 64 * MIB } } };
    assert.equal(chosen(longest(1900 * MS), room), undefined);
  });

  it('a smaller ring, and smaller segments, where there is little room', () => {
    const shared = { spaces: { '/dev/shm': { ...SHARED, freeBytes: 9 * MIB } } };
    assert.equal(chosen(fakeMeasurements(), shared), '{ ringBytes: 4_194_304 }');
    const disk = { spaces: { [LOG]: { ...ROOM, freeBytes: 300 * MIB } } };
    assert.equal(chosen(fakeMeasurements(), disk), '{ segmentBytes: 33_554_432 }');
    const files = { files: { '/proc/self/limits': 'Max file size   20000000   20000000   bytes' } };
    assert.equal(chosen(fakeMeasurements(), files), '{ segmentBytes: 16_777_216 }');
  });

  it('coarse timestamps where the clock is slow; no lock, and another folder, where it must be', () => {
    assert.equal(chosen(fakeMeasurements({ clockReadingNs: 900 })), "{ timestamps: 'coarse' }");
    const { log } = fakeMeasurements();
    const unlocked = fakeMeasurements({ log: log && { ...log, lock: 'none' } });
    const rings = { folders: { '/rings': [] }, spaces: { '/rings': SHARED } };
    assert.equal(
      chosen(unlocked, rings, '/rings'),
      "{ lock: 'none', sharedMemoryDirectory: '/rings' }",
    );
  });

  it('what sharing a commit brings is told where both were measured', () => {
    const facts = collectFacts(fakeMachine(), LOG, '/dev/shm');
    const told = sharingAdvice({ facts, measured: fakeMeasurements(), refused: undefined });
    assert.match(told ?? '', /3,333 events\/s here, 1,000 events to a commit 3,333,333/);
    assert.equal(sharingAdvice({ facts, measured: undefined, refused: 'EIO' }), undefined);
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cannotMap, regionFolder } from '../../test/support/adapters.js';
import { mappingsBelow } from '../../test/support/process-resources.js';
import { type Libc, libc } from '../memory/libc.js';
import { regionMappings, unmapLeftRegions } from './left-mappings.js';
import { createMappedRegion, ownKeeper, type RegionHost } from './mapped-region.js';
import type { RegionRequest } from './region-layout.js';
import { newRegionName } from './region-names.js';
import type { SharedRegion } from './shared-region.js';

const REQUEST: RegionRequest = {
  logId: 5n,
  folder: { device: 6n, inode: 7n, birthNs: 8n, path: '/logs/orders' },
  telemetryBytes: 4096,
  controlBytes: 4096,
  ringBytes: 65536,
};

const addressOf = ({ handle }: SharedRegion): number | undefined =>
  handle.adapter === 'mapped' ? handle.address : undefined;

interface Made {
  readonly region: SharedRegion;
  /** Its thread ends: the descriptor goes, and no code of ours runs. */
  leave(): void;
}

function make(t: TestContext, folder: string): Made {
  let held: number | undefined;
  const leave = (): void => {
    if (held !== undefined) ownKeeper.letGo(held);
    held = undefined;
  };
  t.after(leave);
  const host: RegionHost = {
    keeper: {
      hold: (path) => {
        held = ownKeeper.hold(path);
        return held;
      },
      letGo: leave,
    },
    undisturbed: (body) => body(),
  };
  const region = createMappedRegion(join(folder, newRegionName(5n)), REQUEST, host);
  return { region, leave };
}

test('a mapping whose owner is gone is given back, that of one who lives is not', {
  skip: cannotMap,
}, (t) => {
  const folder = regionFolder(t);
  const [left, held] = [make(t, folder), make(t, folder)];
  unmapLeftRegions();
  assert.equal(mappingsBelow(folder).length, 2, 'both have their owner');
  left.leave();
  unmapLeftRegions();
  const [mapping = '', ...more] = mappingsBelow(folder);
  assert.deepEqual(more, []);
  assert.ok(mapping.endsWith(held.region.path ?? '?'));
  assert.equal(held.region.release({ remove: true }), 'removed');
  assert.deepEqual(mappingsBelow(folder), []);
});

/** The same calls, with something that happens just before each shared lock. */
function before(happens: () => void): Libc {
  const native = libc();
  assert.ok(native !== undefined);
  return {
    ...native,
    tryLockShared: (fd) => {
      happens();
      return native.tryLockShared(fd);
    },
  };
}

for (const remove of [true, false]) {
  test(`a region that takes the place of one that is released meanwhile stays (${remove})`, {
    skip: cannotMap,
  }, (t) => {
    const folder = regionFolder(t);
    const released = make(t, folder).region;
    let next: SharedRegion | undefined;
    // Another thread closes its log, and a third one opens its own at the same address.
    unmapLeftRegions(
      before(() => {
        released.release({ remove });
        next = make(t, folder).region;
      }),
    );
    assert.ok(next !== undefined);
    assert.equal(addressOf(next), addressOf(released), 'the kernel uses the address again');
    const [mapping = '', ...more] = mappingsBelow(folder);
    assert.deepEqual(more, []);
    assert.ok(mapping.endsWith(next.path ?? '?'), 'it is mapped');
    assert.equal(next.release({ remove: true }), 'removed');
  });
}

test('two threads that give back one mapping do not meet', { skip: cannotMap }, (t) => {
  const folder = regionFolder(t);
  const left = make(t, folder);
  left.leave();
  let inner = 0;
  const innermost = before(() => {
    inner++;
  });
  unmapLeftRegions(before(() => unmapLeftRegions(innermost)));
  assert.equal(inner, 0, 'the second one leaves it to the first');
  assert.deepEqual(mappingsBelow(folder), []);
  unmapLeftRegions(innermost);
});

test('only files with the name of a region count, and only while they have it', () => {
  const name = newRegionName(0xabcn);
  const maps = [
    '7f0000000000-7f0000100000 rw-s 00000000 00:1a 4711                       /dev/shm/other',
    `7f0000100000-7f0000200000 rw-s 00000000 00:1a 4712      /dev/shm/${name}`,
    `7f0000200000-7f0000300000 rw-s 00000000 00:1a 4713      /dev/shm/${name} (deleted)`,
    '7f0000300000-7f0000400000 rw-p 00000000 00:00 0 ',
    '7ffd8b7f5000-7ffd8b816000 rw-p 00000000 00:00 0                          [stack]',
  ].join('\n');
  const found = { address: 0x7f0000100000, bytes: 0x100000, inode: 4712n };
  assert.deepEqual(regionMappings(maps), [{ ...found, path: `/dev/shm/${name}` }]);
});

test('this process is read as it is', { skip: cannotMap }, () => {
  assert.deepEqual(regionMappings(readFileSync('/proc/self/maps', 'latin1')), []);
});

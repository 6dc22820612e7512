import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FolderIdentity } from '../region/folder-identity.js';
import type { RegionHeader } from '../region/region-layout.js';
import { newRegionName } from '../region/region-names.js';
import type { LeftRegion } from '../region/regions.js';
import type { ReadLockRecord } from '../storage/lock-file.js';
import { nodeStorage } from '../storage/node-storage.js';
import { walkRegions } from './region-walk.js';

const OURS = 0xabcn;
const SHARED = '/shared';
const FOLDER: FolderIdentity = { device: 5n, inode: 6n, birthNs: 7n, path: '/is/nowhere' };
const RECORD: ReadLockRecord = { regions: [], left: [], damaged: false, isWritten: true };

const pathFor = (logId: bigint, folder = SHARED): string => join(folder, newRegionName(logId));

interface Made {
  readonly path?: string;
  readonly logId?: bigint;
  readonly folder?: FolderIdentity;
  readonly isOwn?: boolean;
}

/** A region as far as a walk looks at it, and whether it is open. */
class StandInRegion {
  readonly status = 'match';
  readonly path: string;
  readonly header: RegionHeader;
  readonly isOwn: boolean;
  isOpen = false;

  constructor({ path = pathFor(OURS), logId = OURS, folder = FOLDER, isOwn = true }: Made) {
    this.path = path;
    this.header = { logId, folder } as RegionHeader;
    this.isOwn = isOwn;
  }

  close(): void {
    assert.ok(this.isOpen, 'closed once');
    this.isOpen = false;
  }
}

function walkOver(
  made: readonly StandInRegion[],
  given: { record?: Partial<ReadLockRecord>; logId?: bigint | undefined; broken?: string } = {},
) {
  const logId = 'logId' in given ? given.logId : OURS;
  const record = { ...RECORD, ...given.record };
  const regions = {
    list: (folder: string) => {
      if (folder === SHARED) return made.map(({ path }) => path);
      throw Object.assign(new Error('no'), { code: 'EACCES', errno: -13, syscall: 'scandir' });
    },
    open: (path: string) => {
      if (path === given.broken) throw new RangeError('broken');
      const region = made.find((each) => each.path === path);
      if (region === undefined) return { status: 'missing', reason: 'it does not exist.' } as const;
      region.isOpen = true;
      return region as unknown as LeftRegion;
    },
  };
  const folders = [SHARED, '/not/to/be/listed'];
  return walkRegions({ storage: nodeStorage, regions, folder: FOLDER, record, logId, folders });
}

/** Whose a region is that LOCK names. */
function whose(made: Made, given: { logId?: undefined } = {}): string | undefined {
  const region = new StandInRegion(made);
  const { found, close } = walkOver([region], { record: { regions: [region.path] }, ...given });
  close();
  return found[0]?.whose;
}

test('a region of this log, folder and user is ours', () => {
  assert.equal(whose({}), 'ours');
  assert.equal(whose({ isOwn: false }), 'uncertain');
});

test('a region is that of another log by its name; where only its header says so, nobody knows', () => {
  assert.equal(whose({ path: pathFor(77n) }), 'another');
  assert.equal(whose({ logId: 77n }), 'uncertain');
});

test('a folder that was mounted again under another device number is still its own', () => {
  assert.equal(whose({ folder: { ...FOLDER, device: 50n } }), 'ours');
  assert.equal(whose({ folder: { ...FOLDER, device: 50n }, isOwn: false }), 'uncertain');
  const unborn = { ...FOLDER, device: 50n, birthNs: undefined };
  assert.equal(whose({ folder: unborn }), 'uncertain', 'nothing proves it');
});

test('the region of another folder is not ours, that of one that is still there is its own', () => {
  assert.equal(whose({ folder: { ...FOLDER, birthNs: 70n } }), 'uncertain');
  assert.equal(whose({ folder: { ...FOLDER, inode: 60n } }), 'uncertain');
  const there = nodeStorage.statusAt('/');
  assert.ok(there?.kind === 'directory');
  const { device, inode, birthNs } = there;
  assert.equal(whose({ folder: { device, inode, birthNs, path: '/' } }), 'another');
});

test('a log whose id is not known has the regions of its folder that LOCK names, and no others', () => {
  assert.equal(whose({ path: pathFor(77n), logId: 77n }, { logId: undefined }), 'ours');
  const { found } = walkOver([new StandInRegion({})], { logId: undefined });
  assert.deepEqual(found, []);
});

test('what LOCK names comes first, then what bears the id of the log; each is opened once', () => {
  const made = [{}, { path: pathFor(77n) }, {}].map((each) => new StandInRegion(each));
  const [first, foreign, last] = made;
  assert.ok(first !== undefined && foreign !== undefined && last !== undefined);
  const record = { regions: [last.path, pathFor(OURS), last.path], left: [first.path] };
  const { found, unlisted, close } = walkOver(made, { record });
  assert.deepEqual(
    found.map(({ path, isNamed, wasLeft, whose }) => ({ path, isNamed, wasLeft, whose })),
    [
      { path: last.path, isNamed: true, wasLeft: false, whose: 'ours' },
      { path: first.path, isNamed: false, wasLeft: true, whose: 'another' },
    ],
  );
  assert.deepEqual(
    unlisted.map(({ path }) => path),
    ['/not/to/be/listed'],
  );
  close(last as unknown as LeftRegion);
  assert.deepEqual(
    made.map(({ isOpen }) => isOpen),
    [false, false, true],
  );
});

test('trouble half-way closes what was opened', () => {
  const made = [new StandInRegion({}), new StandInRegion({})];
  const broken = made[1]?.path ?? '';
  assert.throws(() => walkOver(made, { broken }), /broken/);
  assert.deepEqual(
    made.map(({ isOpen }) => isOpen),
    [false, false],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemError } from '../../test/support/interposed-storage.js';
import type { FolderIdentity } from '../region/folder-identity.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import { isProvenCopy } from './folder-proof.js';

const ORIGINAL: FolderIdentity = { device: 1n, inode: 2n, birthNs: undefined, path: '/log' };
const COPY: FolderIdentity = { ...ORIGINAL, inode: 9n, path: '/copy' };

/** A disk with one folder, at the path where the original was. */
function diskWith(there: FolderIdentity | undefined | Error): Storage {
  const ofNode = nodeStorage.statusAt('/') ?? assert.fail('there is no root');
  return {
    ...nodeStorage,
    realPath: (path) => path,
    statusAt: (path) => {
      assert.equal(path, ORIGINAL.path);
      if (there instanceof Error) throw there;
      return there && { ...ofNode, ...there };
    },
  };
}

interface Case {
  readonly recorded?: Partial<FolderIdentity>;
  readonly own?: Partial<FolderIdentity>;
  /** What stands at the recorded path; default: what was recorded. */
  readonly there?: Partial<FolderIdentity> | undefined | Error;
  readonly isProven: boolean;
}

const BORN = { birthNs: 7n };

const CASES: Readonly<Record<string, Case>> = {
  'another inode, and the original stands where it stood': { isProven: true },
  'the same, on another device': { own: { device: 8n }, isProven: true },
  'the original has no birth, the copy has': { own: { device: 8n, ...BORN }, isProven: true },
  'the original has a birth, the copy has none': {
    recorded: BORN,
    own: { device: 8n },
    isProven: true,
  },
  'another birth needs no original': {
    recorded: BORN,
    own: { birthNs: 8n },
    there: undefined,
    isProven: true,
  },
  'made in the same tick, and the original stands': { recorded: BORN, own: BORN, isProven: true },
  'the original is gone': { there: undefined, isProven: false },
  'another folder stands in its place': { there: { inode: 5n }, isProven: false },
  'one that was born later has its place and its inode': {
    recorded: BORN,
    there: { birthNs: 8n },
    isProven: false,
  },
  'it stands in the place of the original itself': { there: { inode: 9n }, isProven: false },
  'its path was not recorded': { recorded: { path: undefined }, isProven: false },
  'this user may not look there': { there: systemError('EACCES', 'stat'), isProven: false },
  'the original itself': { own: { inode: 2n }, isProven: false },
  'the original itself, under another device number': {
    own: { device: 8n, inode: 2n },
    isProven: false,
  },
  'it is seen through a second mount, with numbers of its own': {
    recorded: BORN,
    own: { device: 8n, ...BORN },
    isProven: false,
  },
};

for (const [what, { recorded, own, isProven, ...rest }] of Object.entries(CASES)) {
  test(`${what}: ${isProven ? 'a copy' : 'nothing is proven'}`, () => {
    const original = { ...ORIGINAL, ...recorded };
    const there =
      'there' in rest && (rest.there === undefined || rest.there instanceof Error)
        ? rest.there
        : { ...original, ...rest.there };
    assert.equal(isProvenCopy(diskWith(there), original, { ...COPY, ...own }), isProven);
  });
}

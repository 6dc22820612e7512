import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FolderIdentity, judgeFolder } from './folder-identity.js';

const RECORDED: FolderIdentity = { device: 1n, inode: 2n, birthNs: 3n, path: '/log' };

/**
 * Of device, inode and birth: what is the same as recorded, in that order; `?`: birth not known.
 */
const CASES: readonly (readonly [
  string,
  Partial<FolderIdentity>,
  ReturnType<typeof judgeFolder>,
])[] = [
  ['===', {}, 'same'],
  ['==≠', { birthNs: 4n }, 'copy'],
  ['==?', { birthNs: undefined }, 'same'],
  ['=≠=', { inode: 9n }, 'unknown'],
  ['=≠≠', { inode: 9n, birthNs: 4n }, 'copy'],
  ['=≠?', { inode: 9n, birthNs: undefined }, 'unknown'],
  ['≠==', { device: 9n }, 'remounted'],
  ['≠=≠', { device: 9n, birthNs: 4n }, 'copy'],
  ['≠=?', { device: 9n, birthNs: undefined }, 'unknown'],
  ['≠≠=', { device: 9n, inode: 9n }, 'unknown'],
  ['≠≠≠', { device: 9n, inode: 9n, birthNs: 4n }, 'copy'],
  ['≠≠?', { device: 9n, inode: 9n, birthNs: undefined }, 'unknown'],
];

for (const [what, difference, match] of CASES) {
  test(`a folder that is ${what} of what was recorded is judged ${match}`, () => {
    const actual = { ...RECORDED, ...difference };
    assert.equal(judgeFolder(RECORDED, actual), match);
    assert.equal(judgeFolder(actual, RECORDED), match, 'from either side');
    const moved = { ...actual, path: '/elsewhere' };
    assert.equal(judgeFolder(RECORDED, moved), match, 'wherever it lies');
  });
}

// Birth times where the system call that tells them is refused, as in a sandbox: libuv falls back
// on fstat then, and passes the time of the last change off as the birth. FAULTS row 79.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cannotMap, regionFolder } from '../support/adapters.js';
import { cannotTrace } from '../support/strace.js';

const STORAGE = new URL('../../src/storage/node-storage.js', import.meta.url).href;

/** The birth that the storage tells of `folder`, in a process of its own. */
function birthOf(folder: string, before: readonly string[]): string {
  const code =
    `const { nodeStorage } = await import(${JSON.stringify(STORAGE)});` +
    `console.log(String(nodeStorage.statusAt(${JSON.stringify(folder)}).birthNs));`;
  const [command = '', ...args] = [...before, process.execPath, '--input-type=module', '-e', code];
  return execFileSync(command, args, { encoding: 'utf8' }).trim();
}

test('a birth that the system does not tell is not known, and is no other time', {
  skip: cannotTrace || cannotMap,
}, (t) => {
  // On a tmpfs, which tells births.
  const folder = join(regionFolder(t), 'log');
  mkdirSync(folder);
  const birth = birthOf(folder, []);
  assert.match(birth, /^\d{19}$/);
  mkdirSync(join(folder, 'change'));
  assert.equal(birthOf(folder, []), birth, 'a change is no birth');
  for (const error of ['ENOSYS', 'EPERM']) {
    const inject = ['-e', 'trace=statx', '-e', `inject=statx:error=${error}`];
    assert.equal(birthOf(folder, ['strace', '-f', '-o', '/dev/null', ...inject]), 'undefined');
  }
});

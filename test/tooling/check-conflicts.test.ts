// The check for marks of a merge, on small checkouts: a check that never fails proves nothing.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../project-root.js';
import { temporaryFolder } from '../support/log-builder.js';

const SCRIPT = join(projectRoot(), 'scripts', 'check-conflicts.mjs');
const { check } = (await import(pathToFileURL(SCRIPT).href)) as {
  check(root: string): { readonly problems: readonly string[]; readonly files: number };
};

/** Not written out, or the check would find them here. */
const OURS = '<'.repeat(7);
const ANCESTOR = '|'.repeat(7);
const THEIRS = '>'.repeat(7);

const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** A checkout that tracks these files. */
function checkout(context: TestContext, files: Readonly<Record<string, string | Buffer>>): string {
  const folder = temporaryFolder(context);
  git(folder, 'init', '--quiet', '--initial-branch=main');
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  git(folder, 'add', '--all');
  return folder;
}

describe('the check for conflict marks', () => {
  test('finds each mark in any text file, and names its line', (context) => {
    const folder = checkout(context, {
      'README.md': `one\n${OURS} HEAD\ntwo\n${ANCESTOR} base\n=======\nthree\n${THEIRS} topic\n`,
      'a.yml': `a: 1\r\n${THEIRS}\r\n`,
      'sound.ts': 'export {};\n',
    });
    const { problems, files } = check(folder);
    assert.equal(files, 3);
    assert.deepEqual(problems, [
      'README.md:2 conflict mark',
      'README.md:4 conflict mark',
      'README.md:7 conflict mark',
      'a.yml:2 conflict mark',
    ]);
  });

  test('sees what a merge really leaves, and the command ends with 1', (context) => {
    const folder = checkout(context, { 'notes.md': 'one\n' });
    git(folder, 'commit', '--quiet', '-m', 'one');
    git(folder, 'checkout', '--quiet', '-b', 'topic');
    for (const [branch, line] of [
      ['topic', 'theirs\n'],
      ['main', 'ours\n'],
    ] as const) {
      git(folder, 'checkout', '--quiet', branch);
      writeFileSync(join(folder, 'notes.md'), line);
      git(folder, 'commit', '--quiet', '-am', branch);
    }
    assert.throws(() => git(folder, 'merge', '--quiet', 'topic'));
    const { status, stderr } = spawnSync(process.execPath, [SCRIPT, folder], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /^notes\.md:1 conflict mark\nnotes\.md:5 conflict mark\n/);
  });

  test('takes titles, shifts, arrows, bytes, and files that are gone or not tracked', (context) => {
    const folder = checkout(context, {
      'title.md': `Title\n=======\n${OURS}<\n ${OURS} indented\n${THEIRS}no space\n`,
      'bytes.bin': Buffer.from(`\0\n${OURS} HEAD\n`),
      'gone.md': 'gone\n',
    });
    rmSync(join(folder, 'gone.md'));
    writeFileSync(join(folder, 'untracked.md'), `${OURS} HEAD\n`);
    assert.deepEqual(check(folder), { problems: [], files: 1 });
    const { status, stderr } = spawnSync(process.execPath, [SCRIPT, folder], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, 'conflict marks in 1 files: none\n']);
  });

  test('finds none in this project', (context) => {
    const inGit = spawnSync('git', ['rev-parse', '--is-inside-work-tree'], { cwd: projectRoot() });
    if (inGit.status !== 0) return context.skip('this is a copy without its git folder');
    const { problems, files } = check(projectRoot());
    assert.deepEqual(problems, []);
    assert.ok(files > 1000, `${files} files were read`);
  });
});

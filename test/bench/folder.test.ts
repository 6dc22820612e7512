// What a benchmark wrote is gone when it ends, also when Ctrl-C ends it while a log is open in it.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Script } from '../support/child-script.js';

const FOLDER = new URL('../../bench/harness/folder.js', import.meta.url).href;

/**
 * As often as it is told, a removal finds a file that a thread of the log has made behind its back.
 */
const REMOVED_WHILE_WRITTEN = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { rmSync } = fs;
let interruptions = 10;
fs.rmSync = (path, given) => {
  if (interruptions-- <= 0) return rmSync(path, given);
  throw Object.assign(new Error('ENOTEMPTY: directory not empty'), { code: 'ENOTEMPTY' });
};
syncBuiltinESMExports();
process.env.FLASHSTRIKE_BENCH_DIRECTORY = directory;
const { withFolder } = await import('${FOLDER}');
await withFolder(async (folder) => {
  fs.writeFileSync(folder + '/0000000001.wal', 'content');
  tell('made ' + folder);
  if (options.isEnded) await new Promise(() => setInterval(() => {}, 1000));
});
`;

for (const [how, signal] of [
  ['Ctrl-C', 'SIGINT'],
  ['kill', 'SIGTERM'],
  ['its own end', null],
] as const) {
  test(`the folder of a benchmark is gone after ${how}, whatever its log writes meanwhile`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'flashstrike-test-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const isEnded = signal !== null;
    const given = { isEnded };
    const script = Script.start(t, REMOVED_WHILE_WRITTEN, directory, given, { bare: true });
    assert.match(await script.tells('made'), /flashstrike-bench-/);
    if (isEnded) script.child.kill(signal);
    const ended = await script.ended;
    assert.deepEqual([ended.signal, ended.stderr], [signal, '']);
    assert.deepEqual(readdirSync(directory), []);
  });
}

// The end of a process whose stdout and stderr cannot be synced: a file on a full or broken disk,
// or a descriptor that was closed. It ends, with its exit code. FAULTS row 64.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { temporaryFolder } from '../support/log-builder.js';
import { cannotTrace } from '../support/strace.js';

const INDEX = new URL('../../src/index.js', import.meta.url).href;
/** Long for a slow machine; a process that hangs does so for ever. */
const LIMIT_MS = 120_000;

const script = (directory: string, options: object, end: string): string => `
import { closeSync } from 'node:fs';
const { Wal } = await import('${INDEX}');
const wal = await Wal.open('${directory}', ${JSON.stringify(options)});
await wal.durable(wal.append(Buffer.from('a')));
console.log('durable');
${end}
`;

const ENDS = {
  'process.exit with the log open': { end: 'process.exit(7);', code: 7 },
  'the end of the script': { end: 'await wal.close(); process.exitCode = 3;', code: 3 },
  'an uncaught exception': { end: "throw new Error('of the script');", code: 1 },
} as const;

for (const error of ['EIO', 'ENOSPC']) {
  for (const [what, { end, code }] of Object.entries(ENDS)) {
    test(`${what}, where the sync of stdout and stderr says ${error}, ends the process`, {
      skip: cannotMap || cannotTrace,
    }, (t) => {
      const folder = temporaryFolder(t);
      const output = join(folder, 'output');
      const fd = openSync(output, 'w');
      const text = script(join(folder, 'log'), mappedOptions(t), end);
      const trace = ['-f', '--seccomp-bpf', '-qq', '-P', output, '-o', join(folder, 'trace')];
      const inject = ['-e', 'trace=fsync', '-e', `inject=fsync:error=${error}`];
      const node = [process.execPath, '--input-type=module', '--eval', text];
      const { status, signal } = spawnSync('strace', [...trace, ...inject, ...node], {
        stdio: ['ignore', fd, fd],
        timeout: LIMIT_MS,
        killSignal: 'SIGKILL',
      });
      const said = readFileSync(output, 'utf8');
      assert.deepEqual({ status, signal }, { status: code, signal: null }, said);
      assert.match(readFileSync(join(folder, 'trace'), 'utf8'), /INJECTED/);
      assert.match(said, /^durable\n/);
      assert.doesNotMatch(said, /Failed to sync/);
    });
  }
}

test('a process that has closed its stderr ends', { skip: cannotMap }, (t) => {
  const end = 'closeSync(2); await wal.close(); process.exit(5);';
  const text = script(join(temporaryFolder(t), 'log'), mappedOptions(t), end);
  const { status, signal, stdout } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', text],
    { encoding: 'utf8', timeout: LIMIT_MS, killSignal: 'SIGKILL' },
  );
  assert.deepEqual({ status, signal, stdout }, { status: 5, signal: null, stdout: 'durable\n' });
});

// The walk through a replicated log does what it says, step by step, with real servers.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Example } from '../support/example.js';
import { temporaryFolder } from '../support/log-builder.js';
import { NO_SERVER } from './nats-cluster.js';

const WALK = 'replicated/walk';
/** As where no program is found. */
const HIDDEN = `
import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
childProcess.spawnSync = () => ({ error: new Error('spawnSync ENOENT') });
syncBuiltinESMExports();
`;

describe('examples/replicated', { timeout: 900_000 }, () => {
  it('loses a leader and the recorder, and no acknowledged order', {
    skip: NO_SERVER,
  }, async (t) => {
    const cwd = temporaryFolder(t);
    const env = { ...process.env, TMPDIR: cwd };
    const lines = await new Example(t, WALK, [], { cwd, env }).success();
    const text = lines.join(' ').replace(/ +/g, ' ');
    const steps = [
      /^1\. /,
      / 2\. .* when (\d+) orders /,
      / 3\. .*: (\d+) orders /,
      / 4\. .* all (\d+) are /,
      / 5\. .* fenced\./,
      / 6\. .* orders 1 to (\d+), each exactly once, in order\. None of the (\d+) /,
    ];
    const told = new RegExp(steps.map(({ source }) => source).join('.*')).exec(text);
    const [atKill = 0, promised = 0, all = 0, found = 0, kept = 0] =
      told?.slice(1).map(Number) ?? [];
    assert.ok(atKill >= 1_000, text);
    assert.ok(promised >= atKill + 1_000, text);
    assert.ok(all >= promised + 1_000, text);
    assert.deepEqual([found, kept], [all, promised]);
    assert.deepEqual(readdirSync(cwd), []);
  });

  it('says what it needs where there is no nats-server', async (t) => {
    const cwd = temporaryFolder(t);
    const env = { ...process.env, TMPDIR: cwd };
    const nodeArguments = [`--import=data:text/javascript,${encodeURIComponent(HIDDEN)}`];
    const lines = await new Example(t, WALK, [], { cwd, env, nodeArguments }).success();
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^skipped: nats-server is not installed/);
    assert.deepEqual(readdirSync(cwd), []);
  });
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { flashstrike, RunningCommand, temporaryFolder, untilRecorded } from './cli-process.js';

interface Inspected {
  readonly lastEventId: number;
  readonly locked: boolean;
  readonly region: { readonly status: string; readonly path?: string };
  readonly segments: readonly { readonly file: string; readonly usedBytes: number }[];
}

const inspected = async (log: string): Promise<Inspected> => {
  const { code, stdout, stderr } = await flashstrike(['inspect', log, '--json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(String(stdout)) as Inspected;
};

/** Overwrites bytes of the first segment, from `offset` on; returns what was there. */
function damage(log: string, offset: number, change: (bytes: Buffer) => void, bytes = 1): void {
  const fd = openSync(join(log, '0000000001.wal'), 'r+');
  const part = Buffer.alloc(bytes);
  readSync(fd, part, 0, bytes, offset);
  change(part);
  writeSync(fd, part, 0, bytes, offset);
  closeSync(fd);
}

const hashOf = (log: string): string => {
  const hash = createHash('sha256');
  for (const name of readdirSync(log).sort())
    hash.update(name).update(readFileSync(join(log, name)));
  return hash.digest('hex');
};

const lines = (count: number): string =>
  Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('');

describe('command line: verify and inspect', { concurrency: 2, timeout: 900_000 }, () => {
  it('a sound log: 0, said in words and as JSON', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log], lines(1000));
    const text = await flashstrike(['verify', log]);
    assert.equal(text.code, 0);
    assert.match(
      String(text.stdout),
      /is sound.*\nevents {4}1,000, ids 1 to 1,000\ndurable {3}up to 1,000\n/,
    );
    const { code, stdout, stderr } = await flashstrike(['verify', log, '--json']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    const report = JSON.parse(String(stdout)) as Record<string, unknown>;
    assert.equal(report['ok'], true);
    assert.equal(report['verdict'], 'clean');
    assert.equal(report['lastEventId'], 1000);
    assert.deepEqual(report['problems'], []);
  });

  it('a torn tail: 0, and told', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log], lines(10));
    const { segments } = await inspected(log);
    damage(log, segments[0]?.usedBytes ?? 0, (bytes) => bytes.fill(0x5a), 100);
    const { code, stdout } = await flashstrike(['verify', log]);
    assert.equal(code, 0);
    assert.match(String(stdout), /torn tail.*\n(.*\n)*tail +0000000001\.wal at offset/);
    assert.match(String(stdout), /Nothing to do/);
    const shown = await flashstrike(['inspect', log]);
    assert.match(String(shown.stdout), /tail {5}torn-tail at offset/);
  });

  it('a flipped bit in a durable block: 1, file and offset named, nothing changed', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log], lines(1000));
    damage(log, 4096 + 64 + 30, (bytes) => bytes.writeUInt8(bytes.readUInt8() ^ 1));
    const before = hashOf(log);
    const { code, stdout } = await flashstrike(['verify', log]);
    assert.equal(code, 1);
    assert.match(String(stdout), /is CORRUPT/);
    assert.match(
      String(stdout),
      /problem 1: 0000000001\.wal at offset 4,096\n {2}ERR_FLASHSTRIKE_CORRUPT: /,
    );
    assert.match(String(stdout), /lost: /);
    const json = await flashstrike(['verify', log, '--json']);
    assert.equal(json.code, 1);
    const report = JSON.parse(String(json.stdout)) as { ok: boolean; problems: unknown[] };
    assert.equal(report.ok, false);
    assert.ok(report.problems.length > 0);
    for (const args of [
      ['replay', log],
      ['record', log],
    ]) {
      const refused = await flashstrike(args, 'more\n');
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /flashstrike: ERR_FLASHSTRIKE_CORRUPT: .*0000000001\.wal/);
    }
    assert.equal(hashOf(log), before);
  });

  it('what cannot be read: 3, also as JSON', async (context) => {
    const folder = temporaryFolder(context);
    mkdirSync(join(folder, 'empty'));
    writeFileSync(join(folder, 'file'), 'x');
    for (const name of ['missing', 'empty', 'file']) {
      const { code, stdout, stderr } = await flashstrike(['verify', join(folder, name)]);
      assert.equal(code, 3, name);
      assert.equal(String(stdout), '');
      assert.match(stderr, /^flashstrike: ERR_FLASHSTRIKE_NOT_A_LOG: /);
      const shown = await flashstrike(['inspect', join(folder, name)]);
      assert.equal(shown.code, 1);
    }
    const { code, stdout } = await flashstrike(['verify', join(folder, 'empty'), '--json']);
    assert.equal(code, 3);
    const report = JSON.parse(String(stdout)) as { ok: boolean; error: { code: string } };
    assert.equal(report.ok, false);
    assert.equal(report.error.code, 'ERR_FLASHSTRIKE_NOT_A_LOG');
  });

  it('inspect shows each segment, the meta file, and names that are not of a log', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log], lines(1000));
    writeFileSync(join(log, 'evil\u001b[31m'), '');
    const { code, stdout, stderr } = await flashstrike(['inspect', log]);
    assert.equal(code, 0, stderr);
    const text = String(stdout);
    assert.match(text, /events {3}1,000, ids 1 to 1,000/);
    assert.match(text, /meta {5}closed cleanly; durable up to 1,000/);
    assert.match(text, /lock {5}free\nregion {3}none/);
    assert.match(text, /also {5}evil\\u\{1b\}\[31m/);
    assert.match(text, /^segment +file +size/m);
    assert.match(text, /^ +1 +0000000001\.wal .* 1,000 +1 +1,000 +\d{4}-\d\d-\d\d/m);
  });

  it('after kill -9: told as waiting, kept by --remove, taken in by the next opening', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const recorder = new RunningCommand(['record', log]);
    recorder.child.stdin.write(lines(5000));
    await untilRecorded(log, 5000, recorder);
    const open = await inspected(log);
    assert.equal(open.locked, true);
    recorder.child.kill('SIGKILL');
    assert.equal((await recorder.finished).signal, 'SIGKILL');
    const { region } = await inspected(log);
    if (open.region.status === 'in-use') {
      assert.equal(region.status, 'waiting');
      assert.ok(region.path !== undefined && existsSync(region.path));
      const { code, stdout } = await flashstrike(['inspect', log, '--regions', '--remove']);
      assert.equal(code, 0);
      assert.match(String(stdout), /kept: the next open of the log reads it/);
      assert.ok(existsSync(region.path));
    }
    assert.equal((await flashstrike(['verify', log])).code, 0);
    assert.equal((await flashstrike(['record', log], 'more\n')).code, 0);
    const { stdout } = await flashstrike(['replay', log]);
    assert.equal(String(stdout), `${lines(5000)}more\n`);
    assert.equal((await inspected(log)).region.status, 'none');
    if (region.path !== undefined) assert.ok(!existsSync(region.path));
  });

  it('--regions --remove removes a region that no log names any more', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const recorder = new RunningCommand(['record', log]);
    recorder.child.stdin.write('a\n');
    await untilRecorded(log, 1, recorder);
    recorder.child.kill('SIGKILL');
    await recorder.finished;
    const { region } = await inspected(log);
    if (region.path === undefined) return context.skip('no shared memory here');
    const lock = openSync(join(log, 'LOCK'), 'r+');
    writeSync(lock, `${JSON.stringify({ regions: [] }).padEnd(4095)}\n`, 0);
    closeSync(lock);
    const listed = await flashstrike(['inspect', log, '--regions']);
    assert.match(String(listed.stdout), /orphaned/);
    assert.match(listed.stderr, /--remove/);
    assert.ok(existsSync(region.path), 'listing removes nothing');
    const { code, stderr } = await flashstrike(['inspect', log, '--regions', '--remove']);
    assert.equal(code, 0);
    assert.ok(stderr.includes(`removed ${region.path}`));
    assert.ok(!existsSync(region.path));
    const none = await flashstrike(['inspect', log, '--regions', '--json']);
    assert.deepEqual(JSON.parse(String(none.stdout)), []);
  });
});

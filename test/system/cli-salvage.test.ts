import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { SalvageReport } from '../../src/index.js';
import { Wal } from '../../src/index.js';
import { BLOCK_HEADER_BYTES } from '../../src/segment/block-header.js';
import { FRAME_HEADER_BYTES } from '../../src/segment/frame.js';
import { SEGMENT_HEADER_PAGE_BYTES } from '../../src/segment/segment-header.js';
import { TINY } from '../support/adapters.js';
import { flashstrike, RunningCommand, temporaryFolder, untilRecorded } from './cli-process.js';

const line = (id: number): string => `line ${id}`;
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `${line(from + index)}\n`).join('');

/** A log of small segments with `count` lines in blocks of a hundred. */
async function recorded(context: TestContext, count: number): Promise<string> {
  const log = join(temporaryFolder(context), 'log');
  const wal = await Wal.open(log, { ...TINY, sync: { mode: 'every-block' } });
  for (let id = 1; id <= count; id++) {
    wal.append(Buffer.from(line(id)));
    if (id % 100 === 0) await wal.durable();
  }
  await wal.close();
  return log;
}

function damage(log: string, file: string, offset: number, bytes: number): void {
  const fd = openSync(join(log, file), 'r+');
  writeSync(fd, new Uint8Array(bytes).fill(0xa5), 0, bytes, offset);
  closeSync(fd);
}

/** In the payload of a segment's first event, whatever the sizes of its blocks. */
const IN_FIRST_BLOCK = SEGMENT_HEADER_PAGE_BYTES + BLOCK_HEADER_BYTES + FRAME_HEADER_BYTES;

const hashOf = (log: string): string => {
  const hash = createHash('sha256');
  for (const name of readdirSync(log).sort())
    hash.update(name).update(readFileSync(join(log, name)));
  return hash.digest('hex');
};

const replayed = async (log: string): Promise<string> =>
  String((await flashstrike(['replay', log])).stdout);

describe('command line: salvage', { concurrency: 2, timeout: 900_000 }, () => {
  it('a log whose first segment is gone: replay, verify and the next recording tell so', async (context) => {
    const log = await recorded(context, 3000);
    rmSync(join(log, '0000000001.wal'));
    const told = /the log begins with (event [1-9]|0000000002\.wal)/i;
    const whole = await flashstrike(['replay', log]);
    assert.equal(whole.code, 0);
    assert.match(whole.stderr, told);
    const asked = await flashstrike(['replay', log, '--from', '2900']);
    assert.doesNotMatch(asked.stderr, told, 'who asks for ids knows what he gets');
    assert.match(String((await flashstrike(['verify', log])).stdout), told);
    assert.match((await flashstrike(['record', log], 'one\n')).stderr, told);
  });

  it('a sound log: a copy that replays the same, said in words', async (context) => {
    const log = await recorded(context, 3000);
    const output = join(temporaryFolder(context), 'a', 'copy');
    const { code, stdout, stderr } = await flashstrike(['salvage', log, '--output', output]);
    assert.equal(code, 0, stderr);
    assert.equal(String(stdout), '', 'what is said goes to stderr');
    assert.match(stderr, /^salvaged {2}3,000 events, ids 1 to 3,000, to .*copy\ngaps {6}none\n$/);
    assert.equal((await flashstrike(['verify', output])).code, 0);
    assert.equal(await replayed(output), lines(1, 3000));
  });

  it('damage in three places: every gap told, the rest in a log that goes on', async (context) => {
    const log = await recorded(context, 6000);
    const files = readdirSync(log).filter((name) => name.endsWith('.wal'));
    assert.ok(files.length >= 5, files.join());
    damage(log, files[0] ?? '', IN_FIRST_BLOCK, 3);
    damage(log, files[2] ?? '', 0, 128);
    damage(log, files[4] ?? '', IN_FIRST_BLOCK, 3);
    const verified = await flashstrike(['verify', log]);
    assert.equal(verified.code, 1);
    const before = hashOf(log);
    const output = join(temporaryFolder(context), 'copy');
    const args = ['salvage', log, '--output', output, '--json'];
    const { code, stdout, stderr } = await flashstrike(args);
    assert.equal(code, 0, stderr);
    assert.equal(hashOf(log), before, 'the source is not touched');
    const report = JSON.parse(String(stdout)) as SalvageReport;
    assert.deepEqual(JSON.parse(readFileSync(join(output, 'salvage.json'), 'utf8')), report);
    assert.deepEqual(
      report.gaps.map(({ file, code: reason }) => [file, reason]),
      [files[0], files[2], files[4]].map((file) => [file, 'ERR_FLASHSTRIKE_CORRUPT']),
    );
    assert.equal(stderr.match(/^gap \d{10}\.wal at offset /gm)?.length, 3, stderr);
    assert.match(stderr, /^ids {7}/m);
    assert.equal(report.complete, true);
    assert.ok(report.lost > 100 && report.lost < 3000, `${report.lost}`);
    assert.equal(report.events, 6000 - report.lost);
    const expected = report.ranges.map((range) => lines(range.firstEventId, range.lastEventId));
    assert.equal(await replayed(output), expected.join(''));
    assert.equal((await flashstrike(['verify', output])).code, 0);
    const more = await flashstrike(['record', output, '--json'], 'more\n');
    assert.equal(more.code, 0, more.stderr);
    const { firstEventId } = JSON.parse(String(more.stdout)) as { firstEventId: number };
    assert.equal(firstEventId, report.lastEventId + 1);
  });

  it('what cannot be: 1 or 2, and nothing is made', async (context) => {
    const log = await recorded(context, 10);
    const folder = temporaryFolder(context);
    mkdirSync(join(folder, 'full'));
    writeFileSync(join(folder, 'full', 'evil\u001b[31m'), '');
    const full = await flashstrike(['salvage', log, '--output', join(folder, 'full')]);
    assert.equal(full.code, 1);
    assert.match(
      full.stderr,
      /ERR_FLASHSTRIKE_INVALID_ARGUMENT: .*full is not empty .*evil\\u\{1b\}/,
    );
    const inside = await flashstrike(['salvage', log, '--output', join(log, 'copy')]);
    assert.equal(inside.code, 1);
    const none = await flashstrike(['salvage', join(folder, 'no'), '--output', join(folder, 'x')]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /ERR_FLASHSTRIKE_NOT_A_LOG/);
    assert.ok(!existsSync(join(folder, 'x')) && !existsSync(join(log, 'copy')));
    for (const args of [
      ['salvage', log],
      ['salvage', '--output', 'x'],
      ['salvage', log, '--output', ''],
    ]) {
      assert.equal((await flashstrike(args)).code, 2, args.join(' '));
    }
  });

  it('Ctrl-C: 130, and what was copied is a sound log', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    // Blocks of nearly a megabyte, enough for several turns of the event loop.
    const { stallTimeoutMs } = TINY;
    const wal = await Wal.open(log, {
      ringBytes: 64 << 20,
      sync: { mode: 'manual' },
      stallTimeoutMs,
    });
    const payload = Buffer.alloc(512 * 1024, 'x');
    for (let count = 0; count < 300; count++) wal.append(payload);
    await wal.durable();
    await wal.close();
    // The first byte of the first block, which the small first segment cannot hold: its gap is the
    // sign that the copy has begun.
    damage(log, '0000000002.wal', 4096, 1);
    const output = join(temporaryFolder(context), 'copy');
    const command = new RunningCommand(['salvage', log, '--output', output, '--json']);
    await command.until((_, stderr) => stderr.includes('gap '));
    command.child.kill('SIGINT');
    const { code, signal, stdout } = await command.finished;
    const report = JSON.parse(String(stdout)) as SalvageReport;
    // Where the copy was done before the signal came, it has done all, and may be about to end.
    assert.ok(
      code === 130 || (report.complete && (signal === 'SIGINT' || code === 0)),
      `${signal ?? code}`,
    );
    assert.equal(report.complete, report.events + report.lost === 300);
    assert.equal((await flashstrike(['verify', output])).code, 0);
  });

  it('a log that is open: what it holds so far, and no gap', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const recorder = new RunningCommand(['record', log]);
    recorder.child.stdin.write('a\n');
    await untilRecorded(log, 1, recorder);
    const output = join(temporaryFolder(context), 'copy');
    const live = await flashstrike(['salvage', log, '--output', output]);
    assert.equal(live.code, 0, live.stderr);
    assert.match(live.stderr, /gaps {6}none/, 'a log that is open is no damage');
    recorder.child.kill('SIGKILL');
    await recorder.finished;
    assert.equal(await replayed(output), 'a\n');
  });
});

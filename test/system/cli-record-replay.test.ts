import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { replay } from '../../src/index.js';
import { NO_SHARED_DATA, sharedData } from '../support/shared-data.js';
import { flashstrike, RunningCommand, temporaryFolder, untilRecorded } from './cli-process.js';

const replayed = async (log: string, ...options: string[]): Promise<string> => {
  const { code, stdout, stderr } = await flashstrike(['replay', log, ...options]);
  assert.equal(code, 0, stderr);
  return stdout.toString('latin1');
};

describe('command line: record and replay', { concurrency: 2, timeout: 900_000 }, () => {
  it('gives lines back byte for byte, whatever is in them', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const input = Buffer.concat([Buffer.from('\n\r\n\ntwo\r\n'), bytes, Buffer.from('\n')]);
    const { code, stdout, stderr } = await flashstrike(['record', log], input);
    assert.equal(code, 0, stderr);
    assert.equal(String(stdout), '');
    assert.match(stderr, /recorded 6 events .*ids 1 to 6; durable up to 6/);
    const { stdout: output } = await flashstrike(['replay', log]);
    assert.deepEqual(output, input);
  });

  it('appends to a log that is there, and replays a range', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log], 'a\nb\n');
    const { stderr } = await flashstrike(['record', log], 'c\nd\n');
    assert.match(stderr, /ids 3 to 4/);
    assert.equal(await replayed(log), 'a\nb\nc\nd\n');
    assert.equal(await replayed(log, '--from', '2', '--to', '3'), 'b\nc\n');
    assert.equal(await replayed(log, '--from', '4'), 'd\n');
    assert.equal(await replayed(log, '--from', '5'), '', 'the id behind the last is empty');
    const times = [...replay(log)].map((event) => event.timestampNs);
    assert.equal(await replayed(log, '--from-time', `${times[2]}`), 'c\nd\n');
    assert.equal(await replayed(log, '--from-time', '2001-01-01T00:00:00Z', '--to', '1'), 'a\n');
    assert.equal(await replayed(log, '--from-time', '2500-01-01'), '', 'nothing is that late');
    for (const strange of [
      ['--from-time', 'now'],
      ['--from-time', '1', '--from', '1'],
    ]) {
      assert.equal((await flashstrike(['replay', log, ...strange])).code, 2);
    }
    const beyond = await flashstrike(['replay', log, '--from', '6']);
    assert.equal(beyond.code, 1);
    assert.match(beyond.stderr, /^flashstrike: ERR_FLASHSTRIKE_OUT_OF_RANGE: /);
  });

  it('takes a last line without its newline, and says that replay writes one', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const { code, stderr } = await flashstrike(['record', log], 'a\nb');
    assert.equal(code, 0);
    assert.match(stderr, /does not end with \\n/);
    assert.equal(await replayed(log), 'a\nb\n');
  });

  it('makes an empty log of an empty input', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const { code, stderr } = await flashstrike(['record', log], '');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /recorded 0 events/);
    assert.equal(await replayed(log), '');
  });

  it('--json prints what was done on stdout, and nothing else', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const { stdout } = await flashstrike(['record', log, '--json'], 'one\nthree\n');
    const report: unknown = JSON.parse(String(stdout));
    assert.ok(typeof report === 'object' && report !== null);
    const { seconds, eventsPerSecond, ...rest } = report as Record<string, unknown>;
    assert.ok(typeof seconds === 'number' && typeof eventsPerSecond === 'number');
    assert.deepEqual(rest, {
      events: 2,
      payloadBytes: 8,
      firstEventId: 1,
      lastEventId: 2,
      durableEventId: 2,
      interrupted: false,
    });
  });

  for (const mode of ['interval', 'every-block', 'manual']) {
    it(`ends durable with --sync ${mode}`, async (context) => {
      const log = join(temporaryFolder(context), 'log');
      const { code, stderr } = await flashstrike(['record', log, '--sync', mode], 'a\nb\nc\n');
      assert.equal(code, 0);
      assert.match(stderr, /durable up to 3$/m);
    });
  }

  for (const [name, args, viaStdin] of [
    ['by its name', ['--input', 'lines.gz'], false],
    ['by its first bytes', ['--input', 'lines.data'], false],
    ['from stdin', [], true],
  ] as const) {
    it(`unpacks gzip, two members of it, known ${name}`, async (context) => {
      const folder = temporaryFolder(context);
      const text = 'a line\n'.repeat(100_000);
      const packed = Buffer.concat([gzipSync(text), gzipSync('the last line\n')]);
      const file = join(folder, args[1] ?? 'unused');
      writeFileSync(file, packed);
      const input = viaStdin ? [] : ['--input', file];
      const log = join(folder, 'log');
      const { code, stderr } = await flashstrike(['record', log, ...input], viaStdin ? packed : '');
      assert.equal(code, 0, stderr);
      assert.equal(await replayed(log), `${text}the last line\n`);
    });
  }

  it('keeps what could be unpacked of gzip that is cut short, and fails', async (context) => {
    const folder = temporaryFolder(context);
    const file = join(folder, 'cut.gz');
    const text = Array.from({ length: 50_000 }, (_, index) => `line ${index * 7919}\n`).join('');
    const packed = gzipSync(text);
    writeFileSync(file, packed.subarray(0, packed.length - 5000));
    const log = join(folder, 'log');
    const { code, stderr } = await flashstrike(['record', log, '--input', file]);
    assert.equal(code, 1);
    assert.match(stderr, /ERR_FLASHSTRIKE_INPUT: .*cut\.gz.*truncated/);
    const kept = await replayed(log);
    assert.ok(kept.length > 1000 && text.startsWith(kept));
  });

  it('refuses bytes behind gzip that are none, rather than ending as if all was well', async (context) => {
    const folder = temporaryFolder(context);
    const file = join(folder, 'more.gz');
    writeFileSync(file, Buffer.concat([gzipSync('a\nb\n'), Buffer.from('plain\n')]));
    const log = join(folder, 'log');
    const { code, stderr } = await flashstrike(['record', log, '--input', file]);
    assert.equal(code, 1);
    assert.match(stderr, /ERR_FLASHSTRIKE_INPUT: .*more\.gz.*damaged/);
  });

  for (const [format, lines, broken, reason] of [
    ['ndjson', ['{"a": 1}', ' [2, "\u00e9"]\r', '"x"'], '{"a": }', 'not JSON'],
    ['ndjson', ['1', '2'], '', 'empty'],
    ['lobster', ['34200.5,1,7,100,5850000,1', '34200.75,4,7,100,5850000,1'], 'a,b', 'time'],
  ] as const) {
    it(`${format}: stops before a line with ${reason} wrong, keeps those before`, async (context) => {
      const log = join(temporaryFolder(context), 'log');
      const good = lines.map((line) => `${line}\n`).join('');
      const input = `${good}${broken}\n${good}`;
      const { code, stderr } = await flashstrike(['record', log, '--format', format], input);
      assert.equal(code, 1);
      const line = lines.length + 1;
      const expected = `flashstrike: ERR_FLASHSTRIKE_INPUT: line ${line} of stdin .*${reason}`;
      assert.match(stderr, new RegExp(expected));
      assert.doesNotMatch(stderr, /\n {4}at /, 'no stack for what is expected to happen');
      // Orders are typed events: the log says first what they are made of.
      const lastEventId = lines.length + (format === 'lobster' ? 1 : 0);
      assert.match(stderr, new RegExp(`durable up to ${lastEventId}$`, 'm'));
      const { stdout } = await flashstrike(['replay', log, '--format', format]);
      assert.equal(String(stdout), good);
    });
  }

  it('ndjson: refuses what is not UTF-8', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const input = Buffer.from('"\xff"\n', 'latin1');
    const { code, stderr } = await flashstrike(['record', log, '--format', 'ndjson'], input);
    assert.equal(code, 1);
    assert.match(stderr, /line 1 .*UTF-8/);
  });

  for (const [name, bytes] of [
    ['a line of 2 MB', 2_000_000],
    ['a line just over the largest event', 1024 * 1024 - 87],
  ] as const) {
    it(`stops before ${name}, keeps those before`, async (context) => {
      const log = join(temporaryFolder(context), 'log');
      const input = `a\nb\n${'x'.repeat(bytes)}\nc\n`;
      const { code, stderr } = await flashstrike(['record', log], input);
      assert.equal(code, 1);
      assert.match(stderr, /ERR_FLASHSTRIKE_INPUT: line 3 of stdin/);
      assert.equal(await replayed(log), 'a\nb\n');
    });
  }

  it('escapes what an input puts into an error message', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const input = '\u001b]0;title\u0007\u202e,1\n';
    const { stderr } = await flashstrike(['record', log, '--format', 'lobster'], input);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    assert.doesNotMatch(stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    assert.match(stderr, /\\u\{1b\}/);
  });

  it('does not make a log for an input that is not there, or a folder', async (context) => {
    const folder = temporaryFolder(context);
    const log = join(folder, 'log');
    mkdirSync(join(folder, 'inner'));
    for (const name of ['missing', 'inner']) {
      const input = join(folder, name);
      const { code, stderr } = await flashstrike(['record', log, '--input', input]);
      assert.equal(code, 1);
      assert.match(stderr, /^flashstrike: ERR_FLASHSTRIKE_IO: /);
      assert.ok(stderr.includes(input));
    }
    assert.ok(!existsSync(log));
  });

  it('replay of a folder without a log fails with a code', async (context) => {
    const folder = temporaryFolder(context);
    for (const path of [folder, join(folder, 'missing')]) {
      const { code, stdout, stderr } = await flashstrike(['replay', path]);
      assert.equal(code, 1);
      assert.equal(stdout.length, 0);
      assert.match(stderr, /^flashstrike: ERR_FLASHSTRIKE_NOT_A_LOG: /);
    }
  });

  it('replay refuses to print lines as orders, and prints the orders before', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log, '--format', 'lobster'], '1.5,1,2,3,4,1\n');
    await flashstrike(['record', log], 'a line\n');
    const { code, stdout, stderr } = await flashstrike(['replay', log, '--format', 'lobster']);
    assert.equal(code, 1);
    assert.equal(String(stdout), '1.5,1,2,3,4,1\n');
    assert.match(stderr, /event 3 of .*6 bytes.*format/);
  });

  it('ends quietly when the reader of stdout leaves', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log], 'a line of text\n'.repeat(500_000));
    const command = new RunningCommand(['replay', log]);
    command.child.stdout.once('data', () => command.child.stdout.destroy());
    const { code, stderr } = await command.finished;
    assert.equal(stderr, '');
    assert.equal(code, 0);
  });

  it('--follow prints what is recorded meanwhile, and ends with 130 on Ctrl-C', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log], 'before\n');
    const follower = new RunningCommand(['replay', log, '--follow']);
    await follower.until((stdout) => stdout.includes('before\n'));
    await flashstrike(['record', log], 'after\n');
    await follower.until((stdout) => stdout.includes('after\n'));
    follower.child.kill('SIGINT');
    const { code, stdout } = await follower.finished;
    assert.equal(code, 130);
    assert.equal(String(stdout), 'before\nafter\n');
  });

  it('--follow --to ends by itself behind that event', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log], 'a\nb\nc\n');
    assert.equal(await replayed(log, '--follow', '--from', '2', '--to', '2'), 'b\n');
  });

  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`${signal} ends record with ${expected}, every whole line kept`, async (context) => {
      const log = join(temporaryFolder(context), 'log');
      const recorder = new RunningCommand(['record', log, '--json']);
      recorder.child.stdin.write('a\nb\nunfinis');
      await untilRecorded(log, 2, recorder);
      recorder.child.kill(signal);
      const { code, stdout, stderr } = await recorder.finished;
      assert.equal(code, expected, stderr);
      assert.match(stderr, /recorded 2 events .*durable up to 2; stopped early/);
      const report = JSON.parse(String(stdout)) as Record<string, unknown>;
      assert.equal(report['interrupted'], true);
      assert.equal(await replayed(log), 'a\nb\n');
    });
  }

  it('says that another process has the log open', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    const first = new RunningCommand(['record', log]);
    first.child.stdin.write('a\n');
    await untilRecorded(log, 1, first);
    const refused = await flashstrike(['record', log], 'b\n');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^flashstrike: ERR_FLASHSTRIKE_LOCKED: /);
    first.child.stdin.end();
    assert.equal((await first.finished).code, 0);
    assert.equal(await replayed(log), 'a\n');
  });

  for (const [file, format] of [
    ['lobster_AAPL_2012-06-21_0930-1030_L50_message.csv.gz', 'lobster'],
    ['lobster_AMZN_2012-06-21_L1_message.csv.gz', 'lobster'],
    ['lobster_AAPL_2012-06-21_0930-1030_L50_message.csv.gz', 'lines'],
    ['bitstamp_BTCUSD_2015-05-01_raw.log.gz', 'lines'],
    ['var_apache_access.log.gz', 'lines'],
  ] as const) {
    const path = sharedData(file);
    const skip = path === undefined && NO_SHARED_DATA;
    it(`gives ${file} back as ${format}`, { skip }, async (context) => {
      assert.ok(path);
      const log = join(temporaryFolder(context), 'log');
      const { code, stderr } = await flashstrike([
        'record',
        log,
        '--input',
        path,
        '--format',
        format,
      ]);
      assert.equal(code, 0, stderr);
      const text = gunzipSync(readFileSync(path)).toString('latin1');
      const expected = format === 'lobster' ? text.replaceAll('\r', '') : text;
      assert.ok((await replayed(log, '--format', format)) === expected, 'the bytes differ');
    });
  }

  it('gives the JSON of a real feed back as ndjson', {
    skip: sharedData('bitstamp_BTCUSD_2015-05-01_raw.log.gz') === undefined && NO_SHARED_DATA,
  }, async (context) => {
    const path = sharedData('bitstamp_BTCUSD_2015-05-01_raw.log.gz');
    assert.ok(path);
    const rows = gunzipSync(readFileSync(path)).toString('latin1').trimEnd().split('\n');
    const json = `${rows.map((row) => row.slice(row.indexOf('{'))).join('\n')}\n`;
    const log = join(temporaryFolder(context), 'log');
    const { code, stderr } = await flashstrike(['record', log, '--format', 'ndjson'], json);
    assert.equal(code, 0, stderr);
    assert.ok((await replayed(log, '--format', 'ndjson')) === json, 'the bytes differ');
  });
});

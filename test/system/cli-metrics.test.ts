import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { EVENTS, leftByKill, openElsewhere, temporaryLog } from '../support/attached-log.js';
import { cannotLint, lint } from '../support/promtool.js';
import { parseExposition } from '../telemetry/exposition.js';
import { flashstrike, temporaryFolder } from './cli-process.js';
import { ask, type Served, serve as served } from './served.js';

const NEXT_SEGMENT = 'flashstrike_wal_recorder_segment_preparer_get_next_segment_seconds';

/** The value of a metric, whatever its labels; of the log that is called `log`, if given. */
function metricIn(text: string, name: string, log?: string): number {
  const value = valueIn(text, name, log);
  assert.ok(value !== undefined, `there is no ${name}`);
  return value;
}

function valueIn(text: string, name: string, log?: string): number | undefined {
  for (const { samples } of parseExposition(text)) {
    for (const { name: own, labels, value } of samples) {
      if (own === name && (log === undefined || labels['log'] === log)) return value;
    }
  }
  return undefined;
}

const serve = (
  context: TestContext,
  directories: string | readonly string[],
  ...args: string[]
): Promise<Served> => served(context, 'metrics', directories, ...args);

describe('flashstrike metrics', { skip: cannotMap, timeout: 900_000 }, () => {
  test('prints all metrics of a running log once, and nothing else', async (context) => {
    const { directory } = await openElsewhere(context);
    const { code, stdout, stderr } = await flashstrike(['metrics', directory]);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
    const text = String(stdout);
    assert.equal(metricIn(text, 'flashstrike_wal_up'), 1);
    assert.equal(metricIn(text, 'flashstrike_wal_durable_event_id'), EVENTS);
    assert.equal(metricIn(text, 'flashstrike_wal_recorder_manager_appended_events_total'), EVENTS);
    assert.ok(metricIn(text, `${NEXT_SEGMENT}_count`) > 0);
    assert.ok(metricIn(text, 'flashstrike_wal_recovery_manager_recover_log_seconds_count') >= 0);
  });

  test('promtool reads it, and complains of nothing but the names of the reference', {
    skip: cannotLint,
  }, async (context) => {
    const { directory } = await openElsewhere(context);
    const { stdout } = await flashstrike(['metrics', directory]);
    assert.deepEqual(lint(String(stdout)), []);
    const { stdout: asked } = await flashstrike(['metrics', directory, '--reference-names']);
    const complaints = lint(String(asked));
    assert.ok(complaints.length > 10);
    for (const line of complaints) {
      assert.match(line, /_ns metric names should not contain abbreviated units$/);
    }
  });

  test('the reference’s names and constant labels are there only when asked for', async (context) => {
    const { directory } = await openElsewhere(context);
    const theirs = /^\w+_get_next_segment_ns_count\{.*subsystem="wal_prepare_worker".*\} \d+$/m;
    const { stdout } = await flashstrike(['metrics', directory]);
    assert.doesNotMatch(String(stdout), /_ns|system=/);
    const { stdout: asked } = await flashstrike(['metrics', directory, '--reference-names']);
    assert.match(String(asked), theirs);
    assert.match(String(asked), /\{.*system="wal_recorder".*\}/);
  });

  test('every series carries the name and the id of its log', async (context) => {
    const { directory } = await openElsewhere(context);
    const { stdout } = await flashstrike(['metrics', directory]);
    const { logId } = JSON.parse(
      String((await flashstrike(['inspect', directory, '--json'])).stdout),
    );
    for (const { samples } of parseExposition(String(stdout))) {
      for (const { name, labels } of samples) {
        assert.equal(labels['log'], basename(directory), name);
        assert.equal(BigInt(`0x${labels['log_id']}`), BigInt(logId), name);
      }
    }
  });

  test('several logs are one text: what is down is up 0, and the others go on', async (context) => {
    const running = await openElsewhere(context);
    const killed = await leftByKill(context);
    const closed = await openElsewhere(context);
    closed.owner.tell();
    await closed.owner.ended;
    const dirs = [running, killed, closed].map(({ directory }) => directory);
    const { code, stdout, stderr } = await flashstrike(['metrics', ...dirs]);
    assert.equal(code, 0, stderr);
    const text = String(stdout);
    const [first = '', second = '', third = ''] = dirs.map((dir) => basename(dir));
    const up = (log: string): number => metricIn(text, 'flashstrike_wal_up', log);
    assert.deepEqual([up(first), up(second), up(third)], [1, 0, 0]);
    const durable = 'flashstrike_wal_durable_event_id';
    const values = [first, second, third].map((log) => valueIn(text, durable, log));
    assert.deepEqual(values, [EVENTS, EVENTS, undefined], 'a closed log shows nothing but that');
    assert.match(stderr, /^note: .* was closed cleanly/);
    assert.equal(stderr.split('\n').length, 2, stderr);
    if (cannotLint === false) assert.deepEqual(lint(text), []);
    const { code: failed, stderr: why } = await flashstrike(['metrics', closed.directory]);
    assert.equal(failed, 1, 'none at all to be seen');
    assert.match(why, /ERR_FLASHSTRIKE_NO_TELEMETRY/);
  });

  test('logs whose folders have one name are told apart by the path as given', async (context) => {
    const parents = [temporaryFolder(context), temporaryFolder(context)];
    const [first = '', second = ''] = parents.map((parent) => join(parent, 'orders'));
    for (const directory of [first, second]) mkdirSync(directory);
    await openElsewhere(context, first);
    const other = await openElsewhere(context, second);
    const { stdout } = await flashstrike(['metrics', first, second]);
    const text = String(stdout);
    assert.equal(metricIn(text, 'flashstrike_wal_up', first), 1);
    assert.equal(metricIn(text, 'flashstrike_wal_up', second), 1);
    const idOf = (log: string): unknown =>
      parseExposition(text)[0]?.samples.find(({ labels }) => labels['log'] === log)?.labels[
        'log_id'
      ];
    assert.notEqual(idOf(first), idOf(second));
    // The one alone has its name.
    const { stdout: alone } = await flashstrike(['metrics', other.directory]);
    assert.equal(metricIn(String(alone), 'flashstrike_wal_up', 'orders'), 1);
  });

  test('says how old the values are: those of a killed log grow older', async (context) => {
    const running = await openElsewhere(context);
    const killed = await leftByKill(context);
    const names = [running, killed].map(({ directory }) => basename(directory));
    const { url } = await serve(context, [running.directory, killed.directory]);
    const ages = async (): Promise<number[]> => {
      const { text } = await ask(url);
      return names.map((log) => metricIn(text, 'flashstrike_wal_values_age_seconds', log));
    };
    const [, before = 0] = await ages();
    let after = before;
    // To the millisecond: one scrape later it may be the same.
    while (after === before) [, after = 0] = await ages();
    assert.ok(after > before, `${after} behind ${before}`);
  });

  test('one log after the other may end and come back: each scrape has all of them', async (context) => {
    const options = mappedOptions(context);
    const first = await openElsewhere(context, temporaryLog(context), options);
    const second = await openElsewhere(context);
    const names = [first, second].map(({ directory }) => basename(directory));
    const { url } = await serve(context, [first.directory, second.directory]);
    const ups = async (): Promise<number[]> => {
      const { text } = await ask(url);
      return names.map((log) => metricIn(text, 'flashstrike_wal_up', log));
    };
    assert.deepEqual(await ups(), [1, 1]);
    first.owner.tell();
    await first.owner.ended;
    assert.deepEqual(await ups(), [0, 1]);
    await second.owner.kill();
    assert.deepEqual(await ups(), [0, 0]);
    await openElsewhere(context, first.directory, options);
    assert.deepEqual(await ups(), [1, 0]);
  });

  test('never shows values of one log under the id of another, whatever the folder holds', async (context) => {
    const { directory, owner } = await openElsewhere(context);
    const { url } = await serve(context, directory);
    const up = async (): Promise<readonly [value: number, id: string | undefined]> => {
      const { text } = await ask(url);
      const ups = parseExposition(text).find(({ name }) => name === 'flashstrike_wal_up');
      const [sample] = ups?.samples ?? [];
      return [sample?.value ?? Number.NaN, sample?.labels['log_id']];
    };
    const [, id] = await up();
    assert.match(id ?? '', /^[0-9a-f]{16}$/);
    const away = `${directory}-away`;
    context.after(() => rmSync(away, { recursive: true, force: true }));
    renameSync(directory, away);
    await openElsewhere(context, directory);
    assert.deepEqual(await up(), [1, id], 'the log that it watches goes on in its folder');
    owner.tell();
    await owner.ended;
    const [value, other] = await up();
    assert.equal(value, 1);
    assert.notEqual(other, id, 'and then the one that is there now');
  });

  test('a closed log is the same series as before, also when its folder is gone', async (context) => {
    const { directory, owner } = await openElsewhere(context);
    const { url } = await serve(context, directory);
    const ids = async (): Promise<(string | undefined)[]> => {
      const { text } = await ask(url);
      return parseExposition(text)
        .filter(({ name }) => name === 'flashstrike_wal_up')
        .flatMap(({ samples }) => samples.map(({ labels }) => labels['log_id']));
    };
    const before = await ids();
    owner.tell();
    await owner.ended;
    assert.deepEqual(await ids(), before);
    rmSync(directory, { recursive: true });
    assert.deepEqual(await ids(), before);
  });

  test('takes another prefix', async (context) => {
    const { directory } = await leftByKill(context);
    const { stdout } = await flashstrike(['metrics', directory, '--prefix', 'orders']);
    const names = String(stdout)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    assert.ok(names.length > 100);
    for (const line of names) assert.match(line, /^orders_/);
    assert.equal(metricIn(String(stdout), 'orders_up'), 0);
  });

  test('says why there is nothing to print', async (context) => {
    const { code, stdout, stderr } = await flashstrike(['metrics', temporaryFolder(context)]);
    assert.equal(code, 1);
    assert.equal(String(stdout), '');
    assert.match(stderr, /ERR_FLASHSTRIKE_NOT_A_LOG/);
  });

  test('serves on 127.0.0.1 where only a port is given, until Ctrl-C', async (context) => {
    const { directory } = await openElsewhere(context);
    const { command, url } = await serve(context, directory);
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    const { status, headers, text } = await ask(url);
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(metricIn(text, 'flashstrike_wal_up'), 1);
    command.child.kill('SIGINT');
    const { code, stdout, stderr } = await command.finished;
    assert.equal(code, 130);
    assert.equal(String(stdout), '');
    assert.equal(stderr, `serving ${url}, until Ctrl-C\n`);
  });

  test('every scrape looks again: killed, opened anew, closed', async (context) => {
    const options = mappedOptions(context);
    const directory = temporaryLog(context);
    const first = await openElsewhere(context, directory, options);
    const { command, url } = await serve(context, directory);
    const scrape = async (): Promise<string> => (await ask(url)).text;
    assert.equal(metricIn(await scrape(), 'flashstrike_wal_up'), 1);
    await first.owner.kill();
    const dead = await scrape();
    assert.equal(metricIn(dead, 'flashstrike_wal_up'), 0);
    assert.equal(metricIn(dead, 'flashstrike_wal_durable_event_id'), EVENTS);
    const second = await openElsewhere(context, directory, options);
    const anew = await scrape();
    assert.equal(metricIn(anew, 'flashstrike_wal_up'), 1);
    assert.equal(metricIn(anew, 'flashstrike_wal_durable_event_id'), 2 * EVENTS);
    second.owner.tell();
    await second.owner.ended;
    const closed = await scrape();
    assert.equal(metricIn(closed, 'flashstrike_wal_up'), 0);
    assert.doesNotMatch(closed, /durable_event_id/);
    await scrape();
    command.child.kill('SIGTERM');
    const { code, stderr } = await command.finished;
    assert.equal(code, 143);
    assert.equal(stderr.match(/note: .* was closed cleanly/g)?.length, 1, stderr);
  });

  test('can be started before the log is open', async (context) => {
    const options = mappedOptions(context);
    const log = await openElsewhere(context, temporaryLog(context), options);
    log.owner.tell();
    await log.owner.ended;
    const { url } = await serve(context, log.directory);
    assert.equal(metricIn((await ask(url)).text, 'flashstrike_wal_up'), 0);
    await openElsewhere(context, log.directory, options);
    assert.equal(metricIn((await ask(url)).text, 'flashstrike_wal_up'), 1);
  });

  test('answers GET and HEAD of /metrics, and nothing else', async (context) => {
    const { directory } = await openElsewhere(context);
    const { url } = await serve(context, directory);
    assert.equal((await ask(url, { path: '/metrics?x=1' })).status, 200);
    const head = await ask(url, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    assert.ok(Number(head.headers['content-length']) > 1000);
    for (const path of ['/', '/metrics/', '/metrics/../metrics2', '/favicon.ico']) {
      assert.equal((await ask(url, { path })).status, 404, path);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
      const { status, headers } = await ask(url, { method });
      assert.equal(status, 405, method);
      assert.equal(headers['allow'], 'GET, HEAD');
    }
    assert.equal((await ask(url, { method: 'POST', body: 'x'.repeat(100) })).status, 413);
    assert.equal((await ask(url, { headers: { Cookie: 'x'.repeat(10_000) } })).status, 431);
  });

  test('answers only who asks for this machine: a page may bind its name to 127.0.0.1', async (context) => {
    const { directory } = await openElsewhere(context);
    const { url } = await serve(context, directory);
    const { port } = new URL(url);
    const statusFor = async (Host: string) => (await ask(url, { headers: { Host } })).status;
    for (const host of ['localhost', `LOCALHOST:${port}`, '127.0.0.1', `[::1]:${port}`]) {
      assert.equal(await statusFor(host), 200, host);
    }
    for (const host of [
      'attacker.example',
      `attacker.example:${port}`,
      'localhost.',
      'localhost:1',
    ]) {
      const { status, text } = await ask(url, { headers: { Host: host } });
      assert.equal(status, 403, host);
      assert.match(text, /^use localhost, .*\n$/);
    }
    const answerTo = async (lines: string): Promise<string> => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.end(`${lines}\r\n\r\n`);
      let answer = '';
      for await (const chunk of socket) answer += String(chunk);
      return answer.slice(0, answer.indexOf('\r\n'));
    };
    const twice = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: attacker.example';
    assert.match(await answerTo('GET /metrics HTTP/1.0'), / 403 /);
    assert.match(await answerTo('GET /metrics HTTP/1.0\r\nHost: localhost'), / 200 /);
    assert.match(await answerTo('GET /metrics HTTP/1.1'), / 400 /);
    assert.match(await answerTo(twice), / 40[03] /);
  });

  test('holds a bounded number of connections', async (context) => {
    const { directory } = await openElsewhere(context);
    const { url } = await serve(context, directory);
    const { hostname, port } = new URL(url);
    const sockets = Array.from({ length: 40 }, () => connect(Number(port), hostname));
    context.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    const dropped = new Promise<void>((resolve) => {
      let count = 0;
      for (const socket of sockets) {
        socket.on('error', () => undefined);
        socket.on('close', () => {
          count++;
          if (count === 40 - 16) resolve();
        });
      }
    });
    await dropped;
  });

  test('an address that cannot be had is an error', async (context) => {
    const { directory } = await openElsewhere(context);
    const { url } = await serve(context, directory);
    const { port } = new URL(url);
    const { code, stderr } = await flashstrike(['metrics', directory, '--listen', port]);
    assert.equal(code, 1);
    assert.match(stderr, /ERR_FLASHSTRIKE_IO.*EADDRINUSE/);
  });

  test('an address that other machines reach is refused: there is no password', async (context) => {
    const { directory } = await openElsewhere(context);
    for (const address of ['0.0.0.0:0', '192.0.2.1:9464', '[::]:0', '[::ffff:127.0.0.1]:0']) {
      const { code, stdout, stderr } = await flashstrike([
        'metrics',
        directory,
        '--listen',
        address,
      ]);
      assert.equal(code, 2, address);
      assert.equal(String(stdout), '');
      assert.match(stderr, /127\.0\.0\.1 or \[::1\]/);
    }
    const { url } = await serve(context, directory, '--listen', '127.0.0.2:0');
    assert.equal(new URL(url).hostname, '127.0.0.2');
  });

  test('serves no folder without a log: the path is mistyped', async (context) => {
    const { code, stderr } = await flashstrike([
      'metrics',
      temporaryFolder(context),
      '--listen',
      '0',
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /ERR_FLASHSTRIKE_NOT_A_LOG/);
  });
});

// The dashboard as a server: what it answers, to whom, and what it pushes. test/browser/ looks at
// the page itself.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { LogNow, Push } from '../../src/cli/dashboard/wire.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { EVENTS, leftByKill, openElsewhere, temporaryLog } from '../support/attached-log.js';
import { flashstrike, temporaryFolder } from './cli-process.js';
import { ask, type Served, serve as served } from './served.js';

const serve = (context: TestContext, dirs: string | readonly string[]): Promise<Served> =>
  served(context, 'dashboard', dirs);

/** What a page is pushed, one after the other. */
class Pushes {
  readonly #response: IncomingMessage;
  readonly #chunks: AsyncIterator<Buffer>;
  #text = '';

  private constructor(response: IncomingMessage) {
    this.#response = response;
    this.#chunks = response[Symbol.asyncIterator]();
  }

  static async open(context: TestContext, url: string): Promise<Pushes> {
    const asked = request(new URL('/events', url), { agent: false });
    context.after(() => asked.destroy());
    asked.on('error', () => undefined);
    asked.end();
    const [response] = await once(asked, 'response');
    assert.equal(response.statusCode, 200);
    assert.match(response.headers['content-type'], /^text\/event-stream/);
    return new Pushes(response);
  }

  async next(): Promise<Push> {
    for (;;) {
      const event = /^data: (.*)\n\n/m.exec(this.#text);
      if (event !== null) {
        this.#text = this.#text.slice(event.index + event[0].length);
        return JSON.parse(event[1] ?? '');
      }
      const { value, done } = await this.#chunks.next();
      assert.ok(done !== true, 'the stream goes on');
      this.#text += String(value);
    }
  }

  /** The first push of which that is true of its first log. */
  async until(isReached: (now: LogNow) => boolean): Promise<LogNow> {
    for (;;) {
      const [log] = (await this.next()).logs;
      if (log !== undefined && isReached(log.now)) return log.now;
    }
  }

  close(): void {
    this.#response.destroy();
  }
}

describe('flashstrike dashboard', { skip: cannotMap, timeout: 900_000 }, () => {
  test('serves a page and what it shows on 127.0.0.1, until Ctrl-C', async (context) => {
    const { directory, owner } = await openElsewhere(context);
    const { command, url } = await serve(context, directory);
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    const { status, headers, text } = await ask(url);
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    assert.match(String(headers['content-security-policy']), /default-src 'none'/);
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.match(text, /^<!doctype html>/);
    const pushes = await Pushes.open(context, url);
    const now = await pushes.until(({ seen }) => seen?.rates !== undefined);
    assert.equal(now.state, 'running, open');
    assert.equal(now.seen?.pid, owner.child.pid);
    assert.equal(now.seen?.durableEventId, EVENTS);
    assert.ok((now.seen?.preparer.getNextSegment.samples ?? 0) > 0);
    assert.ok((now.segments?.shown.length ?? 0) > 0);
    command.child.kill('SIGINT');
    const { code, stdout, stderr } = await command.finished;
    assert.equal(code, 130);
    assert.equal(String(stdout), '');
    assert.equal(stderr, `dashboard at ${url}, until Ctrl-C\n`);
  });

  test('a page that is opened later is given what was before', async (context) => {
    const { directory } = await openElsewhere(context);
    const { url } = await serve(context, directory);
    const first = await Pushes.open(context, url);
    const [begin] = (await first.next()).logs;
    assert.ok(begin?.coarse !== undefined, 'the first push begins anew');
    const seconds: number[] = [];
    while (seconds.length < 2) {
      const [log] = (await first.next()).logs;
      assert.equal(log?.coarse, undefined, 'and the others go on');
      seconds.push(...(log?.fine.map(({ at }) => at) ?? []));
    }
    first.close();
    const [late] = (await (await Pushes.open(context, url)).next()).logs;
    const known = late?.fine.map(({ at }) => at) ?? [];
    for (const second of seconds) assert.ok(known.includes(second), `${second} in ${known}`);
    const counted = late?.coarse?.reduce((sum, each) => sum + each.seconds, 0) ?? 0;
    const exact = late?.fine.reduce((sum, each) => sum + each.seconds, 0) ?? 0;
    assert.ok(Math.abs(counted - exact) < 1e-6, 'the whole hour has the same');
  });

  test('goes on through a kill, the next opening, and a close', async (context) => {
    const options = mappedOptions(context);
    const directory = temporaryLog(context);
    const first = await openElsewhere(context, directory, options);
    const { url } = await serve(context, directory);
    const pushes = await Pushes.open(context, url);
    await pushes.until(({ standing }) => standing === 'well');
    await first.owner.kill();
    const killed = await pushes.until(({ troubles }) => troubles.some((t) => t.kind === 'killed'));
    assert.equal(killed.state, 'ended, not closed');
    assert.equal(killed.standing, 'error');
    assert.equal(killed.seen?.durableEventId, EVENTS, 'what it left is shown');
    const second = await openElsewhere(context, directory, options);
    const anew = await pushes.until(
      ({ standing, seen }) => standing === 'well' && seen?.durableEventId === 2 * EVENTS,
    );
    assert.equal(anew.seen?.pid, second.owner.child.pid);
    assert.ok(anew.incidents.some(({ kind, toMs }) => kind === 'killed' && toMs !== undefined));
    second.owner.tell();
    await second.owner.ended;
    const closed = await pushes.until(({ state }) => state === 'closed');
    assert.equal(closed.troubles[0]?.kind, 'not-open');
  });

  test('shows the log that takes the place of another, and never one as the other', async (context) => {
    const options = mappedOptions(context);
    const directory = temporaryLog(context);
    const first = await openElsewhere(context, directory, options);
    const { url } = await serve(context, directory);
    const pushes = await Pushes.open(context, url);
    await pushes.until(({ seen }) => seen?.pid === first.owner.child.pid);
    first.owner.tell();
    await first.owner.ended;
    rmSync(directory, { recursive: true });
    const gone = await pushes.until(({ segments }) => segments === undefined);
    assert.equal(gone.standing, 'warning');
    mkdirSync(directory);
    const second = await openElsewhere(context, directory, options);
    const now = await pushes.until(
      ({ standing, seen }) => standing === 'well' && seen?.durableEventId === EVENTS,
    );
    assert.equal(now.seen?.pid, second.owner.child.pid);
  });

  test('can be started before the log is open, and shows a killed one', async (context) => {
    const killed = await leftByKill(context);
    const closed = await openElsewhere(context);
    closed.owner.tell();
    await closed.owner.ended;
    const { url } = await serve(context, [killed.directory, closed.directory]);
    const { logs } = await (await Pushes.open(context, url)).next();
    assert.deepEqual(
      logs.map(({ now }) => now.state),
      ['ended, not closed', 'not open'],
    );
    assert.match(logs[1]?.now.troubles[0]?.text ?? '', /closed cleanly/);
    assert.ok((logs[1]?.now.segments?.hot ?? 0) > 0, 'its files are there');
  });

  test('answers only who asks for this machine, and no page of another site', async (context) => {
    const { directory } = await openElsewhere(context);
    const { url } = await serve(context, directory);
    for (const path of ['/', '/events']) {
      const { status } = await ask(url, { path, headers: { Host: 'attacker.example' } });
      assert.equal(status, 403, path);
    }
    const foreign = [
      { Origin: 'http://attacker.example' },
      { Origin: 'null' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
    ];
    for (const headers of foreign) {
      const { status } = await ask(url, { path: '/events', headers });
      assert.equal(status, 403, JSON.stringify(headers));
    }
  });

  test('answers GET and HEAD of two paths, and nothing else', async (context) => {
    const { directory } = await openElsewhere(context);
    const { url } = await serve(context, directory);
    for (const path of ['/', '/events']) {
      const { status, text } = await ask(url, { method: 'HEAD', path });
      assert.deepEqual([status, text], [200, '']);
      assert.equal((await ask(url, { method: 'POST', path })).status, 405);
    }
    for (const path of ['/index.html', '/events/', '/../etc/passwd', '/favicon.ico']) {
      assert.equal((await ask(url, { path })).status, 404, path);
    }
    assert.equal((await ask(url, { method: 'POST', body: 'x' })).status, 413);
  });

  test('is open in a bounded number of pages, and in another once one is closed', async (context) => {
    const { directory } = await openElsewhere(context);
    const { url } = await serve(context, directory);
    const pages = await Promise.all(Array.from({ length: 16 }, () => Pushes.open(context, url)));
    for (const page of pages) await page.next();
    const { status, text } = await ask(url, { path: '/events' });
    assert.equal(status, 503);
    assert.match(text, /^16 pages are open already/);
    assert.equal((await ask(url)).status, 200, 'the page itself can be had');
    pages[0]?.close();
    // Its end arrives when it does.
    let again = 503;
    while (again === 503) again = (await headOf(context, url)).statusCode ?? 0;
    assert.equal(again, 200);
  });

  test('gives a connection one stream, however many it asks for', async (context) => {
    const { directory } = await openElsewhere(context);
    const { url } = await serve(context, directory);
    const { host, hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    context.after(() => socket.destroy());
    const asked = `GET /events HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    socket.write(asked.repeat(17));
    const [answer] = await once(socket, 'data');
    assert.match(String(answer), /^HTTP\/1\.1 200 /);
    const pages = await Promise.all(Array.from({ length: 15 }, () => Pushes.open(context, url)));
    for (const page of pages) await page.next();
    assert.equal((await ask(url, { path: '/events' })).status, 503);
  });

  test('says why it cannot serve', async (context) => {
    const { directory } = await openElsewhere(context);
    const { url } = await serve(context, directory);
    const { port } = new URL(url);
    const taken = await flashstrike(['dashboard', directory, '--listen', port]);
    assert.equal(taken.code, 1);
    assert.match(taken.stderr, /127\.0\.0\.1:\d+ is in use by another program.*--listen/);
    const noLog = await flashstrike(['dashboard', temporaryFolder(context), '--listen', '0']);
    assert.equal(noLog.code, 1);
    assert.match(noLog.stderr, /ERR_FLASHSTRIKE_NOT_A_LOG/);
    const missing = await flashstrike(['dashboard', join(directory, 'none'), '--listen', '0']);
    assert.equal(missing.code, 1);
    for (const args of [[directory, directory], [directory, '--listen', '0.0.0.0:1'], []]) {
      const { code, stdout } = await flashstrike(['dashboard', ...args]);
      assert.equal(code, 2, args.join(' '));
      assert.equal(String(stdout), '');
    }
  });
});

/** The head of the answer to a page that asks for a stream. */
async function headOf(context: TestContext, url: string): Promise<IncomingMessage> {
  const asked = request(new URL('/events', url), { agent: false });
  context.after(() => asked.destroy());
  asked.end();
  const [response] = await once(asked, 'response');
  response.resume();
  return response;
}

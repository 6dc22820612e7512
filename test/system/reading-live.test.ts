// Readers beside a recorder at full speed, in another process and without its lock: they see a
// prefix of what was appended, in order and unchanged, and never call a sound log damaged.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { follow, openCursor, replay, verify } from '../../src/index.js';
import { inspectLog } from '../../src/verification/inspect.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { cannotCount, descriptorsBelow } from '../support/process-resources.js';

const CHILD = fileURLToPath(new URL('./reading-child.js', import.meta.url));

function record(ending: 'close' | 'kill', dir: string, events: number) {
  const child = spawn(process.execPath, [CHILD, ending, dir, String(events)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout }));
  return { child, ended };
}

const hasSegment = (dir: string): boolean =>
  existsSync(dir) && readdirSync(dir).some((name) => name.endsWith('.wal'));

const untilRecording = (dir: string): Promise<void> =>
  eventually('there is a segment', () => hasSegment(dir));

interface Shown {
  readonly eventId: number;
  readonly type: number;
  readonly payload: Uint8Array;
}

/** The event is exactly what the child appended under this id. */
function check({ eventId, type, payload }: Shown): void {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const isRight =
    type === (eventId & 0xffff) &&
    payload.length === 8 + (eventId % 33) &&
    (payload.length < 13 || view.getFloat64(eventId % 5) === eventId);
  if (!isRight) assert.fail(`event ${eventId} is not what was appended`);
}

test('a follower of a log at full speed gets every event once, in order', async (t) => {
  const dir = join(temporaryFolder(t), 'log');
  const events = 300_000;
  const { child, ended } = record('close', dir, events);
  t.after(() => child.kill('SIGKILL'));
  await untilRecording(dir);
  let expected = 1;
  for await (const event of follow(dir)) {
    if (event.eventId !== expected++) assert.fail(`event ${event.eventId} after ${expected - 2}`);
    check(event);
    if (event.eventId === events) break;
  }
  if (cannotCount === false) assert.deepEqual(descriptorsBelow(dir), []);
  assert.equal((await ended).code, 0);
});

test('verify, cursors and replays in a loop beside a recorder never call it damaged', async (t) => {
  const dir = join(temporaryFolder(t), 'log');
  const events = 400_000;
  const { child, ended } = record('close', dir, events);
  t.after(() => child.kill('SIGKILL'));
  let isRecording = true;
  void ended.then(() => {
    isRecording = false;
  });
  await untilRecording(dir);
  let rounds = 0;
  let lastEventId = 0;
  for (; isRecording; rounds++) {
    const report = await verify(dir);
    assert.deepEqual([report.ok, report.problems], [true, []]);
    assert.ok(report.lastEventId >= lastEventId, 'a log does not become shorter');
    lastEventId = report.lastEventId;
    let expected = Math.max(1, lastEventId - 1000);
    for (const event of replay(dir, { from: expected, to: lastEventId })) {
      if (event.eventId !== expected++) assert.fail(`event ${event.eventId} out of order`);
      check(event);
    }
    assert.equal(expected, lastEventId + 1);
    const cursor = openCursor(dir, { from: lastEventId + 1 });
    for (let step = 0; step < 5000 && cursor.next(); step++) {
      if (cursor.eventId !== expected++) assert.fail(`event ${cursor.eventId} out of order`);
      check(cursor);
    }
    cursor.close();
    inspectLog(dir);
    await sleep(1);
  }
  assert.equal((await ended).code, 0);
  const report = await verify(dir);
  assert.deepEqual([report.verdict, report.lastEventId], ['clean', events]);
  assert.equal(report.durableEventId, events);
  t.diagnostic(`${rounds} rounds`);
});

test('after a kill, files and region together hold every event that append returned for', async (t) => {
  const dir = join(temporaryFolder(t), 'log');
  const { signal, stdout } = await record('kill', dir, 20_000).ended;
  assert.equal(signal, 'SIGKILL');
  const appended = Number(stdout);
  assert.equal(appended, 20_000);
  const report = await verify(dir);
  assert.equal(report.ok, true);
  const { region, locked } = inspectLog(dir);
  assert.equal(locked, false);
  if (region.status === 'none') return t.skip('no mapped region on this machine');
  assert.equal(report.lastEventId + report.waitingEvents, appended);
  assert.deepEqual([region.status, region.unreadEvents], ['waiting', report.waitingEvents]);
  const read = Array.from(replay(dir), (event) => event.eventId);
  assert.equal(read.at(-1) ?? 0, report.lastEventId);
});

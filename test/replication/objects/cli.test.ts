// `flashstrike archive` and `restore --objects`, as processes and against stores that fail.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { keepArchiving } from '../../../src/cli/replication/archiving.js';
import { rebuild } from '../../../src/cli/replication/rebuilding.js';
import { ObjectFailure } from '../../../src/replication/objects/object-store.js';
import { replicate } from '../../../src/replication.js';
import { eventually, settles } from '../../support/eventually.js';
import { flashstrike, RunningCommand } from '../../system/cli-process.js';
import { liveStream, streamOf } from '../bench.js';
import { Told } from '../told.js';
import { activeFirstEventId, assertHas, grow, recorded } from './bench.js';
import { MemoryObjects } from './memory-objects.js';

test('segments are archived and restored from the command line', async (t) => {
  const { place, dir } = await recorded(t, 3);
  const url = pathToFileURL(place.path('objects')).href;
  const last = activeFirstEventId(dir) - 1;
  const put = await flashstrike(['archive', dir, '--to', url, '--json']);
  assert.equal(put.code, 0, put.stderr);
  assert.match(put.stderr, /^archived {2}ids 1 to [\d,]+, in \/.*objects$/m);
  assert.match(put.stderr, /^put {7}3 segments, .*; 0 were there$/m);
  const { lastEventId, complete } = JSON.parse(put.stdout.toString()) as Record<string, unknown>;
  assert.deepEqual([lastEventId, complete], [last, true]);
  const out = place.path('out');
  const restored = await flashstrike(['restore', '--objects', url, out, '--json']);
  assert.equal(restored.code, 0, restored.stderr);
  assertHas(out, dir, 1, last);
  const refused = await flashstrike(['archive', out, '--to', url]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /ERR_FLASHSTRIKE_WRONG_LOG.*place of its own/s);
});

test('a command that follows is stopped by SIGTERM and killed, and goes on', async (t) => {
  const { place, dir, wal } = await recorded(t, 1);
  const objects = place.path('objects');
  const url = pathToFileURL(objects).href;
  const there = (): number =>
    existsSync(objects)
      ? readdirSync(objects, { recursive: true }).filter((name) => /\.header$/.test(`${name}`))
          .length
      : 0;
  const killed = new RunningCommand(['archive', dir, '--to', url, '--follow']);
  await eventually('the first is there', () => there() >= 1);
  killed.child.kill('SIGKILL');
  await killed.finished;
  await grow(wal, 2);
  const running = new RunningCommand(['archive', dir, '--to', url, '--follow', '--json']);
  await eventually('the rest is there', () => there() >= 3);
  running.child.kill('SIGTERM');
  const { code, stdout } = await running.finished;
  assert.equal(code, 143);
  assert.equal((JSON.parse(stdout.toString()) as { firstEventId: number }).firstEventId, 1);
  const out = place.path('out');
  assert.equal((await flashstrike(['restore', '--objects', url, out])).code, 0);
  assertHas(out, dir, 1, activeFirstEventId(dir) - 1);
});

test('it says what it waits for, and that it goes on; objects and a stream make a log', async (t) => {
  const { place, dir, wal } = await recorded(t, 2);
  const store = new MemoryObjects();
  let isDown = true;
  store.onCall = () => {
    if (isDown) throw new ObjectFailure('full', 'the store is full');
  };
  const told = new Told();
  const quiet = { follow: true, json: true };
  const running = keepArchiving(dir, store, quiet, told);
  await eventually('it waits', () => /^waiting {3}the store is full$/m.test(told.stderr));
  isDown = false;
  await eventually('it goes on', () => /^goes on$/m.test(told.stderr));
  await eventually('all is there', () => store.keys('.header').length === 2);
  process.emit('SIGINT', 'SIGINT');
  assert.equal(await settles('archiving', running), 130);
  assert.equal(told.json['objects'], 'memory');
  const engine = liveStream(4096);
  const replica = place.keep(await replicate(wal, { stream: streamOf(engine) }));
  await settles('replicated', replica.replicated());
  const out = place.path('out');
  const options = { objects: store, follow: false, json: true };
  const made = new Told();
  assert.equal(await rebuild(streamOf(engine), out, options, made), 0);
  assert.deepEqual([made.json['lastEventId'], made.json['objects']], [wal.lastEventId, 2]);
});

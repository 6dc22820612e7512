// `flashstrike replicate`, `restore --from` and `audit`: against the engine in memory, which fails
// when it is told to, and as processes beside real servers.
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { exitCodeOf } from '../../src/cli/exit-codes.js';
import { tellAudit } from '../../src/cli/replication/auditing.js';
import { feed } from '../../src/cli/replication/feeding.js';
import { rebuild } from '../../src/cli/replication/rebuilding.js';
import { listConsumers, openConsumer, verify, type Wal, WalError } from '../../src/index.js';
import { type BlockStream, replicate, restoreFrom, StreamFailure } from '../../src/replication.js';
import { inspectLog, type StreamInspection } from '../../src/verification/inspect.js';
import { eventually, settles } from '../support/eventually.js';
import { flashstrike, RunningCommand } from '../system/cli-process.js';
import { appendMixed, assertSame, liveStream, openLog, Place, streamOf } from './bench.js';
import { NatsCluster, NO_SERVER } from './nats-cluster.js';
import { Told } from './told.js';

const QUIET = { takeover: false, json: true };
const ALL = { follow: false, json: true };

async function logOf(
  t: TestContext,
  events = 40,
): Promise<{ place: Place; wal: Wal; dir: string }> {
  const place = new Place(t);
  const dir = place.path('log');
  const wal = place.keep(await openLog(dir));
  appendMixed(wal, events);
  await wal.durable();
  return { place, wal, dir };
}

/** As from the terminal: to whoever listens in this process. */
const interrupt = (signal: NodeJS.Signals): boolean => process.emit(signal, signal);

test('a log is fed until SIGTERM: told what happens, and a summary at the end', async (t) => {
  const { wal, dir } = await logOf(t);
  const engine = liveStream();
  const told = new Told();
  const running = feed(dir, streamOf(engine), QUIET, told);
  await eventually('it is claimed', () => told.stderr.includes('claimed'));
  assert.match(told.stderr, /^claimed {3}stream memory in epoch 1, (empty|up to event \d+)$/m);
  await eventually('all is sent', () => engine.lastEventId === wal.lastEventId);
  engine.trouble = 200;
  appendMixed(wal, 3);
  await wal.durable();
  await eventually('it says that it waits', () => /^waiting {3}\w/m.test(told.stderr));
  engine.trouble = 0;
  await eventually('and that it goes on', () => /^goes on {3}behind event \d/m.test(told.stderr));
  await eventually('all is sent', () => engine.lastEventId === wal.lastEventId);
  interrupt('SIGTERM');
  assert.equal(await settles('feed', running), 143);
  assert.match(told.stderr, /^sent {6}\d+ events to stream memory, .* up to event \d+$/m);
  const { state, confirmedEventId, stream, log } = told.json;
  assert.deepEqual([state, confirmedEventId], ['stopped', wal.lastEventId]);
  assert.deepEqual([stream, log], ['memory', dir]);
  assert.equal(process.listenerCount('SIGTERM'), 0, 'nothing of it stays');
});

test('stopped before there was an engine: said, and nothing is lost', async (t) => {
  const { dir } = await logOf(t);
  const engine = liveStream();
  engine.trouble = 200;
  const told = new Told();
  const running = feed(dir, streamOf(engine), { takeover: false, json: false }, told);
  await eventually('it waits', () => told.stderr.includes('waiting'));
  interrupt('SIGINT');
  assert.equal(await settles('feed', running), 130);
  assert.match(told.stderr, /^stopped {3}before stream memory was claimed$/m);
  assert.equal(told.data, '');
});

test('a stream that is wrong for good is told, and nothing is kept for it', async (t) => {
  const { dir } = await logOf(t);
  const wrong = new Error('no such stream');
  let closed = 0;
  const stream: BlockStream = {
    ...streamOf(liveStream()),
    position: () => Promise.reject(wrong),
    close: async () => {
      closed++;
    },
  };
  await assert.rejects(feed(dir, stream, QUIET, new Told()), wrong);
  assert.ok(closed > 0);
  assert.deepEqual(listConsumers(dir), []);
});

test('one that answers only later what is wrong with it leaves nothing either', async (t) => {
  const { dir } = await logOf(t);
  const wrong = new WalError('ERR_FLASHSTRIKE_INVALID_OPTION', 'There is no such stream.');
  const consumer = 'replica-memory';
  const asked: boolean[] = [];
  const late = (): BlockStream => ({
    ...streamOf(liveStream()),
    position: async () => {
      asked.push(listConsumers(dir).some(({ name }) => name === consumer));
      throw asked.length % 3 !== 0 ? new StreamFailure('unavailable', 'it has just begun') : wrong;
    },
  });
  await assert.rejects(feed(dir, late(), QUIET, new Told()), wrong);
  assert.deepEqual(asked, [false, true, true]);
  assert.deepEqual(listConsumers(dir), []);
  await (await openConsumer(dir, consumer, { create: true })).close();
  await assert.rejects(feed(dir, late(), QUIET, new Told()), wrong);
  const kept = listConsumers(dir).map(({ name }) => name);
  assert.deepEqual(kept, [consumer], 'what was there before keeps what it keeps');
});

test('a stream becomes a log, up to an event, or as a standby until Ctrl-C; audited', async (t) => {
  const { place, wal, dir } = await logOf(t);
  const engine = liveStream();
  const replica = place.keep(await replicate(wal, { stream: streamOf(engine) }));
  await replica.replicated();
  const out = place.path('out');
  const told = new Told();
  assert.equal(await rebuild(streamOf(engine), out, ALL, told), 0);
  assert.match(told.stderr, /^restored {2}\d+ events, ids 1 to \d+, to .*out\n$/);
  assert.deepEqual([told.json['complete'], told.json['target']], [true, out]);
  assert.equal(assertSame(dir, out), wal.lastEventId);
  const part = place.path('part');
  assert.equal(await rebuild(streamOf(engine), part, { ...ALL, toId: 7 }, new Told()), 0);
  assert.equal((await verify(part)).lastEventId, 7);
  const standby = place.path('standby');
  const following = rebuild(streamOf(engine), standby, { ...ALL, follow: true }, new Told());
  await replica.replicated(appendMixed(wal, 20));
  interrupt('SIGINT');
  assert.equal(await settles('standby', following), 0, 'what was stopped is complete');
  assert.equal(assertSame(dir, standby), wal.lastEventId);

  const same = new Told();
  assert.equal(await tellAudit(dir, streamOf(engine), { json: false }, same), 0);
  assert.match(same.data, /^stream memory is the same as .*log$/m);
  assert.match(same.data, /^owner {5}this log, epoch 1$/m);
  const asJson = new Told();
  assert.equal(await tellAudit(out, streamOf(engine), { json: true }, asJson), 11);
  assert.deepEqual([asJson.json['ok'], asJson.json['isOwner']], [false, false]);
  const text = new Told();
  await tellAudit(out, streamOf(engine), { json: false }, text);
  assert.match(text.data, /^stream memory DIFFERS from .*out$/m);
  assert.match(text.data, /^problem {3}ERR_FLASHSTRIKE_DIVERGED: Stream memory, block \d+/m);
  engine.blocks[1]?.fill(7, 70, 72);
  assert.equal(await tellAudit(dir, streamOf(engine), { json: true }, new Told()), 1, 'damage');
});

test('whoever was deposed ends with 10, whoever has other events with 11', async (t) => {
  const { place, wal, dir } = await logOf(t);
  const engine = liveStream();
  const told = new Told();
  const running = feed(dir, streamOf(engine), QUIET, told);
  running.catch(() => undefined);
  await eventually('all is sent', () => engine.lastEventId === wal.lastEventId);
  const out = place.path('out');
  await restoreFrom(streamOf(engine), out);
  const taking = feed(out, streamOf(engine), { takeover: true, json: true }, new Told());
  await eventually('it has the stream', () => engine.runs().walk.epoch === 2);
  appendMixed(wal, 1);
  await wal.durable();
  const error = await settles(
    'feed',
    running.catch((thrown: unknown) => thrown),
  );
  assert.equal(exitCodeOf(error), 10);
  assert.equal(told.json['state'], 'fenced');
  interrupt('SIGTERM');
  assert.equal(await settles('standby', taking), 143);
  const forced = feed(dir, streamOf(engine), { takeover: true, json: false }, new Told());
  const other = await settles(
    'feed',
    forced.catch((thrown: unknown) => thrown),
  );
  assert.equal(exitCodeOf(other), 11);
  assert.equal(exitCodeOf(new Error('any other')), 1);
});

test('without the packages each command says what to install, and keeps nothing', async (t) => {
  const { place, dir } = await logOf(t);
  const hooks = `export async function resolve(name, context, next) {
    if (!name.startsWith('@nats-io/')) return next(name, context);
    throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  }`;
  const dataUrl = (text: string): string =>
    `data:text/javascript,${encodeURIComponent(text).replaceAll("'", '%27')}`;
  const install = `import { register } from 'node:module'; register('${dataUrl(hooks)}');`;
  const environment = { NODE_OPTIONS: `--import=${dataUrl(install)}` };
  const server = '127.0.0.1:1';
  const to = ['--stream', 'orders'];
  for (const args of [
    ['replicate', dir, '--nats', server, ...to],
    ['audit', dir, '--nats', server, ...to],
    ['restore', '--from', server, ...to, place.path('out')],
  ]) {
    const ended = await flashstrike(args, '', environment);
    assert.equal(ended.code, 1, ended.stderr);
    assert.match(
      ended.stderr,
      /ERR_FLASHSTRIKE_PACKAGE_MISSING: .*npm install @nats-io\/jetstream @nats-io\/transport-node/,
    );
  }
  assert.deepEqual(listConsumers(dir), []);
});

describe('the commands beside real servers', { skip: NO_SERVER }, () => {
  let cluster: NatsCluster;
  before(async () => {
    cluster = await NatsCluster.start();
  });
  after(() => cluster.stop());

  /** Again while servers that have just started refuse, which is told with 1. */
  async function insist(args: readonly string[], expected: number): Promise<string> {
    for (let tries = 1; ; tries++) {
      const { code: ended, stdout, stderr } = await flashstrike(args);
      if (ended === expected) return String(stdout);
      assert.ok(tries < 30 && ended === 1, stderr);
      await delay(500);
    }
  }

  test('fed, restored, audited, taken over: the first one ends with 10', async (t) => {
    const { place, wal, dir } = await logOf(t);
    const servers = cluster.servers.map((server) => `nats://${server}`).join();
    const to = ['--nats', servers, '--stream', 'orders'];
    await insist(['replicate', dir, ...to], 1);
    assert.deepEqual(listConsumers(dir), [], 'nothing is kept for a stream that is not there');
    const first = new RunningCommand(['replicate', dir, ...to, '--create-replicas', '3', '--json']);
    t.after(() => first.child.kill('SIGKILL'));
    await first.until((_, stderr) => stderr.includes('claimed'));
    await eventually('inspect tells it', () => {
      const [stream] = inspectLog(dir).streams;
      return stream?.isFed === true && stream.isOwner === true && stream.epoch === 1;
    });
    const inspected = await flashstrike(['inspect', dir]);
    assert.match(
      String(inspected.stdout),
      /^stream {3}orders: this log in epoch 1, .*; being fed$/m,
    );
    const audited = { events: 0 };
    while (audited.events < wal.lastEventId) {
      Object.assign(audited, JSON.parse(await insist(['audit', dir, ...to, '--json'], 0)));
    }
    const out = place.path('out');
    await insist(['restore', '--from', servers, '--stream', 'orders', out], 0);
    assert.equal(assertSame(dir, out), wal.lastEventId);
    const second = new RunningCommand(['replicate', out, ...to, '--takeover']);
    t.after(() => second.child.kill('SIGKILL'));
    await second.until((_, stderr) => stderr.includes('claimed   stream orders in epoch 2'));
    appendMixed(wal, 3);
    await wal.durable();
    const ended = await settles('the first one', first.finished);
    assert.equal(ended.code, 10, ended.stderr);
    assert.match(ended.stderr, /ERR_FLASHSTRIKE_FENCED/);
    assert.equal((JSON.parse(String(ended.stdout)) as { state: string }).state, 'fenced');
    const json = JSON.parse(String((await flashstrike(['inspect', dir, '--json'])).stdout)) as {
      streams: readonly StreamInspection[];
    };
    const [deposed] = json.streams;
    assert.deepEqual([deposed?.isOwner, deposed?.epoch, deposed?.isFed], [false, 2, false]);
    second.child.kill('SIGINT');
    assert.equal((await settles('the second one', second.finished)).code, 130);
    assert.equal((await flashstrike(['replicate', dir, ...to])).code, 10);
  });

  test('credentials are read from a file, which must be there and be one', async (t) => {
    const { dir } = await logOf(t);
    const to = ['--nats', cluster.servers.join(), '--stream', 'orders', '--credentials'];
    const missing = await flashstrike(['audit', dir, ...to, `${dir}/no.creds`]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /ERR_FLASHSTRIKE_IO: The credentials file .*no\.creds/);
    const wrong = await flashstrike(['audit', dir, ...to, `${dir}/wal.meta`]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /ERR_FLASHSTRIKE_INVALID_OPTION: .* is no credentials file/);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NatsStreamOptions, natsStream, replicate, StreamFailure } from '../../src/nats.js';
import { natsFailure } from '../../src/replication/nats/nats-failure.js';
import { loadNats } from '../../src/replication/nats/nats-packages.js';
import { eventually } from '../support/eventually.js';
import { code } from '../support/log-content.js';
import { appendMixed, openLog, Place } from './bench.js';

const SOUND = { servers: '127.0.0.1:1', stream: 'orders' };

test('options that cannot work are refused at the call', () => {
  const wrong: object[] = [
    { servers: [] },
    { servers: 5 },
    { stream: 'a b' },
    { stream: 'x'.repeat(57) },
    { replicas: 2 },
    { subject: 'a.*' },
    { timeoutMs: 0 },
    { settleMs: -1 },
    { connection: [] },
    { create: { maxAgeMs: 1000 } },
    { create: { maxBytes: 0.5 } },
    { create: { replicas: 3 } },
    { sream: 'orders' },
  ];
  for (const each of wrong) {
    const options = { ...SOUND, ...each } as NatsStreamOptions;
    assert.throws(() => natsStream(options), code('ERR_FLASHSTRIKE_INVALID_OPTION'));
  }
});

test('without the packages it says which to install', async () => {
  const missing = Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' });
  await assert.rejects(
    loadNats(() => Promise.reject(missing)),
    code(
      'ERR_FLASHSTRIKE_PACKAGE_MISSING',
      /npm install @nats-io\/jetstream @nats-io\/transport-node/,
    ),
  );
  const broken = new SyntaxError('broken');
  await assert.rejects(
    loadNats(() => Promise.reject(broken)),
    broken,
  );
});

test('a stream that was closed says so, and is not waited for', async () => {
  const stream = natsStream(SOUND);
  await stream.close();
  const closed = code('ERR_FLASHSTRIKE_INVALID_OPTION', /was closed/);
  await assert.rejects(stream.position(), closed);
});

test('no server: the log goes on, and the replica says why it waits', async (t) => {
  const place = new Place(t);
  const wal = place.keep(await openLog(place.path('log')));
  const replica = place.keep(await replicate(wal, { stream: natsStream(SOUND) }));
  assert.equal(await wal.durable(appendMixed(wal, 5)), wal.lastEventId);
  await eventually('it waits', () => replica.state === 'waiting');
  assert.ok(replica.counts.failures.unavailable > 0);
  assert.match(replica.lastTrouble ?? '', /stream orders: /);
});

test('what passes is waited for, what lasts ends it', () => {
  const named = (name: string, fields: object = {}): Error =>
    Object.assign(new Error('x'), { name, ...fields });
  const reasonOf = (error: unknown): string => {
    const failure = natsFailure(error, 'orders');
    return failure instanceof StreamFailure ? failure.reason : 'lasting';
  };
  assert.deepEqual(
    [
      named('JetStreamApiError', { code: 10071 }),
      named('JetStreamApiError', { code: 10077 }),
      named('JetStreamApiError', { code: 10008 }),
      named('StreamNotFoundError', { code: 10059 }),
      named('TimeoutError'),
      named('RequestError'),
      named('JetStreamNotEnabled'),
      named('Error', { code: 'ECONNREFUSED' }),
      named('AuthorizationError'),
      named('PermissionViolationError'),
      new TypeError('a bug'),
    ].map(reasonOf),
    [
      'conflict',
      'full',
      'unavailable',
      'unavailable',
      'timeout',
      'unavailable',
      'unavailable',
      'unavailable',
      'lasting',
      'lasting',
      'lasting',
    ],
  );
});

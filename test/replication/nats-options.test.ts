import assert from 'node:assert/strict';
import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { nkeys } from '@nats-io/transport-node';
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
    { credentials: '' },
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

test('credentials are shown to the server: the token, and a signature with the seed', async (t) => {
  const place = new Place(t);
  const user = nkeys.createUser();
  const seed = Buffer.from(user.getSeed()).toString();
  const line = (what: string): string => `-----${what}-----\n`;
  const token = `${line('BEGIN NATS USER JWT')}a.token\n${line('END NATS USER JWT')}`;
  const key = `${line('BEGIN USER NKEY SEED')}${seed}\n${line('END USER NKEY SEED')}`;
  writeFileSync(place.path('user.creds'), `${token}\n${key}`);
  symlinkSync('user.creds', place.path('mounted.creds'));
  let connect = '';
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const info = { server_id: 'S', version: '2.10.0', max_payload: 1_048_576, proto: 1 };
    socket.write(`INFO ${JSON.stringify({ ...info, auth_required: true, nonce: 'abc' })}\r\n`);
    socket.on('data', (chunk: Buffer) => {
      connect += chunk.toString();
      if (connect.includes('\r\n')) socket.end("-ERR 'Authorization Violation'\r\n");
    });
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const servers = `127.0.0.1:${port}`;
  const credentials = place.path('mounted.creds');
  const stream = place.keep(natsStream({ ...SOUND, servers, credentials }));
  await assert.rejects(stream.position(), { name: 'AuthorizationError' });
  const sent = JSON.parse(/^CONNECT (.*)\r\n/.exec(connect)?.[1] ?? '{}') as Record<string, string>;
  assert.equal(sent['jwt'], 'a.token');
  const signature = Buffer.from(sent['sig'] ?? '', 'base64url');
  assert.ok(user.verify(Buffer.from('abc'), signature));
});

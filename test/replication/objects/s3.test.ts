// Objects in a bucket, against a server of the registry, and against one that answers as told.
import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ObjectStore } from '../../../src/replication/objects/object-store.js';
import { loadS3 } from '../../../src/replication/s3/s3-package.js';
import { archive, restoreFrom, s3Objects } from '../../../src/s3.js';
import { eventually, settles } from '../../support/eventually.js';
import { code } from '../../support/log-content.js';
import { flashstrike } from '../../system/cli-process.js';
import { assertHas, grow, recorded } from './bench.js';
import { BUCKET, NO_S3, S3Server } from './s3-server.js';
import { assertKeepsObjects, bodyOf, bytesOf, contentIn, failure } from './store-suite.js';

const skip = NO_S3;
const PROPER = { bucket: BUCKET, endpoint: 'http://127.0.0.1:9' };

test('objects are kept in a bucket, each prefix by itself', { skip }, async (t) => {
  const server = await S3Server.start(t);
  // This server writes what comes at once into one file.
  await assertKeepsObjects(s3Objects(server.options('a/b')), false);
  const other = s3Objects(server.options('a/c'));
  assert.equal(await contentIn(other, 'log'), undefined);
  assert.equal(other.name, 's3://archive/a/c');
  const { prefix: _, ...whole } = server.options('');
  await assertKeepsObjects(s3Objects(whole), false);
});

test('a log is archived to a bucket and restored, over a server that goes and comes', {
  skip,
}, async (t) => {
  const server = await S3Server.start(t);
  const { place, dir, wal } = await recorded(t, 2);
  const options = server.options('orders');
  const stop = new AbortController();
  const troubles: (string | undefined)[] = [];
  let last = 0;
  const running = archive(dir, s3Objects(options), {
    follow: true,
    signal: stop.signal,
    onProgress: (eventId) => {
      last = eventId;
    },
    onTrouble: (message) => troubles.push(message),
  });
  await eventually('the first are there', () => last > 0);
  server.fail();
  await grow(wal, 2);
  await eventually('it waits', () => troubles.at(-1) !== undefined);
  const before = last;
  server.heal();
  await eventually('it goes on', () => last > before);
  stop.abort();
  await settles('archive', running);
  const { lastEventId, complete } = await archive(dir, s3Objects(options));
  assert.equal(complete, true);
  const out = place.path('out');
  await restoreFrom(undefined, out, { objects: s3Objects(options) });
  assertHas(out, dir, 1, lastEventId);
});

test('s3:// on the command line', { skip }, async (t) => {
  const server = await S3Server.start(t);
  const { place, dir } = await recorded(t, 2);
  const environment = {
    AWS_ACCESS_KEY_ID: 'S3RVER',
    AWS_SECRET_ACCESS_KEY: 'S3RVER',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const where = ['s3://archive/orders', '--s3-endpoint', server.endpoint];
  const put = await flashstrike(['archive', dir, '--to', ...where, '--json'], '', environment);
  assert.equal(put.code, 0, put.stderr);
  const { lastEventId, objects } = JSON.parse(put.stdout.toString()) as Record<string, number>;
  assert.equal(objects, 's3://archive/orders');
  const out = place.path('out');
  const got = await flashstrike(['restore', '--objects', ...where, out], '', environment);
  assert.equal(got.code, 0, got.stderr);
  assertHas(out, dir, 1, lastEventId ?? 0);
  const none = ['s3://no-such-bucket', '--s3-endpoint', server.endpoint];
  const refused = await flashstrike(['archive', dir, '--to', ...none], '', environment);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /ERR_FLASHSTRIKE_INVALID_OPTION.*no such bucket/s);
});

/** A store on a server that answers each request by `answer`. */
async function answered(
  t: TestContext,
  answer: (response: ServerResponse) => void,
  timeoutMs?: number,
): Promise<ObjectStore> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => answer(response));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const connection = { credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, maxAttempts: 1 };
  const endpoint = `http://127.0.0.1:${port}`;
  return s3Objects({ bucket: BUCKET, endpoint, connection, timeoutMs });
}

const problem = (name: string): string =>
  `<?xml version="1.0"?><Error><Code>${name}</Code><Message>told</Message></Error>`;

const ANSWERS: readonly (readonly [number, string, (error: unknown) => true])[] = [
  [500, 'InternalError', failure('unavailable')],
  [503, 'SlowDown', failure('unavailable')],
  [429, 'TooManyRequests', failure('unavailable')],
  [400, 'RequestTimeout', failure('timeout')],
  [507, 'InsufficientStorage', failure('full')],
  [403, 'AccessDenied', code('ERR_FLASHSTRIKE_ACCESS', /s3:ListBucket/)],
  [404, 'NoSuchBucket', code('ERR_FLASHSTRIKE_INVALID_OPTION', /no such bucket/)],
];

test('what passes is waited for; what is forbidden, or not there, is told', { skip }, async (t) => {
  for (const [status, name, check] of ANSWERS) {
    const store = await answered(t, (response) => {
      response.writeHead(status, { 'content-type': 'application/xml' }).end(problem(name));
    });
    await assert.rejects(store.get('log'), check, name);
    await assert.rejects(store.put('log', bodyOf(bytesOf(200_000))), check, name);
  }
  const none = await answered(t, (response) => {
    response.writeHead(404, { 'content-type': 'application/xml' }).end(problem('NoSuchKey'));
  });
  assert.equal(await none.get('log'), undefined);
  const refused = s3Objects({
    ...PROPER,
    connection: { credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, maxAttempts: 1 },
  });
  await assert.rejects(refused.get('log'), failure('unavailable'));
});

test('an answer that breaks off, or does not come, passes', { skip }, async (t) => {
  const broken = await answered(t, (response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('part', () => response.destroy());
  });
  await assert.rejects(contentIn(broken, 'log'), failure('unavailable'));
  const silent = await answered(t, () => {}, 300);
  await assert.rejects(silent.get('log'), failure('timeout'));
  await assert.rejects(silent.put('log', bodyOf(bytesOf(10))), failure('timeout'));
});

test('what keeps a segment from being read is what put is refused with', { skip }, async (t) => {
  const store = await answered(t, (response) => response.writeHead(200).end());
  const broken = new Error('the disk has failed');
  const body = {
    bytes: 5_000_000,
    async *read() {
      yield bytesOf(1_000_000);
      throw broken;
    },
  };
  await assert.rejects(settles('put', store.put('log', body)), (error) => error === broken);
});

test('options that cannot work are refused, and the package is named where it is missing', async () => {
  const option = code('ERR_FLASHSTRIKE_INVALID_OPTION');
  const wrong: readonly object[] = [
    {},
    { bucket: 'No' },
    { bucket: 7 },
    { ...PROPER, prefix: '/a' },
    { ...PROPER, prefix: 'a/../b' },
    { ...PROPER, prefix: 'a/' },
    { ...PROPER, endpoint: 'archive.example' },
    { ...PROPER, region: '' },
    { ...PROPER, timeoutMs: 0 },
    { ...PROPER, connection: [] },
    { ...PROPER, buckets: 'x' },
  ];
  for (const options of wrong) {
    assert.throws(() => s3Objects(options as never), option, JSON.stringify(options));
  }
  const missing = Object.assign(new Error('none'), { code: 'ERR_MODULE_NOT_FOUND' });
  await assert.rejects(
    loadS3(() => Promise.reject(missing)),
    code('ERR_FLASHSTRIKE_PACKAGE_MISSING', /needs a package: npm install @aws-sdk\/client-s3$/),
  );
  await assert.rejects(s3Objects(PROPER).get('../log'), code('ERR_FLASHSTRIKE_INVALID_ARGUMENT'));
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { fc } from '../../../test/support/properties.js';
import { systemCode, WalError } from '../../errors.js';
import { SharedMessage } from './shared-message.js';

const BYTES = 2048;

const message = (buffer = new SharedArrayBuffer(BYTES)): SharedMessage =>
  new SharedMessage(buffer, 0, buffer.byteLength);

const systemError = (code: string, text = `${code}: write`): Error =>
  Object.assign(new Error(text), { code });

describe('an error in shared memory', () => {
  test('is nothing before one was written', () => {
    assert.equal(message().read(), undefined);
  });

  test('is read by whoever has the memory, with code, place and cause', () => {
    const buffer = new SharedArrayBuffer(BYTES);
    const path = '/log/0000000007.wal';
    const cause = systemError('EIO');
    message(buffer).write(
      new WalError('ERR_FLASHSTRIKE_FAILED', 'It failed.', { path, offset: 4096, cause }),
    );
    const read = message(buffer).read();
    assert.ok(read instanceof WalError);
    assert.equal(read.code, 'ERR_FLASHSTRIKE_FAILED');
    assert.deepEqual([read.message, read.path, read.offset], ['It failed.', path, 4096]);
    assert.equal(systemCode(read.cause), 'EIO');
  });

  test('is the last one that was written', () => {
    const shared = message();
    shared.write(new Error('a long first error'));
    shared.write(new Error('second'));
    assert.equal(shared.read()?.message, 'second');
  });

  test('is read as often as one likes, a new object each time', () => {
    const shared = message();
    shared.write(new Error('once'));
    assert.notEqual(shared.read(), shared.read());
  });

  test('is not read while it is being written', () => {
    const buffer = new SharedArrayBuffer(BYTES);
    const shared = message(buffer);
    shared.write(new Error('whole'));
    Atomics.add(new Int32Array(buffer), 0, 1);
    assert.equal(shared.read(), undefined);
  });

  test('of a thread that died while it wrote does not hide the error of the next one', () => {
    const buffer = new SharedArrayBuffer(BYTES);
    Atomics.store(new Int32Array(buffer), 0, 3);
    const shared = message(buffer);
    shared.write(new Error('the thread has died'));
    assert.equal(shared.read()?.message, 'the thread has died');
  });

  test('with a long message loses its end, and keeps code, cause and the end of the path', () => {
    const shared = message();
    const cause = systemError('ENOSPC', 'c'.repeat(9_000));
    const path = `/${'folder/'.repeat(600)}0000000001.wal`;
    const text = `${path}: could not write. ${'x'.repeat(9_000)}`;
    shared.write(new WalError('ERR_FLASHSTRIKE_FAILED', text, { path, offset: 1, cause }));
    const read = shared.read();
    assert.ok(read instanceof WalError);
    assert.equal(read.code, 'ERR_FLASHSTRIKE_FAILED');
    assert.ok(read.message.length > 100 && text.startsWith(read.message));
    assert.match(read.path ?? '', /0000000001\.wal$/);
    assert.equal(systemCode(read.cause), 'ENOSPC');
  });

  test('fits and parses, whatever its texts hold', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3_000 }),
      // Six bytes of JSON each, the most that there are.
      fc.integer({ min: 0, max: 3_000 }).map((length) => '\u0001'.repeat(length)),
      fc.integer({ min: 0, max: 3_000 }).map((length) => '\ud800'.repeat(length)),
    );
    fc.assert(
      fc.property(text, text, text, (what, path, why) => {
        const shared = message();
        const cause = systemError('EDQUOT', why);
        shared.write(new WalError('ERR_FLASHSTRIKE_NO_SPACE', what, { path, cause }));
        const read = shared.read();
        assert.ok(read instanceof WalError);
        assert.equal(read.code, 'ERR_FLASHSTRIKE_NO_SPACE');
        assert.ok(read.message.length >= Math.min(25, what.length));
        assert.equal(systemCode(read.cause), 'EDQUOT');
      }),
    );
  });

  test('is whole while another thread replaces it again and again', async () => {
    const buffer = new SharedArrayBuffer(BYTES);
    const module = JSON.stringify(new URL('./shared-message.js', import.meta.url).href);
    const worker = new Worker(
      `import(${module}).then(({ SharedMessage }) => {
        const { parentPort, workerData: buffer } = require('node:worker_threads');
        const shared = new SharedMessage(buffer, 0, buffer.byteLength);
        for (let round = 0; round < 20_000; round++) {
          shared.write(new Error(String(round % 10).repeat(1 + (round % 300))));
        }
        shared.write(new Error('end'));
      });`,
      { eval: true, workerData: buffer },
    );
    const ended = new Promise((resolve, reject) => {
      worker.once('exit', resolve);
      worker.once('error', reject);
    });
    const shared = message(buffer);
    let reads = 0;
    for (let last = ''; last !== 'end'; ) {
      last = shared.read()?.message ?? '';
      if (last !== '' && last !== 'end') {
        reads++;
        assert.match(last, /^(\d)\1*$/);
      }
      if (reads % 64 === 0) await new Promise(setImmediate);
    }
    await ended;
  });
});

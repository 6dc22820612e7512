import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { WalError } from '../errors.js';
import { Output, writeText } from './output.js';
import { OutputClosed } from './report-error.js';

/** So much is gathered before it is written. */
const FLUSH_BYTES = 256 * 1024;

/** Takes a write only when the test says so, and looks at its bytes then. */
class SlowStream extends Writable {
  readonly taken: string[] = [];
  readonly #waiting: (() => void)[] = [];

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#waiting.push(() => {
      this.taken.push(chunk.toString());
      done();
    });
  }
  takeOne(): void {
    this.#waiting.shift()?.();
  }
}

const failingStream = (code: string): Writable =>
  new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error(`${code}: no`), { code }));
    },
  }).on('error', () => undefined);

describe('Output', () => {
  it('keeps a batch untouched until the stream has taken it', async () => {
    const stream = new SlowStream();
    const output = new Output(stream);
    output.append(Buffer.from('first'));
    const first = output.flush();
    output.append(Buffer.from('second'));
    const second = output.flush();
    output.append(Buffer.from('third'));
    await Promise.resolve();
    stream.takeOne();
    await first;
    output.append(Buffer.from(' more'));
    stream.takeOne();
    await second;
    const third = output.flush();
    await Promise.resolve();
    stream.takeOne();
    await third;
    assert.deepEqual(stream.taken, ['first', 'second', 'third more']);
  });

  it('is full at its flush size, whether by one big part or by many', async () => {
    const chunks: Buffer[] = [];
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        chunks.push(Buffer.from(chunk));
        done();
      },
    });
    const output = new Output(stream);
    const expected: Buffer[] = [];
    for (const bytes of [1, FLUSH_BYTES - 2, 1, 3 * FLUSH_BYTES, 5]) {
      const part = Buffer.alloc(bytes, bytes % 251);
      expected.push(part);
      output.append(part);
      if (output.isFull) await output.flush();
    }
    await output.flush();
    assert.deepEqual(
      chunks.map((chunk) => chunk.length),
      [FLUSH_BYTES, 3 * FLUSH_BYTES, 5],
    );
    assert.ok(Buffer.concat(chunks).equals(Buffer.concat(expected)));
  });

  it('tells a reader that left from a stream that fails', async () => {
    const output = new Output(failingStream('EPIPE'));
    output.append(Buffer.from('x'));
    await assert.rejects(output.flush(), OutputClosed);
    await assert.rejects(writeText(failingStream('ENOSPC'), 'x'), (error) => {
      assert.ok(error instanceof WalError);
      assert.equal(error.code, 'ERR_FLASHSTRIKE_IO');
      assert.match(error.message, /stdout: ENOSPC/);
      return true;
    });
  });
});

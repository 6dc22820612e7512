// The input of `record`: a file or stdin, unpacked where it is gzip. Chunks arrive only as fast as
// they are taken, so memory stays bounded.

import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { codeOf, WalError } from '../errors.js';
import { KIB, MIB } from '../units.js';
import { toWalError } from './report-error.js';

const CHUNK_BYTES = MIB;
const UNPACKED_CHUNK_BYTES = 256 * KIB;
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b, 0x08]);

interface Input {
  /** How messages call it. */
  readonly name: string;
  readonly stream: Readable;
}

/** Opens FILE, or stdin for `-`. @throws WalError where it cannot be read */
export async function openInput(path: string): Promise<Input> {
  if (path === '-') return { name: 'stdin', stream: process.stdin };
  try {
    const file = await open(path, 'r');
    if ((await file.stat()).isDirectory()) {
      await file.close();
      throw new WalError('ERR_FLASHSTRIKE_IO', `${path}: the input is a folder, not a file`, {
        path,
      });
    }
    return { name: path, stream: file.createReadStream({ highWaterMark: CHUNK_BYTES }) };
  } catch (error) {
    throw toWalError(error, path);
  }
}

/** Puts the chunks that were looked at back in front of the rest. */
async function* joined(first: readonly Buffer[], rest: AsyncIterator<Buffer>) {
  yield* first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

const startsLikeGzip = (start: Buffer): boolean =>
  start.equals(GZIP_MAGIC.subarray(0, start.length));

/** What a truncated or damaged gzip stream reports. */
const isBrokenGzip = (error: unknown): boolean => codeOf(error)?.startsWith('Z_') === true;

/**
 * The bytes of `input`, unpacked if they start like gzip or the name ends in `.gz`.
 * @throws WalError ERR_FLASHSTRIKE_INPUT for damaged gzip, after all that could be unpacked
 */
export async function* readInput(input: Input, signal: AbortSignal): AsyncGenerator<Buffer> {
  const source: AsyncIterator<Buffer> = input.stream[Symbol.asyncIterator]();
  const stop = (): void => {
    input.stream.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    const first: Buffer[] = [];
    let start = Buffer.alloc(0);
    // A pipe may bring a single byte and then nothing for hours: look no further than it takes.
    while (start.length < GZIP_MAGIC.length && startsLikeGzip(start)) {
      const next = await source.next();
      if (next.done === true) break;
      first.push(next.value);
      start = Buffer.concat(first).subarray(0, GZIP_MAGIC.length);
    }
    const isNamedGzip = start.length > 0 && input.name.endsWith('.gz');
    const packed = isNamedGzip || start.equals(GZIP_MAGIC);
    const chunks = joined(first, source);
    yield* packed ? unpack(chunks) : chunks;
  } catch (error) {
    // Stopping destroys the stream under the reader: that is no failure of the input.
    if (signal.aborted) return;
    if (isBrokenGzip(error)) {
      throw new WalError(
        'ERR_FLASHSTRIKE_INPUT',
        `${input.name}: the gzip data is damaged or truncated; what could be decompressed ` +
          'before that is kept',
        { path: input.name, cause: error },
      );
    }
    throw toWalError(error, input.name);
  } finally {
    signal.removeEventListener('abort', stop);
    input.stream.destroy();
  }
}

async function* unpack(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: UNPACKED_CHUNK_BYTES });
  // The error reaches the reader through the iterator of `gunzip`.
  pipeline(chunks, gunzip, () => undefined);
  yield* gunzip as AsyncIterable<Buffer>;
}

// Objects in a bucket of Amazon S3, or of a store that speaks its language.
import { Readable } from 'node:stream';
import { invalidArgument } from '../../errors.js';
import { isObjectKey } from '../objects/object-keys.js';
import type { ObjectBody, ObjectStore } from '../objects/object-store.js';
import { isMissingKey, s3Failure } from './s3-failure.js';
import { type ResolvedS3Options, resolveS3Options, type S3Options } from './s3-options.js';
import { loadS3, type S3Package } from './s3-package.js';

interface Opened {
  readonly s3: S3Package;
  readonly client: InstanceType<S3Package['S3Client']>;
}

/** The client writes to the console where it has no other place. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/**
 * Objects in a bucket of Amazon S3 or of a store that speaks its language: MinIO, Ceph, R2 … The
 * client, `@aws-sdk/client-s3`, is loaded when the first object is asked for.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION; _PACKAGE_MISSING and _ACCESS from its calls
 * @example
 * import { archive, s3Objects } from 'flashstrike/s3';
 *
 * const store = s3Objects({ bucket: 'archive', prefix: 'orders' });
 * const { lastEventId } = await archive('./orders', store);
 * console.log(`kept up to event ${lastEventId}`);
 */
export const s3Objects = (options: S3Options): ObjectStore =>
  new S3Objects(resolveS3Options(options));

class S3Objects implements ObjectStore {
  readonly name: string;
  readonly #options: ResolvedS3Options;
  #opened: Promise<Opened> | undefined;

  constructor(options: ResolvedS3Options) {
    const { bucket, prefix } = options;
    this.name = `s3://${bucket}/${prefix}`.replace(/\/$/, '');
    this.#options = options;
  }

  async put(key: string, body: ObjectBody): Promise<void> {
    const place = this.#placeOf(key);
    const { s3, client } = await this.#open();
    const stop = new AbortController();
    const source = Readable.from(body.read(), { objectMode: false });
    // The client hands the bytes on without listening for what is wrong with them.
    let broken: { readonly error: unknown } | undefined;
    source.once('error', (error) => {
      broken ??= { error };
      stop.abort();
    });
    const request = { ...place, Body: source, ContentLength: body.bytes };
    try {
      await client.send(new s3.PutObjectCommand(request), { abortSignal: stop.signal });
    } catch (error) {
      throw broken === undefined ? s3Failure(error, this.name) : broken.error;
    } finally {
      source.destroy();
    }
  }

  async get(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const place = this.#placeOf(key);
    const { s3, client } = await this.#open();
    try {
      const { Body } = await client.send(new s3.GetObjectCommand(place));
      return this.#pieces(Body as Readable);
    } catch (error) {
      if (isMissingKey(error)) return undefined;
      throw s3Failure(error, this.name);
    }
  }

  async *#pieces(body: Readable): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const piece of body) yield piece as Uint8Array;
    } catch (error) {
      throw s3Failure(error, this.name);
    }
  }

  #placeOf(key: string): { readonly Bucket: string; readonly Key: string } {
    const { bucket, prefix } = this.#options;
    if (isObjectKey(key)) return { Bucket: bucket, Key: `${prefix}${key}` };
    throw invalidArgument('The key of an object has letters, digits and signs of "._-/".');
  }

  #open(): Promise<Opened> {
    this.#opened ??= this.#connect();
    return this.#opened;
  }

  async #connect(): Promise<Opened> {
    const s3 = await loadS3();
    const { timeoutMs, client: options } = this.#options;
    const client = new s3.S3Client({
      requestHandler: { connectionTimeout: timeoutMs, socketTimeout: timeoutMs },
      // What is put is read back and compared, and many stores do not know these checksums.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      logger: SILENT,
      ...options,
    });
    return { s3, client };
  }
}

// What a bucket may be asked for, and a clear error for what cannot work.
import { invalidOption } from '../../errors.js';
import { checkOptionNames } from '../../reading/event-range.js';
import { LONGEST_TIMER_MS } from '../../units.js';

/** Options of `s3Objects`. */
export interface S3Options {
  /** Name of the bucket; it must be there. */
  readonly bucket: string;
  /** What the names of the objects begin with, as a folder: `orders/eu`. Default: nothing. */
  readonly prefix?: string | undefined;
  /** URL of a store that is not Amazon's; the bucket is then a part of the path. */
  readonly endpoint?: string | undefined;
  /** Default: what the client finds in its environment; with `endpoint` `us-east-1`. */
  readonly region?: string | undefined;
  /** So many milliseconds a connection may stand still. Default 60,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * Further options of the client, `S3Client`: `credentials`, `forcePathStyle` … Default: what it
   * finds in its environment.
   */
  readonly connection?: Readonly<Record<string, unknown>> | undefined;
}

export interface ResolvedS3Options {
  readonly bucket: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
  readonly timeoutMs: number;
  /** For the client. */
  readonly client: Readonly<Record<string, unknown>>;
}

const NAMES = ['bucket', 'prefix', 'endpoint', 'region', 'timeoutMs', 'connection'];
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const PREFIX_LENGTH_MAX = 500;

/** @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION, _INVALID_ARGUMENT */
export function resolveS3Options(options: S3Options): ResolvedS3Options {
  checkOptionNames(options, NAMES);
  const { bucket, prefix = '', endpoint, timeoutMs = 60_000, connection = {} } = options;
  const { region = endpoint === undefined ? undefined : 'us-east-1' } = options;
  if (typeof bucket !== 'string' || !BUCKET.test(bucket)) {
    throw invalidOption(
      'The option bucket must be 3 to 63 small letters, digits, points and dashes.',
    );
  }
  const isPrefix = typeof prefix === 'string' && prefix.length <= PREFIX_LENGTH_MAX;
  if (!isPrefix || (prefix !== '' && !PREFIX.test(prefix))) {
    throw invalidOption('The option prefix must be letters, digits and signs of "._-", with /.');
  }
  if (endpoint !== undefined && !isWebUrl(endpoint)) {
    throw invalidOption('The option endpoint must be a URL like https://objects.example:9000.');
  }
  if (region !== undefined && (typeof region !== 'string' || region === '')) {
    throw invalidOption('The option region must be a name like eu-central-1.');
  }
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > LONGEST_TIMER_MS) {
    throw invalidOption(
      `The option timeoutMs must be a whole number from 1 to ${LONGEST_TIMER_MS}.`,
    );
  }
  if (typeof connection !== 'object' || connection === null || Array.isArray(connection)) {
    throw invalidOption('The option connection must be an object.');
  }
  const place = endpoint === undefined ? {} : { endpoint, forcePathStyle: true };
  const where = region === undefined ? place : { ...place, region };
  const client = { ...where, ...connection };
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/`, timeoutMs, client };
}

const isWebUrl = (text: unknown): boolean =>
  typeof text === 'string' && /^https?:\/\//.test(text) && URL.canParse(text);

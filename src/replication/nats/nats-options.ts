// What a stream on NATS JetStream may be asked for, and a clear error for what cannot work.
import { WalError } from '../../errors.js';
import { checkOptionNames } from '../../reading/event-range.js';
import { LONGEST_TIMER_MS } from '../../units.js';

/** How a stream is made where it is not there yet. */
export interface NatsCreateOptions {
  /** So many bytes at most; a full stream is waited for. Default: any number. */
  readonly maxBytes?: number | undefined;
  /** So many milliseconds a block is kept; at least 3,600,000. Default: for ever. */
  readonly maxAgeMs?: number | undefined;
}

/** Options of `natsStream`. */
export interface NatsStreamOptions {
  /** One or more servers of the cluster, as `host:port`. */
  readonly servers: string | readonly string[];
  /** Name of the stream: 1 to 56 letters, digits, `_` and `-`. It holds one log. */
  readonly stream: string;
  /**
   * On how many servers each block is kept, at least: 1, 3 or 5. A stream with fewer is refused, so
   * one copy is had only by asking for it. Default 3.
   */
  readonly replicas?: number | undefined;
  /** Make the stream if there is none; `{}` will do. Default: it must be there. */
  readonly create?: NatsCreateOptions | undefined;
  /** The subject of its messages. Default: `flashstrike.` and the stream's name. */
  readonly subject?: string | undefined;
  /** So long an answer is waited for, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number | undefined;
  /**
   * How long the servers may take to bring a block to their disks. Default 150,000: they sync every
   * two minutes. With `sync_interval: always` on all of them (2.10 and later) it may be 0.
   */
  readonly settleMs?: number | undefined;
  /** Path of a credentials file of NATS (`.creds`); read anew for each connection. */
  readonly credentials?: string | undefined;
  /** Further options of the client's `connect`: `tls`, `user`, `pass`, `authenticator` … */
  readonly connection?: Readonly<Record<string, unknown>> | undefined;
}

export interface ResolvedNatsOptions {
  readonly servers: string[];
  readonly stream: string;
  readonly subject: string;
  readonly replicas: number;
  readonly create: NatsCreateOptions | undefined;
  readonly timeoutMs: number;
  readonly settleMs: number;
  readonly credentials: string | undefined;
  readonly connection: Readonly<Record<string, unknown>>;
}

const NAMES = [
  'servers',
  'stream',
  'replicas',
  'create',
  'subject',
  'timeoutMs',
  'settleMs',
  'credentials',
  'connection',
];
const STREAM_NAME = /^[A-Za-z0-9_-]{1,56}$/;
const SUBJECT = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
/** A checkpoint each minute keeps the position of an idle stream. */
const AGE_MS_MIN = 3_600_000;

export const invalidStream = (message: string): WalError =>
  new WalError('ERR_FLASHSTRIKE_INVALID_OPTION', message);

/** @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION, _INVALID_ARGUMENT */
export function resolveNatsOptions(options: NatsStreamOptions): ResolvedNatsOptions {
  checkOptionNames(options, NAMES);
  const { stream, replicas = 3, create, credentials, connection = {} } = options;
  const servers = typeof options.servers === 'string' ? [options.servers] : options.servers;
  const areServers =
    Array.isArray(servers) && servers.length > 0 && servers.every((each) => isText(each));
  if (!areServers) throw invalidStream('The option servers must be one or more of host:port.');
  if (!isText(stream) || !STREAM_NAME.test(stream)) {
    throw invalidStream('The option stream must be 1 to 56 letters, digits and signs of "_-".');
  }
  const { subject = `flashstrike.${stream}` } = options;
  if (!isText(subject) || !SUBJECT.test(subject)) {
    throw invalidStream('The option subject must be words of letters and digits, with points.');
  }
  if (![1, 3, 5].includes(replicas)) throw invalidStream('The option replicas must be 1, 3 or 5.');
  if (create !== undefined) checkCreate(create);
  if (typeof connection !== 'object' || connection === null || Array.isArray(connection)) {
    throw invalidStream('The option connection must be an object.');
  }
  if (credentials !== undefined && !isText(credentials)) {
    throw invalidStream('The option credentials must be the path of a file.');
  }
  const { timeoutMs = 5_000, settleMs = 150_000 } = options;
  checkNumber('timeoutMs', timeoutMs, 1, LONGEST_TIMER_MS);
  checkNumber('settleMs', settleMs, 0, LONGEST_TIMER_MS);
  const lists = { servers: [...servers], stream, subject, replicas, create };
  return { ...lists, timeoutMs, settleMs, credentials, connection };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function checkCreate(create: NatsCreateOptions): void {
  checkOptionNames(create, ['maxBytes', 'maxAgeMs']);
  const { maxBytes, maxAgeMs } = create;
  if (maxBytes !== undefined) checkNumber('maxBytes', maxBytes, 1, Number.MAX_SAFE_INTEGER);
  if (maxAgeMs !== undefined) checkNumber('maxAgeMs', maxAgeMs, AGE_MS_MIN, 2 ** 43);
}

function checkNumber(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw invalidStream(`The option ${name} must be a whole number from ${least} to ${most}.`);
}

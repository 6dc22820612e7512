// Arguments as the shell hands them over, checked: what does not fit is a usage error (exit 2).

import { isIPv4, isIPv6 } from 'node:net';
import { InvalidArgumentError } from 'commander';

const NS_PER_MS = 1_000_000n;
const WHOLE_NUMBER = /^\d{1,16}$/;

function parseWholeNumber(text: string, what: string, least: number, most: number): number {
  const value = WHOLE_NUMBER.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new InvalidArgumentError(`${what} must be a whole number from ${least} to ${most}.`);
  }
  return value;
}

/** Of `record`: when to sync. */
export const SYNC_MODES = ['interval', 'every-block', 'manual'] as const;
export type SyncMode = (typeof SYNC_MODES)[number];

/** Of `record`: what to do with a region that may be this log's, where nothing proves it. */
export const OLD_RING_CHOICES = ['refuse', 'take', 'leave'] as const;
export type OldRing = (typeof OLD_RING_CHOICES)[number];

/** Ids start at 1 and stay below 2^53. */
export const parseEventId = (text: string): number =>
  parseWholeNumber(text, 'An event id', 1, Number.MAX_SAFE_INTEGER);

/** Fewer digits are a year, or seconds or milliseconds since 1970: not what was meant. */
const NANOSECONDS = /^\d{16,19}$/;
const ISO_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/**
 * `2026-11-30`, `2026-11-30T08:00:00Z` (without a zone: this machine's; a date alone: UTC), or
 * nanoseconds since 1970.
 */
export function parseTime(text: string): bigint {
  if (NANOSECONDS.test(text)) return BigInt(text);
  const ms = ISO_TIME.test(text) ? Date.parse(text) : Number.NaN;
  // A Date ends at milliseconds.
  const finer = /\.\d{3}(\d{1,6})/.exec(text)?.[1] ?? '';
  if (!Number.isNaN(ms)) return BigInt(ms) * NS_PER_MS + BigInt(finer.padEnd(6, '0'));
  throw new InvalidArgumentError(
    'A time is like 2026-11-30, 2026-11-30T08:00:00Z, or nanoseconds since 1970 (19 digits).',
  );
}

const SPAN = /^(\d{1,6})(s|m|h|d)$/;
const SPAN_MS: Readonly<Record<string, bigint>> = {
  s: 1000n,
  m: 60_000n,
  h: 3_600_000n,
  d: 86_400_000n,
};

/** A time as `parseTime` takes it, or how long ago: `90s`, `10m`, `2h`, `1d`. */
export function parseSince(text: string): bigint {
  const [, count, unit = ''] = SPAN.exec(text) ?? [];
  const spanMs = SPAN_MS[unit];
  if (count === undefined || spanMs === undefined) return parseTime(text);
  return (BigInt(Date.now()) - BigInt(count) * spanMs) * NS_PER_MS;
}

export const parseSeed = (text: string): number => parseWholeNumber(text, 'A seed', 0, 2 ** 32 - 1);

/** Enough to be killed in the middle of, few enough to fit on a laptop's disk. */
export const parseDemoEvents = (text: string): number =>
  parseWholeNumber(text, 'A number of events', 10_000, 1_000_000_000);

/** Milliseconds between two looks: often enough to be live, seldom enough to cost nothing. */
export const parseInterval = (text: string): number =>
  parseWholeNumber(text, 'An interval', 100, 3_600_000);

/** Of `doctor`: enough for a few commits of each way, few enough to wait for. */
export const parseSeconds = (text: string): number =>
  parseWholeNumber(text, 'A number of seconds', 1, 3600);

const METRIC_PREFIX = /^[a-zA-Z_][a-zA-Z0-9_]{0,99}$/;

/** What names of metrics may begin with. */
export function parsePrefix(text: string): string {
  if (METRIC_PREFIX.test(text)) return text;
  throw new InvalidArgumentError(
    'A prefix has letters, digits and underscores, and does not begin with a digit.',
  );
}

const PORT_MOST = 65_535;
const LOOPBACK = '127.0.0.1';

/**
 * `9464`, `127.0.0.1:9464`, `[::1]:9464`: an address that only this machine reaches, and nothing
 * that a name server could turn into another.
 */
export function parseListenAddress(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits = ''] = /^(?:\[(.*)\]:|(.*):)?(\d+)$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? LOOPBACK;
  const isAddress = bracketed === undefined ? isIPv4(host) : isIPv6(host);
  if (!isAddress) {
    throw new InvalidArgumentError(
      'An address is a port, IPv4:port or [IPv6]:port; host names are not accepted.',
    );
  }
  if (!(host === '::1' || (bracketed === undefined && host.startsWith('127.')))) {
    throw new InvalidArgumentError(
      'This is served only to this machine, on 127.0.0.1 or [::1], because there is no ' +
        'password. To serve it to other machines, use a proxy that asks for one.',
    );
  }
  return { host, port: parseWholeNumber(digits, 'A port', 0, PORT_MOST) };
}

/** A path as it was typed; an empty one is a mistake of the calling script. */
export function parsePath(text: string): string {
  if (text === '' || text.includes('\0')) {
    throw new InvalidArgumentError('A path must have at least one character and no NUL.');
  }
  return text;
}

const NATS_SCHEME = 'nats://';
/** A name, or an address of either kind, and a port. */
const SERVER = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;
const STREAM_NAME = /^[A-Za-z0-9_-]{1,56}$/;

/** `nats://a:4222,nats://b:4222`; the scheme may be left out, and the port is 4222 then. */
export const parseServers = (text: string): readonly string[] =>
  text.split(',').map((each) => {
    const server = each.startsWith(NATS_SCHEME)
      ? each.slice(NATS_SCHEME.length).replace(/\/$/, '')
      : each;
    const [whole, port = '1'] = SERVER.exec(server) ?? [];
    if (whole !== undefined && Number(port) >= 1 && Number(port) <= PORT_MOST) return server;
    throw new InvalidArgumentError(
      'Servers are like nats://a:4222,nats://b:4222. TLS is used where a server has it, and who ' +
        'logs in does so by --credentials.',
    );
  });

export function parseStreamName(text: string): string {
  if (STREAM_NAME.test(text)) return text;
  throw new InvalidArgumentError('A stream has a name of 1 to 56 letters, digits, _ and -.');
}

export function parseCopies(text: string): number {
  if (text === '1' || text === '3' || text === '5') return Number(text);
  throw new InvalidArgumentError('A stream is kept on 1, 3 or 5 servers.');
}

const FILE_URL = 'file:///';
/** A bucket, and what names begin with; no user, no port, nothing to be decoded. */
const S3_URL = /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/** Where objects are: `file:///mnt/archive/orders` or `s3://bucket/prefix`. */
export function parseObjectsUrl(text: string): URL {
  const isFile = text.startsWith(FILE_URL) && text.length > FILE_URL.length && URL.canParse(text);
  if (isFile || S3_URL.test(text)) return new URL(text);
  throw new InvalidArgumentError(
    'Objects are at a URL like file:///mnt/archive/orders or s3://bucket/orders.',
  );
}

/** Of a store that speaks like S3. */
export function parseEndpoint(text: string): string {
  if (/^https?:\/\/[^/@]+\/?$/.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('An endpoint is a URL like https://objects.example:9000.');
}

const CONSUMER_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;

export function parseConsumerName(text: string): string {
  if (CONSUMER_NAME.test(text)) return text;
  throw new InvalidArgumentError(
    'A consumer has a name of 1 to 64 letters, digits and signs of "._-", the first no point.',
  );
}

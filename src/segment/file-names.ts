// The names that may stand in a log's folder. Everything else there is reported and left alone.

import { assert } from '../errors.js';
import { LOCK_FILE } from '../storage/lock-name.js';
import { TWO_POW_32 } from '../units.js';

export const META_FILE = 'wal.meta';
export const META_TEMPORARY_FILE = 'wal.meta.tmp';
/** What `salvage` left out of a copy, and which ids its events had. */
export const SALVAGE_FILE = 'salvage.json';
/** The state hashes that a machine has recorded. */
export const HASHES_FILE = 'state.hashes';
export { LOCK_FILE };

type FileNameKind =
  | 'segment'
  | 'compressed'
  | 'compressing'
  | 'prepared'
  | 'meta'
  | 'meta-temporary'
  | 'lock'
  | 'salvage'
  | 'consumer'
  | 'consumer-temporary'
  | 'stream'
  | 'snapshot'
  | 'snapshot-temporary'
  | 'hashes'
  | 'backup'
  | 'unknown';

const SEGMENT_NAME = /^([0-9]{10})\.wal$/;
const COMPRESSED_NAME = /^([0-9]{10})\.wal\.lz4$/;
/** A compressed segment that is being written, or was when a crash came. */
const COMPRESSING_NAME = /^([0-9]{10})\.wal\.lz4\.tmp$/;
/** Behind the name, or the path, of a segment. */
const COMPRESSED_SUFFIX = '.lz4';
const PREPARED_NAME = /^prepared-(0|[1-9][0-9]{0,9})\.tmp$/;

/** Letters, digits and three signs: a name that no file system and no shell minds. */
const CONSUMER_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;
const CONSUMER_SUFFIX = '.consumer';
const CONSUMER_TEMPORARY_SUFFIX = '.consumer.tmp';
/** Of the consumer that keeps a log's events for a stream, and of what is known of that stream. */
const STREAM_PREFIX = 'replica-';
const STREAM_SUFFIX = '.stream';

/** Of a machine's state at an event, by that event's id. */
const SNAPSHOT_NAME = /^([0-9]{16})\.snapshot$/;
/** One that is being written, or was when a crash came. */
const SNAPSHOT_TEMPORARY_NAME = /^([0-9]{16})\.snapshot\.tmp$/;

const isU32 = (value: number): boolean =>
  Number.isInteger(value) && value >= 0 && value < TWO_POW_32;

function parse(pattern: RegExp, name: string, least: number): number | undefined {
  const digits = pattern.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const value = Number(digits);
  return value >= least && isU32(value) ? value : undefined;
}

/** `0000000042.wal` for 42. */
export function segmentFileName(index: number): string {
  assert(isU32(index) && index >= 1, 'a segment index is a u32 from 1 on');
  return `${String(index).padStart(10, '0')}.wal`;
}

/** The index in the name of a segment, or undefined for any other name. */
export const parseSegmentFileName = (name: string): number | undefined =>
  parse(SEGMENT_NAME, name, 1);

/** The path of a segment that is compressed, by its path where it is not. */
export const compressedPath = (segmentPath: string): string => segmentPath + COMPRESSED_SUFFIX;

/** The path under which it is written. */
export const compressingPath = (segmentPath: string): string =>
  `${compressedPath(segmentPath)}.tmp`;

/** The index in the name of a compressed segment, or undefined for any other name. */
export const parseCompressedFileName = (name: string): number | undefined =>
  parse(COMPRESSED_NAME, name, 1);

/** Whether a path is that of a compressed segment. */
export const isCompressedPath = (path: string): boolean => path.endsWith('.wal.lz4');

/** Whether a path may be that of a segment that is not compressed. */
export const isPlainPath = (path: string): boolean => path.endsWith('.wal');

/** `prepared-7.tmp` for 7: a ticket tells files apart, it is no segment index. */
export function preparedFileName(ticket: number): string {
  assert(isU32(ticket), 'a ticket is a u32');
  return `prepared-${ticket}.tmp`;
}

/** The ticket in the name of a prepared file, or undefined for any other name. */
export const parsePreparedFileName = (name: string): number | undefined =>
  parse(PREPARED_NAME, name, 0);

/** The name of a segment that a backup has copied whole, until all of it is there. */
export const stagedFileName = (segmentName: string): string => `backup-${segmentName}`;

/** The name of one that a backup is copying. */
export const copyingFileName = (segmentName: string): string => `copying-${segmentName}`;

/** What a backup that is not at its end has in its folder beside the segments. */
const UNFINISHED_BACKUP_NAME = /^(?:backup|copying)-(.*)$/;

function isOfUnfinishedBackup(name: string): boolean {
  const segmentName = UNFINISHED_BACKUP_NAME.exec(name)?.[1] ?? '';
  return (parseSegmentFileName(segmentName) ?? parseCompressedFileName(segmentName)) !== undefined;
}

/** Whether a consumer may have that name. */
export const isConsumerName = (name: string): boolean => CONSUMER_NAME.test(name);

/** `billing.consumer` for `billing`. */
export function consumerFileName(name: string): string {
  assert(isConsumerName(name), 'a consumer has a name that is allowed');
  return `${name}${CONSUMER_SUFFIX}`;
}

/** What the file of a new consumer is called until it is complete. */
export function consumerTemporaryName(name: string): string {
  assert(isConsumerName(name), 'a consumer has a name that is allowed');
  return `${name}${CONSUMER_TEMPORARY_SUFFIX}`;
}

/** The consumer in the name of a file, or undefined for any other name. */
export const parseConsumerFileName = (name: string): string | undefined =>
  consumerBefore(CONSUMER_SUFFIX, name);

/** The consumer whose file has not its own name yet. */
export const parseConsumerTemporaryName = (name: string): string | undefined =>
  consumerBefore(CONSUMER_TEMPORARY_SUFFIX, name);

function consumerBefore(suffix: string, name: string): string | undefined {
  if (!name.endsWith(suffix)) return undefined;
  const consumer = name.slice(0, -suffix.length);
  return isConsumerName(consumer) ? consumer : undefined;
}

/** The consumer of a log that keeps events for the stream of that name: `replica-orders`. */
export const streamConsumerName = (stream: string): string => STREAM_PREFIX + stream;

/** `replica-orders.stream` for the stream `orders`. */
export function streamReportName(stream: string): string {
  const consumer = streamConsumerName(stream);
  assert(isConsumerName(consumer), 'a stream has a name that is allowed');
  return `${consumer}${STREAM_SUFFIX}`;
}

/** The stream for which a consumer of that name keeps events; undefined for all others. */
export const streamOfConsumer = (consumer: string): string | undefined =>
  consumer.startsWith(STREAM_PREFIX) && consumer.length > STREAM_PREFIX.length
    ? consumer.slice(STREAM_PREFIX.length)
    : undefined;

/** The stream in the name of a file, or undefined for any other name. */
export function parseStreamReportName(name: string): string | undefined {
  if (!name.endsWith(STREAM_SUFFIX)) return undefined;
  const consumer = name.slice(0, -STREAM_SUFFIX.length);
  return isConsumerName(consumer) ? streamOfConsumer(consumer) : undefined;
}

/** `0000000000000042.snapshot` for the state at event 42. */
export function snapshotFileName(eventId: number): string {
  assert(Number.isSafeInteger(eventId) && eventId >= 1, 'a snapshot is of an event');
  return `${String(eventId).padStart(16, '0')}.snapshot`;
}

/** What it is called until it is complete. */
export const snapshotTemporaryName = (eventId: number): string =>
  `${snapshotFileName(eventId)}.tmp`;

/** The event in the name of a snapshot, or undefined for any other name. */
export const parseSnapshotFileName = (name: string): number | undefined =>
  eventIn(SNAPSHOT_NAME, name);

function eventIn(pattern: RegExp, name: string): number | undefined {
  const eventId = Number(pattern.exec(name)?.[1] ?? 0);
  return eventId >= 1 && Number.isSafeInteger(eventId) ? eventId : undefined;
}

export function classifyName(name: string): FileNameKind {
  if (name === META_FILE) return 'meta';
  if (name === META_TEMPORARY_FILE) return 'meta-temporary';
  if (name === LOCK_FILE) return 'lock';
  if (name === SALVAGE_FILE) return 'salvage';
  if (parseSegmentFileName(name) !== undefined) return 'segment';
  if (parseCompressedFileName(name) !== undefined) return 'compressed';
  if (parse(COMPRESSING_NAME, name, 1) !== undefined) return 'compressing';
  if (parsePreparedFileName(name) !== undefined) return 'prepared';
  if (parseConsumerFileName(name) !== undefined) return 'consumer';
  if (parseStreamReportName(name) !== undefined) return 'stream';
  if (name === HASHES_FILE) return 'hashes';
  if (parseSnapshotFileName(name) !== undefined) return 'snapshot';
  if (eventIn(SNAPSHOT_TEMPORARY_NAME, name) !== undefined) return 'snapshot-temporary';
  if (isOfUnfinishedBackup(name)) return 'backup';
  const isTemporary = parseConsumerTemporaryName(name) !== undefined;
  return isTemporary ? 'consumer-temporary' : 'unknown';
}

// The files of a log's consumers, read without a lock: an acknowledgement that is being written
// leaves the other slot valid.
import { join } from 'node:path';
import { WalError } from '../errors.js';
import { CONSUMER_BYTES, type ConsumerRecord, decodeConsumer } from '../segment/consumer-record.js';
import { type Defect, isDefect, makeDefect } from '../segment/defect.js';
import { consumerFileName, parseConsumerFileName } from '../segment/file-names.js';
import type { Storage } from '../storage/storage.js';
import { isMissing, readFailure, reading } from './read-failure.js';

/**
 * One that is `damaged`, or cannot be read, might need everything: nothing is removed until it is
 * removed itself.
 */
export type ConsumerFile = {
  readonly name: string;
  readonly path: string;
} & (
  | { readonly record: ConsumerRecord; readonly damaged?: undefined }
  | { readonly record?: undefined; readonly damaged: string }
);

/**
 * All consumers in the folder, by name.
 * @param logId whose they must be; undefined where nothing tells
 * @throws WalError ERR_FLASHSTRIKE_ACCESS, _IO where the folder cannot be read
 */
export function readConsumers(
  storage: Storage,
  dir: string,
  logId: bigint | undefined,
): readonly ConsumerFile[] {
  const files: ConsumerFile[] = [];
  for (const entry of reading(dir, () => storage.list(dir))) {
    const name = parseConsumerFileName(entry.name);
    const file = name === undefined ? undefined : readConsumer(storage, dir, name, logId);
    if (file !== undefined) files.push(file);
  }
  return files;
}

/** Undefined where there is none of that name. */
export function readConsumer(
  storage: Storage,
  dir: string,
  name: string,
  logId: bigint | undefined,
): ConsumerFile | undefined {
  const path = join(dir, consumerFileName(name));
  try {
    const record = readFile(storage, path, { name, logId });
    return isDefect(record)
      ? { name, path, damaged: `${path} is not valid: ${record.message}.` }
      : { name, path, record };
  } catch (error) {
    if (isMissing(error)) return undefined;
    const failure = readFailure(error, path);
    if (!(failure instanceof WalError)) throw failure;
    return { name, path, damaged: failure.message };
  }
}

function readFile(
  storage: Storage,
  path: string,
  expected: { readonly name: string; readonly logId: bigint | undefined },
): ConsumerRecord | Defect {
  const fd = storage.open(path, 'read');
  try {
    return readRecord(storage, fd, path, expected);
  } finally {
    storage.close(fd);
  }
}

/** Reads the record of an open file, and whether it is that consumer of that log. */
export function readRecord(
  storage: Storage,
  fd: number,
  path: string,
  { name, logId }: { readonly name: string; readonly logId: bigint | undefined },
): ConsumerRecord | Defect {
  // One byte more than it has: a longer file is no consumer.
  const bytes = new Uint8Array(CONSUMER_BYTES + 1);
  const count = reading(path, () => storage.read(fd, bytes, 0));
  const record = decodeConsumer(bytes.subarray(0, count));
  if (isDefect(record)) return record;
  const { header } = record;
  if (header.name !== name) return makeDefect('field', `it is that of consumer ${header.name}`);
  if (logId !== undefined && header.logId !== logId) {
    return makeDefect('field', 'it belongs to another log');
  }
  return record;
}

/**
 * The highest event that any of them proves to have been durable: only what was is acknowledged.
 * Undefined where none proves any; one that is damaged, or of another log, does not.
 */
export function highestAcknowledged(files: readonly ConsumerFile[]): number | undefined {
  const ids = files.map(({ record }) => record?.acknowledgedEventId ?? 0);
  const highest = Math.max(0, ...ids);
  return highest > 0 ? highest : undefined;
}

/** What `verify` and an open say of consumers that are not well. */
export function consumerNotes(dir: string, files: readonly ConsumerFile[]): readonly string[] {
  return files.flatMap(({ name, record, damaged }) => {
    const remedy = `remove it: flashstrike consumers ${dir} --remove ${name}`;
    if (record === undefined) {
      return [`${damaged} All events are kept for consumer ${name} until you ${remedy}.`];
    }
    const { ahead, dropped, durable } = record;
    if (ahead !== undefined) {
      const { acknowledgedEventId: end } = ahead;
      return [
        `Consumer ${name} has acknowledged events up to ${durable.acknowledgedEventId}, but the ` +
          `log was continued behind event ${end}: events from ${end + 1} on are others, and are ` +
          `kept until you ${remedy}.`,
      ];
    }
    if (dropped === undefined) return [];
    const { acknowledgedEventId } = dropped;
    return [
      `Consumer ${name} was dropped at event ${acknowledgedEventId}: it lagged more than it may.`,
    ];
  });
}

// What the folder of a log tells of the streams that it is fed to: the last report of each
// replicator. A hint: by now a stream may have more, less, or another owner.
import { join } from 'node:path';
import { WalError } from '../errors.js';
import { isDefect } from '../segment/defect.js';
import {
  consumerFileName,
  parseStreamReportName,
  streamConsumerName,
} from '../segment/file-names.js';
import {
  decodeStreamReport,
  STREAM_REPORT_BYTES,
  type StreamReport,
} from '../segment/stream-report.js';
import { isFileLocked } from '../storage/lock-holder.js';
import type { Storage } from '../storage/storage.js';
import { isMissing, readFailure, reading } from './read-failure.js';

export type StreamReportFile = {
  /** Name of the stream. */
  readonly stream: string;
  readonly path: string;
} & (
  | { readonly report: StreamReport; readonly damaged?: undefined }
  | { readonly report?: undefined; readonly damaged: string }
);

/** A report that is being written twice while it is read is read again. */
const ATTEMPTS = 3;

/**
 * The reports in the folder, by the streams' names.
 * @param logId whose they must be; undefined where nothing tells
 * @throws WalError ERR_FLASHSTRIKE_ACCESS, _IO where the folder cannot be read
 */
export function readStreamReports(
  storage: Storage,
  dir: string,
  logId: bigint | undefined,
): readonly StreamReportFile[] {
  return streamReportNames(storage, dir).flatMap((name) => {
    return readStreamReport(storage, dir, name, logId) ?? [];
  });
}

/** Names of the files, without their folder. */
export const streamReportNames = (storage: Storage, dir: string): readonly string[] =>
  reading(dir, () => storage.list(dir))
    .map(({ name }) => name)
    .filter((name) => parseStreamReportName(name) !== undefined);

/** Undefined where it is not there any more. */
export function readStreamReport(
  storage: Storage,
  dir: string,
  name: string,
  logId: bigint | undefined,
): StreamReportFile | undefined {
  const path = join(dir, name);
  const file = { stream: parseStreamReportName(name) ?? name, path };
  try {
    const report = readReport(storage, path);
    if (isDefect(report)) return { ...file, damaged: `${path} is not valid: ${report.message}.` };
    const isOther = logId !== undefined && report.logId !== logId;
    return isOther ? { ...file, damaged: `${path} is that of another log.` } : { ...file, report };
  } catch (error) {
    if (isMissing(error)) return undefined;
    const failure = readFailure(error, path);
    if (!(failure instanceof WalError)) throw failure;
    return { ...file, damaged: failure.message };
  }
}

function readReport(storage: Storage, path: string): ReturnType<typeof decodeStreamReport> {
  const fd = storage.open(path, 'read');
  try {
    for (let attempt = 1; ; attempt++) {
      const report = readStreamReportOf(storage, fd, path);
      if (!isDefect(report) || attempt === ATTEMPTS) return report;
    }
  } finally {
    storage.close(fd);
  }
}

/** Of an open file. */
export function readStreamReportOf(
  storage: Storage,
  fd: number,
  path: string,
): ReturnType<typeof decodeStreamReport> {
  // One byte more than it has: a longer file is none.
  const bytes = new Uint8Array(STREAM_REPORT_BYTES + 1);
  const count = reading(path, () => storage.read(fd, bytes, 0));
  return decodeStreamReport(bytes.subarray(0, count));
}

/** Whether a replicator is at work, as far as the kernel tells: it holds its consumer. */
export const isStreamFed = (storage: Storage, dir: string, stream: string): boolean =>
  isFileLocked(storage, join(dir, consumerFileName(streamConsumerName(stream))));

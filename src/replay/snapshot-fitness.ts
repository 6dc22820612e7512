// Whether a snapshot of a machine's state may be used with a log: what its header says, beside what
// the log has. The state itself is verified as it is read.
import { join } from 'node:path';
import { codeOf, WalError } from '../errors.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { SnapshotFile } from '../reading/snapshot-file.js';
import { parseSnapshotFileName } from '../segment/file-names.js';
import { blockChecksumOf } from './event-block.js';

/**
 * - `damaged`: bits of it are wrong, or bytes missing
 * - `other-log`: it belongs to a log with another id
 * - `ahead`: the log ends before its event, as a copy that lacks its end
 * - `other-history`: the log has other events under the same ids
 * - `version`: it is of a version that is not restored, or that `restore` has refused
 * - `unreadable`: the disk, or this user's rights, do not let it be read
 */
export type UnfitReason =
  | 'damaged'
  | 'other-log'
  | 'ahead'
  | 'other-history'
  | 'version'
  | 'unreadable';

/** A snapshot that cannot be used. */
export interface UnfitSnapshot {
  /** Name of the file. */
  readonly file: string;
  /** The last event that its state has. */
  readonly eventId: number;
  /** What kind of reason it is. */
  readonly reason: UnfitReason;
  /** The same in words. */
  readonly message: string;
}

/**
 * The open file, which the caller closes; or why it cannot be used.
 * @param lastEventId of the log
 * @throws WalError where the log itself cannot be read
 */
export function judgeSnapshot(
  ports: ReadingPorts,
  dir: string,
  name: string,
  logId: bigint,
  lastEventId: number,
): { readonly file: SnapshotFile } | UnfitSnapshot {
  const eventId = parseSnapshotFileName(name) ?? 0;
  const path = join(dir, name);
  const unfit = (reason: UnfitReason, message: string): UnfitSnapshot => ({
    file: name,
    eventId,
    reason,
    message,
  });
  let file: SnapshotFile | undefined;
  try {
    file = SnapshotFile.open(ports.storage, path);
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    const isDamage = codeOf(error) === 'ERR_FLASHSTRIKE_CORRUPT';
    return unfit(isDamage ? 'damaged' : 'unreadable', error.message);
  }
  if (file === undefined) return unfit('unreadable', `${path} is not there any more.`);
  const problem = problemOf(ports, dir, file, { logId, lastEventId, eventId });
  if (problem === undefined) return { file };
  file.close();
  return unfit(...problem);
}

function problemOf(
  ports: ReadingPorts,
  dir: string,
  file: SnapshotFile,
  log: { readonly logId: bigint; readonly lastEventId: number; readonly eventId: number },
): readonly [UnfitReason, string] | undefined {
  const { path, header } = file;
  const { eventId } = header;
  if (eventId !== log.eventId) return ['damaged', `${path} is that of event ${eventId}.`];
  if (header.logId !== log.logId) return ['other-log', `${path} belongs to another log.`];
  if (eventId > log.lastEventId) {
    return ['ahead', `${path} is ahead of the log, which ends with event ${log.lastEventId}.`];
  }
  let blockChecksum: bigint | undefined;
  try {
    blockChecksum = blockChecksumOf(ports, dir, eventId);
  } catch (error) {
    file.close();
    throw error;
  }
  if (blockChecksum === header.blockChecksum) return undefined;
  if (blockChecksum === undefined) {
    const message = `${path} is of event ${eventId}, which the log does not have any more.`;
    return ['other-history', message];
  }
  const message = `${path} is of another history of the log: its event ${eventId} is another one.`;
  return ['other-history', message];
}

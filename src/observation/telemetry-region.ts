// Which shared region shows the telemetry of a log: the one that LOCK names, if everything proves
// that it is this log's. Opened for reading only; nothing is removed.
import { join } from 'node:path';
import { sleepFor } from '../clock/sleep.js';
import { WalError } from '../errors.js';
import { readLogId } from '../judgement/log-identity.js';
import {
  type FoundRegion,
  type LogMarks,
  readMarks,
  walkRegions,
} from '../judgement/region-walk.js';
import { isLogFolder, noLogIn } from '../reading/log-directory.js';
import { RegionFile, type UnusableRegion } from '../region/region-file.js';
import { machineRegions } from '../region/regions.js';
import { LOCK_FILE } from '../segment/file-names.js';
import { isLockHeld } from '../storage/lock-holder.js';
import { nodeStorage } from '../storage/node-storage.js';

/** Another opening may replace LOCK's text and the region between two looks. */
const ATTEMPTS = 3;
/** And LOCK names a region before it is finished: zeroing the largest takes about this long. */
const ATTEMPTS_WHILE_OPENING = 50;
const PAUSE_MS = 10;

interface Rejected {
  readonly path: string;
  readonly status: UnusableRegion['status'];
  /** One sentence. */
  readonly reason: string;
}

/**
 * Opens the region of the process that has the log in `dir` open, or that died with it open.
 * @throws WalError ERR_FLASHSTRIKE_NO_TELEMETRY, _NOT_A_LOG, _SHARED_MEMORY, _UNSUPPORTED, _ACCESS
 * …
 */
export function openTelemetryRegion(dir: string): RegionFile {
  if (!isLogFolder(nodeStorage, dir)) throw noLogIn(dir);
  const logId = logIdIn(dir);
  let rejected: Rejected | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS_WHILE_OPENING; attempt++) {
    const marks = readMarks(nodeStorage, dir);
    if (marks === undefined) break;
    const { regions, damaged } = marks.record;
    if (damaged) throw damagedLock(dir);
    const best = openBest(marks, logId);
    if (best instanceof RegionFile) return best;
    rejected = best;
    const isUnfinished = rejected?.status === 'damaged' && isLockHeld(nodeStorage, dir);
    if (isUnfinished) sleepFor(PAUSE_MS);
    else if (attempt >= ATTEMPTS || regions.length === 0) break;
  }
  throw rejected === undefined ? noTelemetry(dir) : unusable(rejected);
}

/**
 * Undefined where the files do not tell: a log that runs must be seen although they are damaged.
 */
function logIdIn(dir: string): bigint | undefined {
  try {
    return readLogId(nodeStorage, dir);
  } catch (error) {
    if (error instanceof WalError) return undefined;
    throw error;
  }
}

/**
 * Of the regions that LOCK names: that of a living process before that of a dead one; of these, the
 * youngest. Where none is this log's, why the first of them is not; undefined where none is there.
 */
function openBest(marks: LogMarks, logId: bigint | undefined): RegionFile | Rejected | undefined {
  const given = { storage: nodeStorage, regions: machineRegions, folders: [] };
  const { found, close } = walkRegions({ ...marks, ...given, logId });
  let best: RegionFile | undefined;
  try {
    for (const { file, whose } of found) {
      if (whose !== 'ours' || file.status !== 'match') continue;
      if (best === undefined || isBetter(file, best)) best = file;
    }
    const [first] = found;
    return best ?? (first && rejection(first, logId));
  } catch (error) {
    best = undefined;
    throw error;
  } finally {
    close(best);
  }
}

function rejection({ path, file }: FoundRegion, logId: bigint | undefined): Rejected {
  if (file.status !== 'match') return { path, status: file.status, reason: file.reason };
  const reason = !file.isOwn
    ? `it belongs to user ${file.owner}.`
    : logId !== undefined && file.header.logId !== logId
      ? 'it belongs to another log.'
      : 'it belongs to the folder that this one was copied from.';
  return { path, status: 'foreign', reason };
}

function isBetter(region: RegionFile, than: RegionFile): boolean {
  const isAlive = region.ownerIsAlive();
  if (isAlive !== than.ownerIsAlive()) return isAlive;
  // Both are of this boot, of which the monotonic clock is; the wall clock may have been stepped.
  return region.header.monotonicAnchorNs > than.header.monotonicAnchorNs;
}

function damagedLock(dir: string): WalError {
  const path = join(dir, LOCK_FILE);
  const message =
    `${path} is damaged: it does not say which shared region belongs to this log. ` +
    'The next open of the log writes it again.';
  return new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path });
}

function noTelemetry(dir: string): WalError {
  const message = isLockHeld(nodeStorage, dir)
    ? `${dir}: the log is open, but its telemetry is not in shared memory: it was opened with ` +
      "sharedMemory: 'off', or shared memory was not available (wal.capabilities says why). Read " +
      "wal.telemetry in that process, or open the log with sharedMemory: 'required'. If it is " +
      'being opened right now, try again in a moment.'
    : `${dir}: no process publishes telemetry of this log. It was closed cleanly, was never ` +
      "opened here, or is open without shared memory (sharedMemory: 'off'; then only " +
      'wal.telemetry in that process has it). Try again while the log is open.';
  return new WalError('ERR_FLASHSTRIKE_NO_TELEMETRY', message, { path: dir });
}

function unusable({ path, status, reason }: Rejected): WalError {
  const isUnsupported = status === 'unsupported';
  const message =
    status === 'other-boot'
      ? `${path} was not read: ${reason} Its telemetry is out of date; open the log to get new ` +
        'telemetry.'
      : isUnsupported
        ? `${path} was not read: ${reason} Read it with the version that runs the log.`
        : `${path} was not read: ${reason} Try again as the user that runs the log, with the ` +
          'folder that it has open.';
  const code = isUnsupported ? 'ERR_FLASHSTRIKE_UNSUPPORTED' : 'ERR_FLASHSTRIKE_SHARED_MEMORY';
  return new WalError(code, message, { path });
}

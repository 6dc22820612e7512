// Which shared region shows the telemetry of a log: the one that LOCK names, if everything proves
// that it is this log's. Opened for reading only; nothing is removed.
import { join } from 'node:path';
import { sleepFor } from '../clock/sleep.js';
import { WalError } from '../errors.js';
import { readLogId } from '../judgement/log-identity.js';
import { holdsLog, listLog, noLogIn } from '../reading/log-directory.js';
import { reading } from '../reading/read-failure.js';
import {
  type ExpectedIdentity,
  openRegionFile,
  type RegionFile,
  type UnusableRegion,
} from '../region/region-file.js';
import { LOCK_FILE } from '../segment/file-names.js';
import { identifyFolder } from '../storage/identify-folder.js';
import { readLockRecord } from '../storage/lock-file.js';
import { isLockHeld } from '../storage/lock-holder.js';
import { nodeStorage } from '../storage/node-storage.js';

/** Another opening may replace LOCK's text and the region between two looks. */
const ATTEMPTS = 3;
/** And LOCK names a region before it is finished: zeroing the largest takes about this long. */
const ATTEMPTS_WHILE_OPENING = 50;
const PAUSE_MS = 10;

interface Rejected {
  readonly path: string;
  readonly region: UnusableRegion;
}

/**
 * Opens the region of the process that has the log in `dir` open, or that died with it open.
 * @throws WalError ERR_FLASHSTRIKE_NO_TELEMETRY, _NOT_A_LOG, _SHARED_MEMORY, _UNSUPPORTED, _ACCESS
 * …
 */
export function openTelemetryRegion(dir: string): RegionFile {
  if (!holdsLog(listLog(nodeStorage, dir))) throw noLogIn(dir);
  const logId = logIdIn(dir);
  let rejected: Rejected | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS_WHILE_OPENING; attempt++) {
    const { regions, damaged } = lockRecord(dir);
    const folder = reading(dir, () => identifyFolder(nodeStorage, dir));
    if (damaged) throw damagedLock(dir);
    if (folder === undefined) break;
    const expected = { logId, folder };
    const { file, reasons } = openBest(regions, expected);
    if (file !== undefined) return file;
    rejected = reasons.find(({ region }) => region.status !== 'missing');
    const isUnfinished = rejected?.region.status === 'damaged' && isLockHeld(nodeStorage, dir);
    if (isUnfinished) sleepFor(PAUSE_MS);
    else if (attempt >= ATTEMPTS || regions.length === 0) break;
  }
  throw rejected === undefined ? noTelemetry(dir) : unusable(rejected);
}

const lockRecord = (dir: string) => {
  const path = join(dir, LOCK_FILE);
  return reading(path, () => readLockRecord(nodeStorage, dir));
};

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

/** The region of a living process before that of a dead one; of these, the youngest. */
function openBest(paths: readonly string[], expected: ExpectedIdentity) {
  const reasons: Rejected[] = [];
  let file: RegionFile | undefined;
  try {
    for (const path of paths) {
      const region = reading(path, () => openRegionFile(path, expected));
      if (region.status !== 'match') reasons.push({ path, region });
      else if (file === undefined || isBetter(region, file)) {
        file?.close();
        file = region;
      } else region.close();
    }
  } catch (error) {
    file?.close();
    throw error;
  }
  return { file, reasons };
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
    `${path} is damaged: it does not say which shared region is this log's. ` +
    'The next opening of the log writes it anew.';
  return new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path });
}

function noTelemetry(dir: string): WalError {
  const message = isLockHeld(nodeStorage, dir)
    ? `${dir}: the log is open, but its telemetry is not in shared memory: it was opened with ` +
      "sharedMemory: 'off', or nothing could be shared (wal.capabilities says why). Read " +
      "wal.telemetry in that process, or open the log with sharedMemory: 'required'. Where it is " +
      'being opened right now, look again in a moment.'
    : `${dir}: no process shows telemetry of this log. It was closed cleanly, was never opened ` +
      "here, or is open without shared memory (sharedMemory: 'off', then wal.telemetry in that " +
      'process is all there is). Look again while the log is open.';
  return new WalError('ERR_FLASHSTRIKE_NO_TELEMETRY', message, { path: dir });
}

function unusable({ path, region: { status, reason } }: Rejected): WalError {
  const isUnsupported = status === 'unsupported';
  const message =
    status === 'other-boot'
      ? `${path} was not read: ${reason} What it showed is over; open the log to have new ` +
        'telemetry.'
      : isUnsupported
        ? `${path} was not read: ${reason} Read it with the version that runs the log.`
        : `${path} was not read: ${reason} Look as the user that runs the log, at the folder ` +
          'that it has open.';
  const code = isUnsupported ? 'ERR_FLASHSTRIKE_UNSUPPORTED' : 'ERR_FLASHSTRIKE_SHARED_MEMORY';
  return new WalError(code, message, { path });
}

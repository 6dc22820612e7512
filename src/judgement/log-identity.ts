// Whose log a folder holds. Every file tells the id of its log, and one that came from elsewhere
// must not make all the others foreign: wal.meta, the regions that LOCK names and the segments'
// headers have a vote each, and who has most votes is the log. Open and all readers ask here.
import { basename } from 'node:path';
import { isOperational, WalError } from '../errors.js';
import { holdsLog, type LogListing, listLog, noLogIn, readMeta } from '../reading/log-directory.js';
import { peekSegmentHeader } from '../reading/segment-file.js';
import { logIdOfRegionName } from '../region/region-names.js';
import { isDefect } from '../segment/defect.js';
import type { Storage } from '../storage/storage.js';
import { hexOf64 } from '../units.js';
import { lockRecordIn } from './lock-record.js';

/** The log ids that a folder's files tell; one of another log is among the votes, too. */
interface LogIdVotes {
  /** Of each segment whose header validates, in the order of the files. */
  readonly segments: readonly bigint[];
  readonly meta: bigint | undefined;
  /** Of each region that LOCK names. */
  readonly regions: readonly bigint[];
}

/** So many headers are read at most, evenly spread: a long log must not take long to open. */
const HEADERS_MAX = 64;

/**
 * The log id with most votes; undefined where nobody votes. Between equals LOCK decides, which no
 * tool of backup picks out alone, then the number of segments, then the segment that comes first.
 * Regions of one log are one vote: a crash more is no better witness.
 */
export function electLogId({ segments, meta, regions }: LogIdVotes): bigint | undefined {
  const named = new Set(regions);
  const candidates = new Set([...segments, ...named, ...(meta === undefined ? [] : [meta])]);
  const counts = new Map<bigint, number>();
  for (const logId of segments) counts.set(logId, (counts.get(logId) ?? 0) + 1);
  let elected: bigint | undefined;
  let best = [0, 0, 0];
  for (const logId of candidates) {
    const ofSegments = counts.get(logId) ?? 0;
    const ofLock = named.has(logId) ? 1 : 0;
    const votes = ofSegments + ofLock + (meta === logId ? 1 : 0);
    const standing = [votes, ofLock, ofSegments];
    if (!isHigher(standing, best)) continue;
    elected = logId;
    best = standing;
  }
  return elected;
}

/** By the first number that differs. */
function isHigher(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0);
}

/** The id of the log in `dir`, undefined where nothing tells it. Reads 66 small pieces at most. */
export const readLogId = (storage: Storage, dir: string): bigint | undefined =>
  logIdIn(storage, listLog(storage, dir));

/** The same for a folder that was listed before. */
export function logIdIn(storage: Storage, listing: LogListing): bigint | undefined {
  const { dir, segments } = listing;
  const step = Math.max(1, segments.length / HEADERS_MAX);
  const headers: bigint[] = [];
  for (let at = 0; at < segments.length; at += step) {
    const path = segments[Math.floor(at)]?.path;
    const logId = path === undefined ? undefined : orNoVote(() => segmentLogId(storage, path));
    if (logId !== undefined) headers.push(logId);
  }
  const meta = orNoVote(() => readMeta(storage, dir));
  return electLogId({
    segments: headers,
    meta: meta?.status === 'present' ? meta.meta.logId : undefined,
    regions: regionLogIds(storage, dir),
  });
}

/**
 * The id of the log in `dir`.
 * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG where there is none, or nothing tells its id
 */
export function knownLogId(storage: Storage, dir: string): bigint {
  const listing = listLog(storage, dir);
  const logId = holdsLog(listing) ? logIdIn(storage, listing) : undefined;
  if (logId === undefined) throw noLogIn(dir);
  return logId;
}

/** The error for a folder that does not hold the log that is asked for. */
export const otherLog = (dir: string, found: bigint, expected: bigint): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_WRONG_LOG',
    `${dir} holds log ${hexOf64(found)}, not log ${hexOf64(expected)}: it was made anew, or ` +
      'replaced. An event id of the one means nothing in the other: begin this one anew, or put ' +
      'the other one back.',
    { path: dir },
  );

/** That `dir` holds another log than that; undefined where it does not, or nothing tells. */
export function otherLogIn(storage: Storage, dir: string, logId: bigint): WalError | undefined {
  const found = orNoVote(() => readLogId(storage, dir));
  return found === undefined || found === logId ? undefined : otherLog(dir, found, logId);
}

/** The log ids in the names of the regions that LOCK names. */
export const regionLogIds = (storage: Storage, dir: string): readonly bigint[] =>
  (orNoVote(() => lockRecordIn(storage, dir).regions) ?? []).flatMap(
    (path) => logIdOfRegionName(basename(path)) ?? [],
  );

/** What cannot be read has no vote; who comes to read it for its content tells why. */
function orNoVote<Vote>(ask: () => Vote): Vote | undefined {
  try {
    return ask();
  } catch (error) {
    if (isOperational(error)) return undefined;
    throw error;
  }
}

function segmentLogId(storage: Storage, path: string): bigint | undefined {
  const header = peekSegmentHeader(storage, path);
  return header === undefined || isDefect(header) ? undefined : header.logId;
}

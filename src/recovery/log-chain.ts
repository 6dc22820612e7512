// All segments of a log but for their bodies: names, sizes, one page of each and one small read at
// its end, chained. Done at every open, whatever the mode, because a finished segment that was
// zeroed, cut, replaced or swapped shows in them, and a log of any size has few of them.
import { type ErrorCode, WalError } from '../errors.js';
import { electLogId, regionLogIds } from '../judgement/log-identity.js';
import { restoreAdvice } from '../reading/advice.js';
import {
  type ListedSegment,
  type LogListing,
  listLog,
  type MetaReading,
  readMeta,
} from '../reading/log-directory.js';
import { pinProblem } from '../reading/pin.js';
import { type ReadingMeter, silentMeter } from '../reading/reading-meter.js';
import { lookAtSegment, wrongLogError } from '../reading/segment-file.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { Storage } from '../storage/storage.js';

export interface ChainLink {
  readonly listed: ListedSegment;
  /** Of the segment's own header; undefined where that is damaged, or of another log. */
  readonly header: SegmentHeader | undefined;
  /** What is wrong with this file, as far as it shows without reading its body. */
  readonly error: WalError | undefined;
}

export interface LogChain {
  /** Undefined where no segment's header is readable. */
  readonly logId: bigint | undefined;
  /** Oldest first; the last one is the segment whose end is the log's. */
  readonly links: readonly ChainLink[];
}

/** What an open finds in the folder, before anything of it is judged. */
export interface LogSurvey {
  readonly listing: LogListing;
  readonly meta: MetaReading;
  readonly chain: LogChain;
  readonly tookNs: number;
}

/** Damage of one file; what else can go wrong with it is no statement about the log. */
const DAMAGE: ReadonlySet<ErrorCode> = new Set([
  'ERR_FLASHSTRIKE_CORRUPT',
  'ERR_FLASHSTRIKE_WRONG_LOG',
]);

/**
 * Lists the folder, and reads and chains the headers of all segments: once for all that an open
 * does, because each look at a file costs, and a log may have thousands. To be used under the
 * log's lock, where nobody else adds or removes segments.
 * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG, and as readLogChain
 */
export function surveyLog(
  storage: Storage,
  dir: string,
  meter: ReadingMeter = silentMeter(),
): LogSurvey {
  const startNs = meter.nowNs();
  const listing = listLog(storage, dir);
  const meta = readMeta(storage, dir);
  const chain = readLogChain(storage, listing, meta, meter);
  return { listing, meta, chain, tookNs: meter.nowNs() - startNs };
}

/**
 * Reads and chains the headers of all segments that are listed.
 * @throws WalError ERR_FLASHSTRIKE_UNSUPPORTED, _UNSAFE_FILE, _ACCESS, _IO
 */
function readLogChain(
  storage: Storage,
  { dir, segments }: LogListing,
  reading: MetaReading,
  meter: ReadingMeter,
): LogChain {
  const links: ChainLink[] = [];
  let successor: SegmentHeader | undefined;
  // From the last to the first: a successor's header tells where its predecessor ends.
  for (const listed of segments.toReversed()) {
    const isFollowed = successor?.segmentIndex === listed.index + 1;
    const link = readLink(storage, listed, isFollowed ? successor : undefined, meter);
    links.push(link);
    successor = link.header;
  }
  links.reverse();
  const logIds: bigint[] = [];
  for (const { header } of links) if (header !== undefined) logIds.push(header.logId);
  const logId = electLogId({
    segments: logIds,
    meta: reading.status === 'present' ? reading.meta.logId : undefined,
    regions: regionLogIds(storage, dir),
  });
  return { logId, links: links.map((link) => ofLog(link, logId)) };
}

/** A segment of another log is none: neither its events nor what it pins count here. */
function ofLog(link: ChainLink, logId: bigint | undefined): ChainLink {
  const { header, listed } = link;
  if (header === undefined || header.logId === logId) return link;
  return { listed, header: undefined, error: wrongLogError(listed.path) };
}

function readLink(
  storage: Storage,
  listed: ListedSegment,
  successor: SegmentHeader | undefined,
  meter: ReadingMeter,
): ChainLink {
  const { index, path } = listed;
  try {
    const link = lookAtSegment(storage, path, { index }, meter, (file): ChainLink => {
      const { header, bytes } = file;
      // What a segment of another log says of this one is nothing.
      const pin = successor?.logId === header.logId ? successor : undefined;
      const problem = pin && pinProblem(storage, file, pin);
      const error = problem === undefined ? undefined : pinningError(path, problem, bytes);
      return { listed, header, error };
    });
    return link ?? { listed, header: undefined, error: vanished(path) };
  } catch (error) {
    if (!(error instanceof WalError) || !DAMAGE.has(error.code)) throw error;
    return { listed, header: undefined, error };
  }
}

function pinningError(path: string, problem: string, bytes: number): WalError {
  const message = `${path} ${problem}. ${restoreAdvice(path)}`;
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset: bytes });
}

const vanished = (path: string): WalError =>
  new WalError('ERR_FLASHSTRIKE_CORRUPT', `${path} vanished. ${restoreAdvice(path)}`, { path });

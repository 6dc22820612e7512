// What lies in a log's folder and in the shared memory that belongs to it, as plain data. Cheap:
// headers, and a walk of the last segment only.

import { type ConsumerStatus, listConsumersThrough } from '../consumers/consumers.js';
import { WalError } from '../errors.js';
import { readLogId } from '../judgement/log-identity.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { type AttachedTelemetry, attachTelemetry } from '../observation/attached-telemetry.js';
import { checkDirectory } from '../reading/event-range.js';
import {
  holdsLog,
  type LogListing,
  listLog,
  type MetaReading,
  noLogIn,
  readMeta,
} from '../reading/log-directory.js';
import { isLockHeld } from '../storage/lock-holder.js';
import type { SegmentMaintainer } from '../telemetry/recorder/worker/segment-maintainer-metrics.js';
import { inspectRegion } from './inspect-region.js';
import { SegmentsInspector } from './inspect-segments.js';
import { inspectSnapshots } from './inspect-snapshots.js';
import { inspectStreams } from './inspect-streams.js';
import type {
  HeldInspection,
  LogInspection,
  MetaInspection,
  VerificationInspection,
} from './inspection.js';

export {
  isSpent,
  listSharedRegions,
  logFolders,
  type SharedRegionInspection,
} from './all-regions.js';
export type {
  LogInspection,
  RegionInspection,
  SegmentInspection,
  StreamInspection,
} from './inspection.js';
export { listOrphanRegions, type OrphanRegion, removeOrphanRegion } from './orphan-regions.js';
export { listSegmentFiles, type SegmentFiles } from './segment-files.js';

/**
 * Looks at the log in `dir` without its lock, and changes nothing.
 * @throws WalError only where nothing can be said: ERR_FLASHSTRIKE_INVALID_ARGUMENT, _NOT_A_LOG,
 * _ACCESS, _IO; a damaged file is described in its place
 */
export function inspectLog(dir: string, ports: ReadingPorts = REGION_PORTS): LogInspection {
  checkDirectory(dir);
  const listing = listLog(ports.storage, dir);
  if (!holdsLog(listing)) throw noLogIn(dir);
  const meta = readMeta(ports.storage, dir);
  const { segments, tail, logId } = new SegmentsInspector(ports, listing).run();
  const first = segments.find((segment) => segment.firstEventId !== undefined)?.firstEventId ?? 1;
  const last = segments.findLast((segment) => segment.lastEventId !== undefined)?.lastEventId;
  const lastEventId = last ?? first - 1;
  const files = { lastEventId, isEmpty: segments.length === 0 };
  const region = inspectRegion(ports, dir, logId, files);
  const consumers = listConsumersThrough(ports, dir);
  return {
    path: dir,
    logId,
    firstEventId: first,
    lastEventId,
    locked: region.status === 'in-use' || isLockHeld(ports.storage, dir),
    meta: inspectMeta(meta),
    region,
    ...(region.path === undefined ? NOT_TOLD : inspectMaintenance(dir, consumers)),
    consumers,
    streams: inspectStreams(ports.storage, dir, logId),
    snapshots: inspectSnapshots(ports.storage, dir, listing.snapshots, logId),
    segments,
    tail,
    otherNames: otherNames(listing),
  };
}

type MaintenanceInspection = Pick<LogInspection, 'verification' | 'held'>;
const NOT_TOLD: MaintenanceInspection = { verification: undefined, held: undefined };

/** What the telemetry of the log tells of its maintainer; nothing where it cannot be read. */
function inspectMaintenance(
  dir: string,
  consumers: readonly ConsumerStatus[],
): MaintenanceInspection {
  let attached: AttachedTelemetry;
  try {
    attached = attachTelemetry(dir);
  } catch (error) {
    // What is wrong with the region is told in its own place.
    if (error instanceof WalError) return NOT_TOLD;
    throw error;
  }
  try {
    const { segmentMaintainer } = attached.recorder;
    return {
      verification: inspectVerification(segmentMaintainer),
      held: inspectHeld(segmentMaintainer, consumers),
    };
  } finally {
    attached.close();
  }
}

/** Undefined where nobody asked for one, or it has not begun. */
function inspectVerification({
  verification,
  verificationSegments: segments,
}: SegmentMaintainer): VerificationInspection | undefined {
  const { successes, failures: damagedSegments } = verification;
  if (segments === 0) return undefined;
  const checkedSegments = successes + damagedSegments;
  const state = damagedSegments > 0 ? 'damaged' : checkedSegments < segments ? 'running' : 'sound';
  return { state, segments, checkedSegments, damagedSegments };
}

function inspectHeld(
  { blockedSegments, heldSegments, heldEventId }: SegmentMaintainer,
  consumers: readonly ConsumerStatus[],
): HeldInspection | undefined {
  if (blockedSegments > 0) return { reason: 'damaged', eventId: undefined, consumers: [] };
  if (heldSegments === 0) return undefined;
  const holders = consumers.filter((each) => needs(each, heldEventId));
  return { reason: 'needed', eventId: heldEventId, consumers: holders.map(({ name }) => name) };
}

/** What a damaged one needs is not known: all. One that is ahead needs more than it tells. */
const needs = ({ state, acknowledgedEventId = 0 }: ConsumerStatus, eventId: number): boolean =>
  state === 'damaged' || state === 'ahead' || (state === 'active' && acknowledgedEventId < eventId);

function inspectMeta(reading: MetaReading): MetaInspection {
  if (reading.status === 'missing') return { status: 'missing' };
  if (reading.status !== 'present') return { status: 'damaged', reason: reading.message };
  const { logId: _logId, ...point } = reading.meta;
  return { status: 'present', ...point };
}

/** The id of the log in `dir`, from a few headers; undefined where nothing tells it. */
export function findLogId(dir: string): bigint | undefined {
  try {
    return readLogId(REGION_PORTS.storage, checkDirectory(dir));
  } catch (error) {
    if (error instanceof WalError) return undefined;
    throw error;
  }
}

const otherNames = (listing: LogListing): LogInspection['otherNames'] => [
  ...listing.doubled.map((name) => ({ name, kind: 'compressed, and there as it was' })),
  ...listing.returned.map((name) => ({ name, kind: 'removed before, and back' })),
  ...listing.compressing.map((name) => ({ name, kind: 'left over' })),
  ...listing.prepared.map((name) => ({ name, kind: 'prepared' })),
  ...(listing.hasMetaTemporary ? [{ name: 'wal.meta.tmp', kind: 'prepared' }] : []),
  ...listing.unfinishedBackup.map((name) => ({ name, kind: 'of an unfinished backup' })),
  ...listing.unfinishedSnapshots.map((name) => ({ name, kind: 'an unfinished snapshot' })),
  ...listing.unknown.map((name) => ({ name, kind: 'unknown' })),
];

// What lies in a log's folder and in the shared memory that belongs to it, as plain data. Cheap:
// headers, and a walk of the last segment only.

import { join } from 'node:path';
import { WalError } from '../errors.js';
import {
  doubtful,
  type LeftRing,
  leftRing,
  lostAdvice,
  lostRegion,
  passedOverNote,
  uncertainError,
} from '../judgement/left-rings.js';
import { logIdOf } from '../judgement/log-identity.js';
import { type LogRegions, lookForRegions } from '../judgement/log-regions.js';
import { outsideClaims, type ReadingPorts } from '../judgement/reading-ports.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import type { FoundRegion } from '../judgement/region-walk.js';
import {
  judgeTail,
  missingTail,
  type OutsideClaims,
  type TailJudgement,
  tailError,
} from '../judgement/tail-judgement.js';
import { type AttachedTelemetry, attachTelemetry } from '../observation/attached-telemetry.js';
import { checkDirectory } from '../reading/event-range.js';
import {
  holdsLog,
  type ListedSegment,
  type LogListing,
  listLog,
  type MetaReading,
  noLogIn,
  readMeta,
} from '../reading/log-directory.js';
import { pinProblem } from '../reading/pin.js';
import { readFailure } from '../reading/read-failure.js';
import { readSeal } from '../reading/seal-index.js';
import { openSegment, type SegmentFile } from '../reading/segment-file.js';
import { SegmentReader } from '../reading/segment-reader.js';
import type { FolderIdentity } from '../region/folder-identity.js';
import { machineRegions } from '../region/regions.js';
import { lastThatFollows } from '../replay/ring-overlap.js';
import { LOCK_FILE } from '../segment/file-names.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { MissingTail, Verdict } from '../segment/verdict.js';
import { identifyFolder } from '../storage/identify-folder.js';
import { isLockHeld } from '../storage/lock-holder.js';

export { isSpent, listSharedRegions, type SharedRegionInspection } from './all-regions.js';
export { listOrphanRegions, type OrphanRegion, removeOrphanRegion } from './orphan-regions.js';

export interface SegmentInspection {
  /** File name without its folder. */
  readonly file: string;
  /** From the file's name. */
  readonly segmentIndex: number | undefined;
  /** Size of the file. */
  readonly bytes: number;
  /** Up to the end of the last event or watermark block; undefined where that would need a walk. */
  readonly usedBytes: number | undefined;
  readonly events: number | undefined;
  readonly firstEventId: number | undefined;
  /** firstEventId - 1 while it is empty. */
  readonly lastEventId: number | undefined;
  readonly createdTsNs: bigint | undefined;
  readonly state: 'sealed' | 'finished' | 'active' | 'damaged';
  /** What is wrong with it, in words. */
  readonly defect: string | undefined;
}

type MetaInspection =
  | {
      readonly status: 'present';
      readonly cleanlyClosed: boolean;
      readonly segmentIndex: number;
      readonly offset: number;
      readonly lastEventId: number;
      readonly durableEventId: number;
    }
  | { readonly status: 'missing' }
  | { readonly status: 'damaged'; readonly reason: string };

/** How far a verification in the background (the option `verify` of `open`) has come. */
interface VerificationInspection {
  readonly state: 'running' | 'sound' | 'damaged';
  readonly segments: number;
  readonly checkedSegments: number;
  readonly damagedSegments: number;
}

export interface RegionInspection {
  /**
   * `in-use`: its owner lives. `waiting`: it is dead, and the next opening reads the region.
   * `uncertain`: it may be this log's and hold what the files lack, and the next opening refuses to
   * choose. `gone`: events may be missing with it.
   */
  readonly status:
    | 'none'
    | 'in-use'
    | 'waiting'
    | 'uncertain'
    | 'gone'
    | 'foreign'
    | 'other-boot'
    | 'damaged'
    | 'unsupported';
  readonly path: string | undefined;
  /** Events in it that are not in the files; only for `waiting`. */
  readonly unreadEvents: number | undefined;
  readonly pid: number | undefined;
  readonly reason: string | undefined;
}

interface TailInspection {
  readonly verdict: Verdict;
  /** E of the last segment. */
  readonly offset: number;
  readonly durableEventId: number;
  readonly droppedEvents: number;
  readonly droppedBytes: number;
  /** The ids that a live copy lacks; undefined for any other verdict. */
  readonly missingTail: MissingTail | undefined;
}

export interface LogInspection {
  readonly path: string;
  readonly logId: bigint | undefined;
  /** Of what is in the files; lastEventId = firstEventId - 1 while there is none. */
  readonly firstEventId: number;
  readonly lastEventId: number;
  /** Whether a process is known to have the log open; never asked by taking the lock. */
  readonly locked: boolean;
  readonly meta: MetaInspection;
  readonly region: RegionInspection;
  /** Of the process that has the log open, or had it when it was killed; undefined without one. */
  readonly verification: VerificationInspection | undefined;
  /** Oldest first. */
  readonly segments: readonly SegmentInspection[];
  /** Undefined without a readable last segment, and while the log is being written. */
  readonly tail: TailInspection | undefined;
  /** Whatever else lies in the folder: prepared files, names that are not ours. */
  readonly otherNames: readonly { readonly name: string; readonly kind: string }[];
}

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
  return {
    path: dir,
    logId,
    firstEventId: first,
    lastEventId,
    locked: region.status === 'in-use' || isLockHeld(ports.storage, dir),
    meta: inspectMeta(meta),
    region,
    verification: region.path === undefined ? undefined : inspectVerification(dir),
    segments,
    tail,
    otherNames: otherNames(listing),
  };
}

/** Undefined where nobody asked for one, it has not begun, or nothing can be said about it. */
function inspectVerification(dir: string): VerificationInspection | undefined {
  let attached: AttachedTelemetry;
  try {
    attached = attachTelemetry(dir);
  } catch (error) {
    // What is wrong with the region is told in its own place.
    if (error instanceof WalError) return undefined;
    throw error;
  }
  try {
    const { verification, verificationSegments: segments } = attached.recorder.segmentMaintainer;
    const { successes, failures: damagedSegments } = verification;
    if (segments === 0) return undefined;
    const checkedSegments = successes + damagedSegments;
    const state =
      damagedSegments > 0 ? 'damaged' : checkedSegments < segments ? 'running' : 'sound';
    return { state, segments, checkedSegments, damagedSegments };
  } finally {
    attached.close();
  }
}

function inspectMeta(reading: MetaReading): MetaInspection {
  if (reading.status === 'missing') return { status: 'missing' };
  if (reading.status !== 'present') return { status: 'damaged', reason: reading.message };
  const { cleanlyClosed, segmentIndex, offset, lastEventId, durableEventId } = reading.meta;
  return { status: 'present', cleanlyClosed, segmentIndex, offset, lastEventId, durableEventId };
}

const otherNames = (listing: LogListing): LogInspection['otherNames'] => [
  ...listing.compressed.map((index) => ({ name: `segment ${index}`, kind: 'compressed' })),
  ...listing.prepared.map((name) => ({ name, kind: 'prepared' })),
  ...(listing.hasMetaTemporary ? [{ name: 'wal.meta.tmp', kind: 'left over' }] : []),
  ...listing.unknown.map((name) => ({ name, kind: 'unknown' })),
];

const NO_REGION: RegionInspection = {
  status: 'none',
  path: undefined,
  unreadEvents: undefined,
  pid: undefined,
  reason: undefined,
};

/** The region that matters most to who opens the log next. */
function inspectRegion(
  ports: ReadingPorts,
  dir: string,
  logId: bigint | undefined,
  files: { readonly lastEventId: number; readonly isEmpty: boolean },
): RegionInspection {
  let all: LogRegions | undefined;
  try {
    all = lookForRegions(ports.storage, machineRegions, dir, logId);
  } catch (error) {
    const path = join(dir, LOCK_FILE);
    const reason = describeDefect(readFailure(error, path));
    return { ...NO_REGION, status: 'damaged', path, reason };
  }
  const own = identifyFolder(ports.storage, dir);
  if (all === undefined || own === undefined) return NO_REGION;
  try {
    const { found } = all;
    const looked = all;
    const regions = found.map((each) => inspectFound(ports, dir, each, looked, own, files));
    const lost = files.isEmpty ? undefined : lostRegion(all, machineRegions.boot());
    if (lost !== undefined && !isLockHeld(ports.storage, dir)) {
      const reason = lostAdvice(lost, files.lastEventId);
      regions.push({ ...NO_REGION, status: 'gone', path: lost.paths[0], reason });
    }
    regions.sort((a, b) => WEIGHT.indexOf(a.status) - WEIGHT.indexOf(b.status));
    return regions[0] ?? NO_REGION;
  } finally {
    all.close();
  }
}

const WEIGHT: readonly RegionInspection['status'][] = [
  'in-use',
  'uncertain',
  'waiting',
  'gone',
  'damaged',
  'unsupported',
  'foreign',
  'other-boot',
  'none',
];

function inspectFound(
  ports: ReadingPorts,
  dir: string,
  found: FoundRegion,
  all: LogRegions,
  own: FolderIdentity,
  { lastEventId }: { readonly lastEventId: number },
): RegionInspection {
  const { path, file, whose } = found;
  if (whose === 'uncertain') {
    const region = doubtful(found, all, own);
    const next = lastEventId + 1;
    const { ring, isMissed, pid } = region;
    if (isMissed && (ring === undefined || lacks(ports, dir, ring, next))) {
      const reason = uncertainError(dir, region).message;
      return { ...NO_REGION, status: 'uncertain', path, pid, reason };
    }
  }
  if (file.status === 'missing') return NO_REGION;
  if (file.status !== 'match')
    return { ...NO_REGION, status: file.status, path, reason: file.reason };
  const { pid } = file.header;
  if (whose !== 'ours') {
    return { ...NO_REGION, status: 'foreign', path, reason: passedOverNote(found, own) };
  }
  if (file.ownerIsAlive()) return { ...NO_REGION, status: 'in-use', path, pid };
  const { unread } = leftRing(path, file);
  if (unread !== undefined && 'defect' in unread) {
    return { ...NO_REGION, status: 'damaged', path, pid, reason: unread.defect };
  }
  return { ...NO_REGION, status: 'waiting', path, pid, unreadEvents: unread?.eventCount ?? 0 };
}

/**
 * Whether the files lack what waits in a ring; so also where damage keeps them from being compared.
 */
function lacks(ports: ReadingPorts, dir: string, ring: LeftRing, nextEventId: number): boolean {
  try {
    return lastThatFollows(ports, dir, ring, nextEventId, nextEventId) !== undefined;
  } catch (error) {
    describeDefect(error);
    return true;
  }
}

/** A WalError about a file that is damaged; anything else is thrown on. */
function describeDefect(error: unknown): string {
  const isDefect =
    error instanceof WalError &&
    error.code !== 'ERR_FLASHSTRIKE_ACCESS' &&
    error.code !== 'ERR_FLASHSTRIKE_IO';
  if (!isDefect) throw error;
  return error.message;
}

class SegmentsInspector {
  readonly #ports: ReadingPorts;
  readonly #listing: LogListing;
  readonly #logId: bigint | undefined;
  #tail: TailInspection | undefined;

  constructor(ports: ReadingPorts, listing: LogListing) {
    this.#ports = ports;
    this.#listing = listing;
    this.#logId = logIdOf(ports.storage, listing);
  }

  run() {
    const { segments } = this.#listing;
    // From the last to the first: a successor's header tells where its predecessor ends.
    const inspections: SegmentInspection[] = [];
    let successor: SegmentHeader | undefined;
    for (let position = segments.length - 1; position >= 0; position--) {
      const segment = segments[position];
      if (segment === undefined) continue;
      const isLast = position === segments.length - 1;
      const isPinned = successor?.segmentIndex === segment.index + 1;
      const inspected = this.#inspect(segment, isLast, isPinned ? successor : undefined);
      inspections.unshift(inspected.inspection);
      successor = inspected.header;
    }
    return { segments: inspections, tail: this.#tail, logId: this.#logId };
  }

  #inspect(segment: ListedSegment, isLast: boolean, pin: SegmentHeader | undefined) {
    const { index, name, path, bytes } = segment;
    const base = { file: name, segmentIndex: index, bytes };
    const { storage } = this.#ports;
    let file: SegmentFile | undefined;
    try {
      file = openSegment(storage, path, { index, logId: this.#logId });
      if (file === undefined) return { inspection: { ...base, ...damaged('It was removed.') } };
      const { header } = file;
      const { firstEventId, createdTsNs } = header;
      const content = isLast ? this.#inspectLast(file) : this.#inspectFinished(file, pin);
      return { inspection: { ...base, firstEventId, createdTsNs, ...content }, header };
    } catch (error) {
      return { inspection: { ...base, ...damaged(describeDefect(error)) } };
    } finally {
      if (file !== undefined) storage.close(file.fd);
    }
  }

  #inspectFinished(file: SegmentFile, pin: SegmentHeader | undefined) {
    if (pin === undefined) {
      const unknown = { usedBytes: undefined, events: undefined, lastEventId: undefined };
      return { ...unknown, state: 'finished', defect: undefined } as const;
    }
    const { previousEndOffset: usedBytes, previousLastEventId: lastEventId } = pin;
    const events = lastEventId - file.header.firstEventId + 1;
    const problem = pinProblem(this.#ports.storage, file, pin);
    const seal = problem === undefined && readSeal(this.#ports.storage, file, usedBytes);
    const state = problem !== undefined ? 'damaged' : seal ? 'sealed' : 'finished';
    const defect = problem && `The file ${problem}.`;
    return { usedBytes, events, lastEventId, state, defect } as const;
  }

  #inspectLast(file: SegmentFile) {
    const { storage } = this.#ports;
    const { dir } = this.#listing;
    const reader = new SegmentReader(storage, file);
    while (reader.next());
    const outside = () => outsideClaims(this.#ports, dir, file.header.logId);
    const judgement = this.#judge(reader, outside);
    const { endOffset: usedBytes, lastEventId } = reader.end;
    const events = lastEventId - file.header.firstEventId + 1;
    const content = { usedBytes, events, lastEventId };
    if (judgement !== undefined) {
      this.#tail = {
        verdict: judgement.tailCase.verdict,
        offset: judgement.endOffset,
        durableEventId: judgement.claims.durableEventId,
        droppedEvents: judgement.droppedEvents,
        droppedBytes: judgement.droppedBytes,
        missingTail: missingTail(judgement),
      };
    }
    const defect = judgement && tailError(judgement)?.message;
    const sound = reader.sealed ? 'sealed' : 'active';
    return { ...content, state: defect === undefined ? sound : 'damaged', defect } as const;
  }

  /** Undefined also where wal.meta or LOCK is not usable: that is told in its own place. */
  #judge(reader: SegmentReader, outside: () => OutsideClaims): TailJudgement | undefined {
    try {
      return judgeTail(this.#ports.storage, this.#listing.dir, reader, outside);
    } catch (error) {
      describeDefect(error);
      return undefined;
    }
  }
}

const damaged = (defect: string) =>
  ({
    usedBytes: undefined,
    events: undefined,
    firstEventId: undefined,
    lastEventId: undefined,
    createdTsNs: undefined,
    state: 'damaged',
    defect,
  }) as const;

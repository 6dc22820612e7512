// The shared region of a log, as an inspection tells of it.
import { join } from 'node:path';
import {
  doubtful,
  type LeftRing,
  leftRing,
  lostAdvice,
  lostRegion,
  passedOverNote,
  uncertainError,
} from '../judgement/left-rings.js';
import { type LogRegions, lookForRegions } from '../judgement/log-regions.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import type { FoundRegion } from '../judgement/region-walk.js';
import { readFailure } from '../reading/read-failure.js';
import type { FolderIdentity } from '../region/folder-identity.js';
import { machineRegions } from '../region/regions.js';
import { lastThatFollows } from '../replay/ring-overlap.js';
import { LOCK_FILE } from '../segment/file-names.js';
import { identifyFolder } from '../storage/identify-folder.js';
import { isLockHeld } from '../storage/lock-holder.js';
import { describeDefect } from './describe-defect.js';
import type { RegionInspection } from './inspection.js';

const NO_REGION: RegionInspection = {
  status: 'none',
  path: undefined,
  unreadEvents: undefined,
  pid: undefined,
  reason: undefined,
};

/** The region that matters most to who opens the log next. */
export function inspectRegion(
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

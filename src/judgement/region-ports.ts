// What readers learn from the shared regions of a log, in this or any other process: the durable id
// of a log that is being written, and the events that a crashed process left behind. Read with
// pread; nothing is mapped, locked for longer than a look, or removed.

import { readBuffer } from '../reading/segment-reader.js';
import { machineRegions, type Regions } from '../region/regions.js';
import { RingControlLayout } from '../ring/ring-control.js';
import { durableEventIdOf } from '../ring/ring-snapshot.js';
import { identifyFolder } from '../storage/identify-folder.js';
import { isLockHeld } from '../storage/lock-holder.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import {
  byFirstEvent,
  type DoubtfulRegion,
  doubtful,
  type LeftRegions,
  type LeftRing,
  leftRing,
  lostRegion,
  NO_REGIONS,
  passedOverNote,
} from './left-rings.js';
import { readLogId } from './log-identity.js';
import { type LogRegions, lookForRegions } from './log-regions.js';
import type { ReadingPorts } from './reading-ports.js';
import { regionBell } from './region-bell.js';

/** The highest durable id that a region of this boot and this log tells; undefined without one. */
function regionDurable(
  regions: Regions,
  storage: Storage,
  directory: string,
  logId: bigint | undefined,
): number | undefined {
  const all = lookForRegions(storage, regions, directory, logId);
  let durable: number | undefined;
  try {
    for (const { file, whose } of all?.found ?? []) {
      if (whose !== 'ours' || file.status !== 'match') continue;
      const latch = file.readLatch('control', RingControlLayout.offset.durablePoint);
      durable = Math.max(durable ?? 0, durableEventIdOf(latch));
    }
  } finally {
    all?.close();
  }
  return durable;
}

/** What processes that are gone left for the next open; nothing where their process lives. */
function leftRegions(regions: Regions, storage: Storage, directory: string): LeftRegions {
  const all = lookForRegions(storage, regions, directory, readLogId(storage, directory));
  if (all === undefined) return NO_REGIONS;
  try {
    return sorted(all, storage, directory, regions.boot());
  } finally {
    all.close();
  }
}

function sorted(
  all: LogRegions,
  storage: Storage,
  directory: string,
  boot: string | undefined,
): LeftRegions {
  const own = identifyFolder(storage, directory);
  if (own === undefined) return NO_REGIONS;
  const rings: LeftRing[] = [];
  const doubts: DoubtfulRegion[] = [];
  const notes: string[] = [];
  let isOpen = false;
  for (const found of all.found) {
    const { file, path, whose } = found;
    if (whose === 'ours' && file.status === 'match') {
      if (file.ownerIsAlive()) isOpen = true;
      else rings.push(leftRing(path, file));
    } else if (whose === 'uncertain') {
      const region = doubtful(found, all, own);
      if (region.isMissed) doubts.push(region);
      else notes.push(passedOverNote(found, own));
    } else notes.push(passedOverNote(found, own));
  }
  rings.sort(byFirstEvent);
  // An open that is under way names its region before it is there, and a close after it was.
  if (isOpen || isLockHeld(storage, directory)) return { ...NO_REGIONS, rings };
  return { rings, doubtful: doubts, notes, lost: lostRegion(all, boot) };
}

/** Files and regions; nothing rings. */
export const regionPorts = (storage: Storage, regions: Regions): ReadingPorts =>
  Object.freeze({
    storage,
    readBuffer,
    regionDurable: (directory: string, logId: bigint | undefined) =>
      regionDurable(regions, storage, directory, logId),
    leftRegions: (directory: string) => leftRegions(regions, storage, directory),
    bell: () => undefined,
  });

/** The files of a folder and the regions of this machine, with the bell of who has the log open. */
export const machineReadingPorts = (storage: Storage): ReadingPorts =>
  Object.freeze({
    ...regionPorts(storage, machineRegions),
    bell: (...asked: Parameters<ReadingPorts['bell']>) => regionBell(storage, ...asked),
  });

/** Those of this machine: what every reader of this package works with. */
export const REGION_PORTS: ReadingPorts = machineReadingPorts(nodeStorage);

// What readers learn from the shared region that LOCK names, in this or any other process: the
// durable id of a log that is being written, and the events that a crashed process left behind.
// Read with pread; nothing is mapped, locked for longer than a look, or removed.
import type { UnusableRegion } from '../memory/region-file.js';
import { type LeftRegion, machineRegions, type Regions } from '../memory/regions.js';
import { RingControlLayout } from '../ring/ring-control.js';
import {
  durableEventIdOf,
  ringOfSections,
  unreadEvents,
  writtenEventIdOf,
} from '../ring/ring-snapshot.js';
import { identifyFolder } from '../storage/identify-folder.js';
import { readLockRecord } from '../storage/lock-file.js';
import { isLockHeld } from '../storage/lock-holder.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import { type LeftRegions, type LeftRing, missingNote, unusableNote } from './left-rings.js';
import { reading } from './read-failure.js';
import type { ReadingPorts } from './reading-ports.js';
import { readBuffer } from './segment-reader.js';

/** Calls `look` with each region that LOCK names, and closes it again. */
function forEachRegion(
  regions: Regions,
  storage: Storage,
  directory: string,
  logId: bigint | undefined,
  look: (file: LeftRegion | UnusableRegion, path: string) => void,
): void {
  const { regions: paths } = readLockRecord(storage, directory);
  const folder = identifyFolder(storage, directory);
  if (folder === undefined) return;
  for (const path of paths) {
    const expected = { logId, folder };
    const file = reading(path, () => regions.open(path, expected));
    try {
      look(file, path);
    } finally {
      if (file.status === 'match') file.close();
    }
  }
}

/** The highest durable id that a region of this boot tells; undefined without a region. */
function regionDurable(
  regions: Regions,
  storage: Storage,
  directory: string,
  logId: bigint | undefined,
): number | undefined {
  let durable: number | undefined;
  forEachRegion(regions, storage, directory, logId, (file) => {
    if (file.status !== 'match') return;
    durable = Math.max(
      durable ?? 0,
      durableEventIdOf(file.readLatch('control', RingControlLayout.offset.durablePoint)),
    );
  });
  return durable;
}

/** What processes that are gone left for the next open; nothing where their process lives. */
function leftRegions(regions: Regions, storage: Storage, directory: string): LeftRegions {
  const rings: LeftRing[] = [];
  const notes: string[] = [];
  let missing: string | undefined;
  forEachRegion(regions, storage, directory, undefined, (file, path) => {
    if (file.status === 'missing') missing = path;
    else if (file.status !== 'match') notes.push(unusableNote(path, file.reason));
    else if (!file.ownerIsAlive()) {
      const memory = ringOfSections(file.readSection('control'), file.readSection('ring'));
      const { logId } = file.header;
      const writtenEventId = writtenEventIdOf(memory);
      rings.push({ path, logId, memory, unread: unreadEvents(memory), writtenEventId });
    }
  });
  if (missing !== undefined && rings.length === 0) notes.push(missingNote(missing));
  // An open that is under way names its region before it is there, and a close after it was.
  return { rings, notes: notes.length > 0 && isLockHeld(storage, directory) ? [] : notes };
}

/** Files and regions. */
export const regionPorts = (storage: Storage, regions: Regions): ReadingPorts =>
  Object.freeze({
    storage,
    readBuffer,
    regionDurable: (directory: string, logId: bigint | undefined) =>
      regionDurable(regions, storage, directory, logId),
    leftRegions: (directory: string) => leftRegions(regions, storage, directory),
  });

/** Those of this machine: what every reader of this package works with. */
export const REGION_PORTS: ReadingPorts = regionPorts(nodeStorage, machineRegions);

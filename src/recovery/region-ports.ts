// What readers learn from the shared region that LOCK names, in this or any other process: the
// durable id of a log that is being written, and the events that a crashed process left behind.
// Read with pread; nothing is mapped, locked for longer than a look, or removed.
import { type LeftRegion, machineRegions, type Regions } from '../memory/regions.js';
import { RingControlLayout } from '../ring/ring-control.js';
import { durableEventIdOf, ringOfSections, unreadEvents } from '../ring/ring-snapshot.js';
import { readLockRecord } from '../storage/lock-file.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import { reading } from './read-failure.js';
import type { ReadingPorts } from './reading-ports.js';
import { readBuffer } from './segment-reader.js';

/** Calls `look` with each region of the log that is of this boot. */
function withRegions(
  regions: Regions,
  storage: Storage,
  directory: string,
  logId: bigint,
  look: (file: LeftRegion) => void,
): void {
  const { regions: paths, device, inode } = readLockRecord(storage, directory);
  if (device === undefined || inode === undefined) return;
  for (const path of paths) {
    const expected = { logId, lockDevice: device, lockInode: inode };
    const file = reading(path, () => regions.open(path, expected));
    if (file.status !== 'match') continue;
    try {
      look(file);
    } finally {
      file.close();
    }
  }
}

/** The highest durable id that a region tells; undefined without a region. */
function regionDurable(
  regions: Regions,
  storage: Storage,
  directory: string,
  logId: bigint,
): number | undefined {
  let durable: number | undefined;
  withRegions(regions, storage, directory, logId, (file) => {
    durable = Math.max(
      durable ?? 0,
      durableEventIdOf(file.readLatch('control', RingControlLayout.offset.durablePoint)),
    );
  });
  return durable;
}

/**
 * Events that wait in the region of a process that is gone, for the next open to put to disk; 0
 * while their process lives.
 */
function waitingEvents(
  regions: Regions,
  storage: Storage,
  directory: string,
  logId: bigint,
): number {
  let events = 0;
  withRegions(regions, storage, directory, logId, (file) => {
    if (file.ownerIsAlive()) return;
    const unread = unreadEvents(
      ringOfSections(file.readSection('control'), file.readSection('ring')),
    );
    if (unread !== undefined && 'eventCount' in unread) events += unread.eventCount;
  });
  return events;
}

/** Files and regions. */
export const regionPorts = (storage: Storage, regions: Regions): ReadingPorts =>
  Object.freeze({
    storage,
    readBuffer,
    regionDurable: (directory: string, logId: bigint) =>
      regionDurable(regions, storage, directory, logId),
    waitingEvents: (directory: string, logId: bigint) =>
      waitingEvents(regions, storage, directory, logId),
  });

/** Those of this machine: what every reader of this package works with. */
export const REGION_PORTS: ReadingPorts = regionPorts(nodeStorage, machineRegions);

// What readers learn from the shared region that LOCK names, in this or any other process: the
// durable id of a log that is being written, and the events that a crashed process left behind.
// Read with pread; nothing is mapped, locked for longer than a look, or removed.
import { openRegionFile, type RegionFile } from '../memory/region-file.js';
import { RingControlLayout } from '../ring/ring-control.js';
import { durableEventIdOf, ringOfSections, unreadEvents } from '../ring/ring-snapshot.js';
import { readLockRecord } from '../storage/lock-file.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import type { ReadingPorts } from './reading-ports.js';

/** Calls `look` with each region of the log that is of this boot. */
function withRegions(
  storage: Storage,
  directory: string,
  logId: bigint,
  look: (file: RegionFile) => void,
): void {
  const { regions, device, inode } = readLockRecord(storage, directory);
  if (device === undefined || inode === undefined) return;
  for (const path of regions) {
    const file = openRegionFile(path, { logId, lockDevice: device, lockInode: inode });
    if (file.status !== 'match') continue;
    try {
      look(file);
    } finally {
      file.close();
    }
  }
}

/** The highest durable id that a region tells; undefined without a region. */
export function regionDurable(
  storage: Storage,
  directory: string,
  logId: bigint,
): number | undefined {
  let durable: number | undefined;
  withRegions(storage, directory, logId, (file) => {
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
export function waitingEvents(storage: Storage, directory: string, logId: bigint): number {
  let events = 0;
  withRegions(storage, directory, logId, (file) => {
    if (file.ownerIsAlive()) return;
    const unread = unreadEvents(
      ringOfSections(file.readSection('control'), file.readSection('ring')),
    );
    if (unread !== undefined && 'eventCount' in unread) events += unread.eventCount;
  });
  return events;
}

/** Files and regions: what every reader of this package works with. */
export const REGION_PORTS: ReadingPorts = Object.freeze({
  storage: nodeStorage,
  regionDurable: (directory: string, logId: bigint) => regionDurable(nodeStorage, directory, logId),
  waitingEvents: (directory: string, logId: bigint) => waitingEvents(nodeStorage, directory, logId),
});

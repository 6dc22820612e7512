// The regions that crashed openings of this log left behind: opened, checked, copied. They are read
// with pread, never mapped, and go only after what they hold is on disk.
import { basename } from 'node:path';
import { WalError } from '../errors.js';
import type { FolderIdentity } from '../memory/folder-identity.js';
import type { ExpectedIdentity } from '../memory/region-file.js';
import type { LeftRegion, Regions } from '../memory/regions.js';
import { isRegionNameOf } from '../memory/shared-region.js';
import { missingNote, unusableNote } from '../recovery/left-rings.js';
import type { RegionOutcome } from '../recovery/manager.js';
import type { RingMemory } from '../ring/ring-memory.js';
import {
  durablePointOf,
  type RingDefect,
  ringOfSections,
  skipUntil,
  type UnreadEvents,
  unreadEvents,
  writtenEventIdOf,
} from '../ring/ring-snapshot.js';

/** The ring of one region, as a copy. */
export class OldRing {
  readonly path: string;
  readonly memory: RingMemory;
  readonly unread: UnreadEvents | RingDefect | undefined;

  constructor(path: string, file: LeftRegion) {
    this.path = path;
    this.memory = ringOfSections(file.readSection('control'), file.readSection('ring'));
    this.unread = unreadEvents(this.memory);
  }

  get durableEventId(): number {
    return durablePointOf(this.memory).lastEventId;
  }

  /** Leaves out what lies before event `eventId`. */
  skipUntil(eventId: number): void {
    skipUntil(this.memory, eventId);
  }
}

export class OldRings {
  readonly #files: LeftRegion[] = [];
  readonly rings: OldRing[] = [];
  readonly notes: string[] = [];
  outcome: RegionOutcome = 'none';
  /** Events of rings that were dropped because they did not connect. */
  droppedEvents = 0;

  add(path: string, file: LeftRegion): void {
    this.#files.push(file);
    // The lock of the log should tell, but it may have been replaced, or the log opened without.
    if (file.ownerIsAlive()) {
      throw new WalError(
        'ERR_FLASHSTRIKE_LOCKED',
        `${path} is in use: the log is open in another process (${file.header.pid}), or a second ` +
          'time in this one. Close it there first; reading needs no lock.',
        { path },
      );
    }
    this.rings.push(new OldRing(path, file));
    this.outcome = 'recovered';
  }

  reject(
    path: string,
    outcome: Exclude<RegionOutcome, 'none' | 'recovered' | 'missing'>,
    why: string,
  ): void {
    this.notes.push(unusableNote(path, why));
    if (this.outcome === 'none') this.outcome = outcome;
  }

  miss(path: string): void {
    this.notes.push(missingNote(path));
    if (this.outcome === 'none') this.outcome = 'missing';
  }

  drop(ring: OldRing, why: string): void {
    const { unread } = ring;
    if (unread !== undefined && 'eventCount' in unread) this.droppedEvents += unread.eventCount;
    this.notes.push(`The ring in ${ring.path} was dropped: ${why}.`);
    this.outcome = 'damaged';
  }

  /** The highest id that a region of this boot calls durable. */
  get durableEventId(): number | undefined {
    if (this.rings.length === 0) return undefined;
    return Math.max(...this.rings.map((ring) => ring.durableEventId));
  }

  /** Id of the last event that a process of this boot had handed to the kernel; 0 for none. */
  get writtenEventId(): number {
    return Math.max(0, ...this.rings.map(({ memory }) => writtenEventIdOf(memory)));
  }

  /** The longest event or batch that waits: the openings before may have had larger segments. */
  get longestBytes(): number {
    return Math.max(
      0,
      ...this.rings.map(({ unread }) =>
        unread !== undefined && 'longestBytes' in unread ? unread.longestBytes : 0,
      ),
    );
  }

  /** Unlinks the regions: all they held is on disk. */
  remove(): void {
    for (const file of this.#files) file.unlink();
    this.close();
  }

  close(): void {
    for (const file of this.#files.splice(0)) file.close();
  }
}

/**
 * Opens what the lock file names.
 * @param logId the log's id, undefined where the folder does not tell it
 */
export function openOldRings(
  regions: Regions,
  paths: readonly string[],
  folder: FolderIdentity,
  logId: bigint | undefined,
): OldRings {
  const found = new OldRings();
  const expected: ExpectedIdentity = { logId, folder };
  let missing: string | undefined;
  try {
    for (const path of paths) {
      const file = regions.open(path, expected);
      if (file.status === 'match') found.add(path, file);
      else if (file.status === 'damaged' && wasUnfinished(regions, path, logId)) continue;
      else if (file.status === 'missing') missing = path;
      else found.reject(path, file.status, file.reason);
    }
    // Beside a region that is there, the missing one is that of an open that was cut short.
    if (missing !== undefined && found.rings.length === 0) found.miss(missing);
  } catch (error) {
    found.close();
    throw error;
  }
  return found;
}

/**
 * Removes a region that a crash left unfinished: nothing was ever appended to it. LOCK can name any
 * file, so its name must tell that it was made for this log.
 */
const wasUnfinished = (regions: Regions, path: string, logId: bigint | undefined): boolean =>
  logId !== undefined && isRegionNameOf(logId, basename(path)) && regions.removeUnfinished(path);

// What a follower in any process waits by: the bell of the writer that has the log open; see
// recorder/writer/follower-bell.ts for the other side. Nothing is mapped: wishes are written and
// what is durable is read by system calls, so that a short or forged region kills nobody.
import { isOperational } from '../errors.js';
import { readNumber } from '../memory/sequence-latch.js';
import type { RegionFile } from '../region/region-file.js';
import { machineRegions } from '../region/regions.js';
import { WatchedRegion } from '../region/watched-region.js';
import { RINGS_MAX, RingControlLayout } from '../ring/ring-control.js';
import { durableEventIdOf } from '../ring/ring-snapshot.js';
import type { Storage } from '../storage/storage.js';
import type { Bell, BellFor } from './bell.js';
import { readMarks, walkRegions } from './region-walk.js';

const { offset } = RingControlLayout;
const WISH = new Int32Array([RINGS_MAX]);

interface Source {
  /** Offsets in the control section. */
  readonly wish: number;
  readonly latch: number;
  readonly eventIdIn: (latch: Int32Array) => number;
}

const SOURCES: Readonly<Record<BellFor, Source>> = {
  durable: {
    wish: offset.durableRings,
    latch: offset.durablePoint,
    eventIdIn: durableEventIdOf,
  },
  written: {
    wish: offset.writtenRings,
    latch: offset.writtenEventId,
    eventIdIn: (latch) => readNumber(latch, 0),
  },
};

/** A region's file, as far as a bell needs it. */
export interface BellRegion {
  readonly file: Pick<RegionFile, 'readSectionInto' | 'readLatch' | 'writeSection'>;
  readonly isLive: boolean;
  close(): void;
}

export class RegionBell implements Bell {
  readonly #region: BellRegion;
  readonly #source: Source;
  readonly #word = new Int32Array(1);
  readonly #bytes = new Uint8Array(this.#word.buffer);

  constructor(region: BellRegion, kind: BellFor) {
    this.#region = region;
    this.#source = SOURCES[kind];
  }

  listen(): number | undefined {
    try {
      return this.#listen();
    } catch (error) {
      // A region that was cut short, or takes no write: whoever cannot be woken looks by himself.
      if (isOperational(error)) return undefined;
      throw error;
    }
  }

  #listen(): number | undefined {
    if (!this.#region.isLive || this.#read(offset.rung) === 0) return undefined;
    const { wish, latch, eventIdIn } = this.#source;
    const { file } = this.#region;
    if (this.#read(wish) === 0) file.writeSection('control', wish, WISH);
    // Behind the wish: what was published before the writer could find it is seen here.
    return eventIdIn(file.readLatch('control', latch));
  }

  #read(at: number): number {
    this.#region.file.readSectionInto('control', at, this.#bytes, this.#bytes.length);
    return this.#word[0] as number;
  }

  close(): void {
    this.#region.close();
  }
}

/**
 * The bell of the process that has the log in `dir` open; undefined where there is none to be had:
 * the log is closed, its region is not in a file, or this process may not write to that.
 * @param onRing called from the event loop
 */
export function regionBell(
  storage: Storage,
  dir: string,
  logId: bigint | undefined,
  kind: BellFor,
  onRing: () => void,
): Bell | undefined {
  try {
    const watched = watchedRegion(storage, dir, logId, onRing);
    return watched && new RegionBell(watched, kind);
  } catch (error) {
    // No more files may be open or watched, or the region is read-only here: then there is none.
    if (isOperational(error)) return undefined;
    throw error;
  }
}

function watchedRegion(
  storage: Storage,
  dir: string,
  logId: bigint | undefined,
  onRing: () => void,
): WatchedRegion | undefined {
  const marks = readMarks(storage, dir);
  if (marks === undefined) return undefined;
  const given = { storage, regions: machineRegions, folders: [] };
  const { found, close } = walkRegions({ ...marks, ...given, logId });
  try {
    let youngest: RegionFile | undefined;
    for (const { file, whose } of found) {
      if (whose !== 'ours' || file.status !== 'match') continue;
      const isYounger =
        youngest === undefined || file.header.monotonicAnchorNs > youngest.header.monotonicAnchorNs;
      if (isYounger) youngest = file;
    }
    return youngest && WatchedRegion.of(youngest, onRing);
  } finally {
    close();
  }
}

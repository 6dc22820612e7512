// One region a log, in memory that several threads, and with the mapped adapter the next process,
// see: header page, telemetry, control words, ring. A port with two adapters.
import { dirname, resolve } from 'node:path';
import { isOperational, WalError } from '../errors.js';
import { type Random64, random64 } from '../random.js';
import {
  adoptMapped,
  attachMapped,
  createMappedRegion,
  ownKeeper,
  type RegionHost,
  type RegionKeeper,
} from './mapped-region.js';
import { adoptPortable, attachPortable, createPortableRegion } from './portable-region.js';
import {
  heartbeatIndex,
  type RegionRequest,
  type Section,
  type SectionName,
  type Sections,
} from './region-layout.js';

export { ownKeeper, type RegionHost, type RegionKeeper } from './mapped-region.js';
export { beat, readHeartbeat } from './region-layout.js';

/**
 * What became of the region's file. `kept`: it was not to go, or the folder did not let it go.
 * `name-lost`: the name is gone or another file's by now, which was left alone.
 */
export type ReleaseOutcome = 'removed' | 'kept' | 'name-lost' | 'no-file';

export interface SharedRegion {
  readonly adapter: 'mapped' | 'portable';
  /** The file, for the mapped adapter. */
  readonly path: string | undefined;
  readonly buffer: ArrayBufferLike;
  /** Where the region begins in `buffer`: there the address is a multiple of 4096. */
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Views over the whole region; indexes count from its start. */
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** Plain data that another thread of this process attaches by. */
  readonly handle: RegionHandle;
  /** A section's place in `buffer`, counted from the buffer's start; its address is a page's. */
  section(name: SectionName): Section;
  /**
   * Gives memory, file and lock back. The region's own views are empty then. Whoever has kept one must
   * not use it any more: on the mapped adapter there is no memory behind it. Idempotent; only an
   * owner's call has an effect, only one thread may be the owner, and no other may use it any more.
   * @throws the system's error where the memory could not be given back; all else is done then
   */
  release(options: { readonly remove: boolean }): ReleaseOutcome;
}

export interface MappedHandle {
  readonly adapter: 'mapped';
  readonly address: number;
  readonly byteLength: number;
  readonly sections: Sections;
  readonly path: string;
  /** The descriptor that holds the region's lock; for use by number, while its thread lives. */
  readonly fd: number;
}

export interface PortableHandle {
  readonly adapter: 'portable';
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly sections: Sections;
}

export type RegionHandle = MappedHandle | PortableHandle;

/** The region of another thread of this process; releasing it is the owner's. */
export const attachRegion = (handle: RegionHandle): SharedRegion =>
  handle.adapter === 'mapped' ? attachMapped(handle) : attachPortable(handle);

/**
 * The same, and this thread becomes the owner; the thread that was it must not release any more.
 * @param keeper who holds the region's lock for this thread
 */
export const adoptRegion = (
  handle: RegionHandle,
  keeper: RegionKeeper = ownKeeper,
): SharedRegion =>
  handle.adapter === 'mapped' ? adoptMapped(handle, keeper) : adoptPortable(handle);

/** Where regions are made unless an option says otherwise. */
export const DEFAULT_REGION_FOLDER = '/dev/shm';

const PREFIX = 'flashstrike-';
const NAME = /^flashstrike-[0-9a-f]{16}-[0-9a-f]{16}$/;

export const isRegionName = (name: string): boolean => NAME.test(name);

/** Whether a region's name says that it was made for the log with this id. */
export const isRegionNameOf = (logId: bigint, name: string): boolean =>
  isRegionName(name) && name.startsWith(`${PREFIX}${sixteenDigits(logId)}-`);

/** The id of the log that a region was made for, as its name tells; undefined for another name. */
export const logIdOfRegionName = (name: string): bigint | undefined =>
  isRegionName(name) ? BigInt(`0x${name.slice(PREFIX.length, PREFIX.length + 16)}`) : undefined;

/** A name that no other region has. */
export function newRegionName(logId: bigint, random: Random64 = random64): string {
  return `${PREFIX}${sixteenDigits(logId)}-${sixteenDigits(random())}`;
}

const sixteenDigits = (value: bigint): string =>
  BigInt.asUintN(64, value).toString(16).padStart(16, '0');

export interface CreatedRegion {
  readonly region: SharedRegion;
  /** Why memory is not shared with the next process although it could have been. */
  readonly fallbackReason: string | undefined;
}

/**
 * Creates a region, its file at `path`; `auto` falls back to the portable adapter and says why.
 * @throws WalError ERR_FLASHSTRIKE_SHARED_MEMORY under `required`
 */
export function createRegion(
  mode: 'auto' | 'required' | 'off',
  path: string,
  request: RegionRequest,
  host?: RegionHost,
): CreatedRegion {
  if (mode === 'off') return { region: createPortableRegion(request), fallbackReason: undefined };
  try {
    return { region: createMappedRegion(resolve(path), request, host), fallbackReason: undefined };
  } catch (error) {
    // A broken invariant of ours is no reason to go on with less.
    if (!isOperational(error)) throw error;
    const message = `no shared region could be made in ${dirname(path)}: ${error.message}`;
    if (mode === 'auto') return { region: createPortableRegion(request), fallbackReason: message };
    throw new WalError(
      'ERR_FLASHSTRIKE_SHARED_MEMORY',
      `${message}. Make room or access there, name a folder on a tmpfs with sharedMemoryDirectory, or ` +
        "open with sharedMemory: 'auto' to do without.",
      { path, cause: error },
    );
  }
}

/** Word index of a thread's heartbeat in `region.words`. */
export const heartbeatWord = (_region: SharedRegion, thread: number): number =>
  heartbeatIndex(thread);

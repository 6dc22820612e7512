// One region a log, in memory that several threads, and with the mapped adapter the next process,
// see: header page, telemetry, control words, ring. A port with two adapters.
import { randomBytes } from 'node:crypto';
import { systemCode, WalError } from '../errors.js';
import { adoptMapped, attachMapped, createMappedRegion } from './mapped-region.js';
import { adoptPortable, attachPortable, createPortableRegion } from './portable-region.js';
import type { RegionRequest, Section, SectionName } from './region-layout.js';
import { heartbeatIndex } from './region-layout.js';

export { beat } from './region-layout.js';

/** What `release` did to the region's file. */
export type ReleaseOutcome = 'removed' | 'kept' | 'name-lost' | 'no-file';

export interface SharedRegion {
  readonly adapter: 'mapped' | 'portable';
  /** The file, for the mapped adapter. */
  readonly path: string | undefined;
  readonly buffer: ArrayBufferLike;
  /** Where the region begins in `buffer`: a multiple of 64 of the address. */
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Views over the whole region; indexes count from its start. */
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** Plain data that another thread of this process attaches by. */
  readonly handle: RegionHandle;
  /** A section's place in `buffer`. */
  section(name: SectionName): Section;
  /**
   * Gives the memory back. Views stay readable for ever: they read zeros then. Idempotent; only an
   * owner's call has an effect.
   */
  release(options: { readonly remove: boolean }): ReleaseOutcome;
}

export interface MappedHandle {
  readonly adapter: 'mapped';
  readonly address: number;
  readonly byteLength: number;
  readonly path: string;
  readonly fd: number;
}

export interface PortableHandle {
  readonly adapter: 'portable';
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
}

export type RegionHandle = MappedHandle | PortableHandle;

/** The region of another thread of this process; releasing it is the owner's. */
export const attachRegion = (handle: RegionHandle): SharedRegion =>
  handle.adapter === 'mapped' ? attachMapped(handle) : attachPortable(handle);

/** The same, and this thread becomes the owner. */
export const adoptRegion = (handle: RegionHandle): SharedRegion =>
  handle.adapter === 'mapped' ? adoptMapped(handle) : adoptPortable(handle);

const PREFIX = 'flashstrike-';
const NAME = /^flashstrike-[0-9a-f]{16}-[0-9a-f]{16}$/;

export const isRegionName = (name: string): boolean => NAME.test(name);

/** A name that no other region has. */
export function newRegionName(logId: bigint): string {
  const log = logId.toString(16).padStart(16, '0');
  return `${PREFIX}${log}-${randomBytes(8).toString('hex')}`;
}

export interface CreatedRegion {
  readonly region: SharedRegion;
  /** Why memory is not shared with the next process although it could have been. */
  readonly fallbackReason: string | undefined;
}

/**
 * Creates a region; `auto` falls back to the portable adapter and says why.
 * @throws WalError ERR_FLASHSTRIKE_SHARED_MEMORY under `required`
 */
export function createRegion(
  mode: 'auto' | 'required' | 'off',
  path: string,
  request: RegionRequest,
): CreatedRegion {
  if (mode === 'off') return { region: createPortableRegion(request), fallbackReason: undefined };
  try {
    return { region: createMappedRegion(path, request), fallbackReason: undefined };
  } catch (error) {
    const code = systemCode(error);
    if (!(error instanceof WalError) && code === undefined) throw error;
    const why = error instanceof Error ? error.message : String(error);
    if (mode === 'auto') return { region: createPortableRegion(request), fallbackReason: why };
    throw new WalError(
      'ERR_FLASHSTRIKE_SHARED_MEMORY',
      `${path}: no shared region could be made (${why}). Make room there, name another folder ` +
        "with sharedMemoryDirectory, or open with sharedMemory: 'auto'.",
      { path, cause: error },
    );
  }
}

/** Word index of a thread's heartbeat in `region.words`. */
export const heartbeatWord = (_region: SharedRegion, thread: number): number =>
  heartbeatIndex(thread);

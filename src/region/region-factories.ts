// Regions are made, attached to and taken over here, whichever adapter they have.
import { dirname, resolve } from 'node:path';
import { isOperational, WalError } from '../errors.js';
import {
  adoptMapped,
  attachMapped,
  createMappedRegion,
  ownKeeper,
  type RegionHost,
  type RegionKeeper,
} from './mapped-region.js';
import { adoptPortable, attachPortable, createPortableRegion } from './portable-region.js';
import type { RegionRequest } from './region-layout.js';
import type { RegionHandle, SharedRegion } from './shared-region.js';

/**
 * The region of another thread of this process; releasing it is the owner's.
 * @param undisturbed see RegionHost
 */
export const attachRegion = (
  handle: RegionHandle,
  undisturbed?: RegionHost['undisturbed'],
): SharedRegion =>
  handle.adapter === 'mapped' ? attachMapped(handle, undisturbed) : attachPortable(handle);

/**
 * The same, and this thread becomes the owner; the thread that was it must not release any more.
 * @param keeper who holds the region's lock for this thread
 */
export const adoptRegion = (
  handle: RegionHandle,
  keeper: RegionKeeper = ownKeeper,
): SharedRegion =>
  handle.adapter === 'mapped' ? adoptMapped(handle, keeper) : adoptPortable(handle);

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
  const portable = (): SharedRegion => createPortableRegion(request, host?.spare);
  if (mode === 'off') return { region: portable(), fallbackReason: undefined };
  try {
    return { region: createMappedRegion(resolve(path), request, host), fallbackReason: undefined };
  } catch (error) {
    // A broken invariant of ours is no reason to go on with less.
    if (!isOperational(error)) throw error;
    const message = `no shared region could be created in ${dirname(path)}: ${error.message}`;
    if (mode === 'auto') return { region: portable(), fallbackReason: message };
    throw new WalError(
      'ERR_FLASHSTRIKE_SHARED_MEMORY',
      `${message}. Make room or give access there, set sharedMemoryDirectory to a folder on a ` +
        "tmpfs, or open with sharedMemory: 'auto', which works without.",
      { path, cause: error },
    );
  }
}

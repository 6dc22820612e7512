// Where shared regions come from: those of this machine, or those of a simulation, which outlive a
// crash that no process dies of.

import type { RegionHost } from './mapped-region.js';
import { type CreatedRegion, createRegion } from './region-factories.js';
import type { RegionFile, UnusableRegion } from './region-file.js';
import {
  isUnfinishedRegion,
  listRegions,
  openAnyRegionFile,
  removeUnfinishedRegion,
} from './region-file.js';
import { bootText, type RegionRequest } from './region-layout.js';

/** A region that another opening has made, read from outside. */
export type LeftRegion = Pick<
  RegionFile,
  | 'status'
  | 'path'
  | 'header'
  | 'isOwn'
  | 'owner'
  | 'ownerIsAlive'
  | 'readSection'
  | 'readLatch'
  | 'unlink'
  | 'close'
>;

/** @typeParam Region what of a region can be read: on this machine all of it */
export interface Regions<Region extends LeftRegion = LeftRegion> {
  /** See createRegion. */
  create(mode: 'auto' | 'required' | 'off', path: string, request: RegionRequest): CreatedRegion;
  /** See openAnyRegionFile. */
  open(path: string): Region | UnusableRegion;
  /** See listRegions. */
  list(directory: string): readonly string[];
  /** See bootText: regions outlive a process, and no boot. */
  boot(): string | undefined;
  /** See isUnfinishedRegion. */
  isUnfinished(path: string): boolean;
  /** See removeUnfinishedRegion. */
  removeUnfinished(path: string): boolean;
}

export const machineRegions = machineRegionsOf();

/** @param host who holds the locks of regions that are created; this thread where none is given */
export function machineRegionsOf(host?: RegionHost): Regions<RegionFile> {
  return Object.freeze({
    create: (mode: 'auto' | 'required' | 'off', path: string, request: RegionRequest) =>
      createRegion(mode, path, request, host),
    open: openAnyRegionFile,
    list: listRegions,
    boot: bootText,
    isUnfinished: isUnfinishedRegion,
    removeUnfinished: removeUnfinishedRegion,
  });
}

// What readers need from outside: files, and what the shared region of the log's process tells.

import { highestAcknowledged, readConsumers } from '../reading/consumer-files.js';
import { readBuffer } from '../reading/segment-reader.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import type { Bell, BellFor } from './bell.js';
import { type LeftRegions, NO_REGIONS } from './left-rings.js';
import type { OutsideClaims } from './tail-judgement.js';

export interface ReadingPorts {
  readonly storage: Storage;
  /** A buffer for one reader of any segment. */
  readonly readBuffer: () => Uint8Array;
  /**
   * The durable event id in the log's shared region; undefined where there is no region, or one of
   * another boot or log. Without a log id any log's: LOCK itself tells whose the region is.
   */
  readonly regionDurable: (dir: string, logId: bigint | undefined) => number | undefined;
  /** What LOCK names, as far as it is of processes that are gone. */
  readonly leftRegions: (dir: string) => LeftRegions;
  /** What tells that there is more to read; undefined where nobody does. */
  readonly bell: (
    dir: string,
    logId: bigint | undefined,
    kind: BellFor,
    onRing: () => void,
  ) => Bell | undefined;
}

/** Files only: what a reader of another machine's copy knows. */
export const FILE_PORTS: ReadingPorts = Object.freeze({
  storage: nodeStorage,
  readBuffer,
  regionDurable: () => undefined,
  leftRegions: () => NO_REGIONS,
  bell: () => undefined,
});

/** @throws WalError where LOCK, the region or the folder cannot be read */
export const outsideClaims = (
  ports: ReadingPorts,
  dir: string,
  logId: bigint | undefined,
): OutsideClaims => ({
  region: ports.regionDurable(dir, logId),
  acknowledgement: highestAcknowledged(readConsumers(ports.storage, dir, logId)),
});

/** The highest event id that they call durable; 0 for none. */
export const highestOutside = ({ region = 0, acknowledgement = 0 }: OutsideClaims): number =>
  Math.max(region, acknowledgement);

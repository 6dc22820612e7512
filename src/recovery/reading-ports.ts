// What readers need from outside: files, and what the shared region of the log's process tells.
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import { readBuffer } from './segment-reader.js';
import type { OutsideClaims } from './tail-judgement.js';

export interface ReadingPorts {
  readonly storage: Storage;
  /** A buffer for one reader of any segment. */
  readonly readBuffer: () => Uint8Array;
  /**
   * The durable event id in the log's shared region; undefined where there is no region, or one of
   * another boot or log.
   */
  readonly regionDurable: (dir: string, logId: bigint) => number | undefined;
  /** Events that wait in the region of a process that is gone; 0 where there is none. */
  readonly waitingEvents: (dir: string, logId: bigint) => number;
}

/** Files only: what a reader of another machine's copy knows. */
export const FILE_PORTS: ReadingPorts = Object.freeze({
  storage: nodeStorage,
  readBuffer,
  regionDurable: () => undefined,
  waitingEvents: () => 0,
});

export const outsideClaims = (ports: ReadingPorts, dir: string, logId: bigint): OutsideClaims => ({
  region: ports.regionDurable(dir, logId),
});

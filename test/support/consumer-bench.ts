// A log of three segments on a disk in memory, and what its consumers need: 30 events in each of
// the first two, which are finished, and 30 in the last.
import { join } from 'node:path';
import type { ConsumerPlace } from '../../src/consumers/consumer-place.js';
import { FILE_PORTS, type ReadingPorts } from '../../src/judgement/reading-ports.js';
import { LOCK_FILE, META_FILE, segmentFileName } from '../../src/segment/file-names.js';
import { encodeMeta } from '../../src/segment/wal-meta.js';
import type { DiskSyncs } from '../../src/storage/disk-syncs.js';
import type { Storage } from '../../src/storage/storage.js';
import { SimulatedDisk } from '../simulation/simulated-disk.js';
import { FaultyStorage } from './faulty-storage.js';
import { LogBuilder } from './log-builder.js';

export const DIRECTORY = '/log';
export const EVENTS_PER_SEGMENT = 30;

/** The calls of a storage, for who waits for its syncs. */
export const syncsOf = (storage: Storage): DiskSyncs => ({
  sync: async (fd) => storage.sync(fd),
  syncDirectory: async (path) => storage.syncDirectory(path),
});

function put(storage: Storage, path: string, bytes: Uint8Array): void {
  const fd = storage.open(path, 'create');
  storage.write(fd, [bytes], 0);
  storage.sync(fd);
  storage.close(fd);
}

export class ConsumerBench {
  readonly disk: SimulatedDisk;
  storage: FaultyStorage;
  readonly logId: bigint;
  nowMs = 1_700_000_000_000;
  durableEventId: number;
  lastEventId: number;

  constructor() {
    this.disk = new SimulatedDisk();
    this.storage = new FaultyStorage(this.disk);
    const builder = new LogBuilder(DIRECTORY);
    for (let segment = 1; segment <= 3; segment++) builder.segment().events(EVENTS_PER_SEGMENT);
    this.logId = builder.logId;
    this.durableEventId = builder.lastEventId;
    this.lastEventId = builder.lastEventId;
    this.disk.makeDirectory(DIRECTORY);
    for (const [index, bytes] of builder.files) {
      put(this.disk, join(DIRECTORY, segmentFileName(index)), bytes);
    }
    this.keepFrom(0);
    put(this.disk, join(DIRECTORY, LOCK_FILE), Buffer.from('{"regions":[]}'));
    this.disk.syncDirectory(DIRECTORY);
    this.disk.syncDirectory('/');
  }

  get ports(): ReadingPorts {
    return { ...FILE_PORTS, storage: this.storage };
  }

  get place(): ConsumerPlace {
    return {
      ports: this.ports,
      syncs: syncsOf(this.storage),
      dir: DIRECTORY,
      logId: this.logId,
      lock: 'none',
      wallClockMs: () => this.nowMs,
      isDurable: (eventId) => eventId <= this.durableEventId,
      isThere: (eventId) => eventId <= this.lastEventId,
    };
  }

  /** Retention says in wal.meta from which event on it keeps all; 0: it has removed nothing yet. */
  keepFrom(firstKeptEventId: number): void {
    const { logId, durableEventId } = this;
    const lastEventId = durableEventId;
    const point = { segmentIndex: 3, offset: 4096, lastEventId, durableEventId };
    const meta = encodeMeta({ cleanlyClosed: false, logId, firstKeptEventId, ...point });
    const path = join(DIRECTORY, META_FILE);
    if (this.disk.statusAt(path) !== undefined) this.disk.unlink(path);
    put(this.disk, path, meta);
    this.disk.syncDirectory(DIRECTORY);
  }

  /** Another process: what was open is not any more. */
  restart(): void {
    this.storage = new FaultyStorage(this.disk);
  }

  /** As retention does it: the oldest goes first. */
  removeSegment(index: number): void {
    this.disk.unlink(join(DIRECTORY, segmentFileName(index)));
    this.disk.syncDirectory(DIRECTORY);
  }
}

// Key-value stores with the event's id as the key, and the file of a logger.
import { fsyncSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { loadPeer, missingPackage, type Peer } from './peer.js';

interface Lmdb {
  open(options: object): {
    put(key: number, value: Uint8Array): Promise<boolean>;
    readonly flushed: Promise<boolean>;
    getCount(): number;
    close(): Promise<void>;
  };
}

const lmdb: Peer = {
  name: 'lmdb, flushed',
  survives: 'power cut',
  missing: missingPackage('lmdb'),
  open(path) {
    const database = loadPeer<Lmdb>('lmdb').open({
      path,
      encoding: 'binary',
      keyEncoding: 'uint32',
    });
    let id = 0;
    return {
      async record(payload) {
        await database.put(++id, payload);
        await database.flushed;
      },
      async recordAll(payloads) {
        await Promise.all(payloads.map((payload) => database.put(++id, payload)));
        await database.flushed;
      },
      async countAndClose() {
        const count = database.getCount();
        await database.close();
        return count;
      },
    };
  },
};

interface Level {
  ClassicLevel: new (
    path: string,
    options: object,
  ) => {
    put(key: string, value: Uint8Array, options: object): Promise<void>;
    batch(operations: readonly object[], options: object): Promise<void>;
    keys(): { all(): Promise<string[]> };
    close(): Promise<void>;
  };
}

const KEY_DIGITS = 12;

const classicLevel = (sync: boolean): Peer => ({
  name: `classic-level, sync: ${sync}`,
  survives: sync ? 'power cut' : 'kill -9',
  missing: missingPackage('classic-level'),
  open(path) {
    const { ClassicLevel } = loadPeer<Level>('classic-level');
    const database = new ClassicLevel(path, { valueEncoding: 'view' });
    let id = 0;
    const nextKey = (): string => String(++id).padStart(KEY_DIGITS, '0');
    return {
      record: (payload) => database.put(nextKey(), payload, { sync }),
      recordAll(payloads) {
        const put = (value: Uint8Array): object => ({ type: 'put', key: nextKey(), value });
        return database.batch(payloads.map(put), { sync });
      },
      async countAndClose() {
        const keys = await database.keys().all();
        await database.close();
        return keys.length;
      },
    };
  },
});

interface Boom {
  write(data: Uint8Array): boolean;
  readonly fd: number;
  flushSync(): void;
  end(): void;
  once(event: string, listener: () => void): void;
}

/** More than a batch, and less than it writes at once. */
const GATHERED_BYTES = 8192;

const sonicBoom = (fsync: boolean): Peer => ({
  name: `sonic-boom, sync${fsync ? ', fsync' : ''}`,
  survives: fsync ? 'power cut' : 'kill -9',
  missing: missingPackage('sonic-boom'),
  async open(path) {
    const dest = join(path, 'events');
    const { SonicBoom } = loadPeer<{ SonicBoom: new (options: object) => Boom }>('sonic-boom');
    const openWith = (minLength: number): Promise<Boom> =>
      new Promise((resolve) => {
        const boom = new SonicBoom({ dest, sync: true, fsync, minLength, contentMode: 'buffer' });
        boom.once('ready', () => resolve(boom));
      });
    // One that writes at once, and one that gathers until it is told to flush.
    const [single, gathering] = [await openWith(0), await openWith(GATHERED_BYTES)];
    let bytes = 1;
    return {
      record(payload) {
        bytes = payload.length;
        single.write(payload);
        return undefined;
      },
      recordAll(payloads) {
        bytes = payloads[0]?.length ?? 1;
        for (const payload of payloads) gathering.write(payload);
        gathering.flushSync();
        // Its own option syncs what it writes by itself, and not what it is told to flush.
        if (fsync) fsyncSync(gathering.fd);
        return undefined;
      },
      countAndClose() {
        single.end();
        gathering.end();
        return statSync(dest).size / bytes;
      },
    };
  },
});

export const STORES: readonly Peer[] = [
  lmdb,
  classicLevel(false),
  classicLevel(true),
  sonicBoom(false),
  sonicBoom(true),
];

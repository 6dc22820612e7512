// One event after another, each on disk before the next: durable() beside write + fdatasync of the
// same bytes and beside products that promise the same.
import { closeSync, fdatasyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { scale, scaled, withFolder } from './harness/folder.js';
import { Latencies } from './harness/latencies.js';
import type { Row } from './harness/result.js';
import { benchmark, type Run } from './harness/run.js';
import { ratioOf, type Sample, type Way } from './harness/turns.js';
import { PEERS } from './peers/all.js';
import type { Peer, Store } from './peers/peer.js';

const SAMPLES = scaled(100);
/** Of each product in a round. */
const TURNS = 6;
const WARM_UP = scaled(300);
const SAMPLES_WITH_PAUSES = scaled(25);
/** Longer than any thread stays awake for the next event. */
const PAUSE_MS = 5;
const PAYLOAD = new Uint8Array(40).fill(0x5a);
/** Header and frame of a block with one event: what a commit writes. */
const BLOCK = Buffer.alloc(128, 0x5a);
const PREPARED_BYTES = scale < 1 ? 2 ** 20 : 16 * 2 ** 20;

const BOUND = 'write + fdatasync of the same bytes';
const OURS = 'Flashstrike append + durable()';
const OURS_BLOCKING = 'Flashstrike append + durableSync()';
const SQLITE = 'better-sqlite3 FULL';

/** As a prepared segment is: allocated, zero-written, synced, so that a sync has data alone. */
const bound: Peer = {
  name: BOUND,
  survives: 'power cut',
  open(path) {
    const fd = openSync(join(path, 'plain'), 'w+');
    writeSync(fd, Buffer.alloc(PREPARED_BYTES));
    fdatasyncSync(fd);
    let offset = 0;
    let count = 0;
    const write = (times: number): undefined => {
      for (let time = 0; time < times; time++) {
        offset = (offset + writeSync(fd, BLOCK, 0, BLOCK.length, offset)) % PREPARED_BYTES;
        count++;
      }
      fdatasyncSync(fd);
      return undefined;
    };
    return {
      record: () => write(1),
      recordAll: (payloads) => write(payloads.length),
      countAndClose() {
        closeSync(fd);
        return count;
      },
    };
  },
};

async function commits(store: Store, samples: number, pauseMs: number): Promise<Sample> {
  const latencies = new Latencies();
  for (let sample = 0; sample < samples; sample++) {
    if (pauseMs > 0) await delay(pauseMs);
    const startMs = performance.now();
    const done = store.record(PAYLOAD);
    if (done !== undefined) await done;
    latencies.record((performance.now() - startMs) * 1e6);
  }
  const at = (percent: number): number => latencies.percentileNs(percent) / 1e3;
  return { values: { 'p50 of a turn': at(50) }, latencies };
}

const PEERS_ON_DISK = [bound, ...PEERS.filter(({ survives }) => survives === 'power cut')];
const COLUMNS = [{ name: 'p50 of a turn', unit: 'µs' }] as const;

async function compare(
  run: Run,
  stores: ReadonlyMap<string, Store>,
  title: string,
  samples: number,
  pauseMs: number,
): Promise<ReadonlyMap<string, Row>> {
  const ways = PEERS_ON_DISK.map(({ name, missing }): Way => {
    const store = stores.get(name);
    if (store === undefined) return { name, missing: missing ?? 'not chosen', run: notThere };
    return { name, run: () => commits(store, samples, pauseMs) };
  });
  return run.compare(title, COLUMNS, ways, BOUND, TURNS);
}

const notThere = (): Promise<Sample> => Promise.reject(new Error('this peer is missing'));

await benchmark('durable', (run) =>
  withFolder(async (folder) => {
    const stores = new Map<string, Store>();
    for (const peer of PEERS_ON_DISK) {
      if (peer.missing !== undefined || !run.isWanted(peer.name)) continue;
      const path = join(folder, `store-${stores.size}`);
      mkdirSync(path);
      const store = await peer.open(path);
      stores.set(peer.name, store);
      await commits(store, WARM_UP, 0);
    }
    const alone = await compare(run, stores, 'one after another', SAMPLES, 0);
    run.goal('alone', ratioOf(alone.get(OURS), alone.get(BOUND), 'p50 of a turn'));
    run.goal('sync', ratioOf(alone.get(OURS_BLOCKING), alone.get(BOUND), 'p50 of a turn'));
    run.goal('sqlite', ratioOf(alone.get(OURS), alone.get(SQLITE), 'p50 of a turn'));
    const title = `${PAUSE_MS} ms of nothing before each`;
    const paused = await compare(run, stores, title, SAMPLES_WITH_PAUSES, PAUSE_MS);
    run.goal('paused', ratioOf(paused.get(OURS), paused.get(BOUND), 'p50 of a turn'));
    const expected = WARM_UP + run.rounds * TURNS * (SAMPLES + SAMPLES_WITH_PAUSES);
    for (const [name, store] of stores) {
      const count = await store.countAndClose();
      if (count !== expected) throw new Error(`${name}: ${count} of ${expected} events are there`);
      run.hash.add(name);
      run.hash.add(count);
    }
  }),
);

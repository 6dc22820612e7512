// Events a second at equal durability, one at a time and a hundred at a time, beside what others
// offer for it. What is counted is read back from disk.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { scale, withFolder } from './harness/folder.js';
import type { Column } from './harness/result.js';
import { benchmark } from './harness/run.js';
import type { Sample, Way } from './harness/turns.js';
import { PEERS } from './peers/all.js';
import type { Peer, Store, Survives } from './peers/peer.js';

/** Each turn lasts so long, whatever it gets done. */
const TURN_MS = 300 * Math.min(1, scale);
const BATCH = Array.from({ length: 100 }, () => new Uint8Array(40).fill(0x5a));
const COLUMNS: readonly Column[] = [
  { name: 'single', unit: '/s' },
  { name: 'batched', unit: '/s' },
];
/** Turns of synchronous work end between such chunks, so that the clock is not what is measured. */
const CHUNK = 50;

interface Timed {
  readonly events: number;
  readonly perSecond: number;
}

async function timed(eventsEach: number, work: () => Promise<unknown> | undefined): Promise<Timed> {
  const startMs = performance.now();
  let calls = 0;
  let elapsedMs = 0;
  while (elapsedMs < TURN_MS) {
    for (let call = 0; call < CHUNK && elapsedMs < TURN_MS; call++, calls++) {
      const done = work();
      if (done === undefined) continue;
      await done;
      elapsedMs = performance.now() - startMs;
    }
    elapsedMs = performance.now() - startMs;
  }
  const events = calls * eventsEach;
  return { events, perSecond: (events / elapsedMs) * 1e3 };
}

async function measure({ name, open }: Peer, path: string): Promise<Sample> {
  mkdirSync(path);
  const store: Store = await open(path);
  const [payload = new Uint8Array()] = BATCH;
  const single = await timed(1, () => store.record(payload));
  const batched = await timed(BATCH.length, () => store.recordAll(BATCH));
  const count = await store.countAndClose();
  const expected = single.events + batched.events;
  if (count !== expected) throw new Error(`${name}: ${count} of ${expected} events are there`);
  return { values: { single: single.perSecond, batched: batched.perSecond } };
}

const LEVELS: readonly { readonly survives: Survives; readonly baseline: string }[] = [
  { survives: 'power cut', baseline: 'fs.writeSync + fdatasyncSync' },
  { survives: 'kill -9', baseline: 'fs.writeSync' },
];

await benchmark('peers', async (run) => {
  for (const { survives, baseline } of LEVELS) {
    await withFolder((folder) => {
      let stores = 0;
      const ways = PEERS.filter((peer) => peer.survives === survives).map(
        (peer): Way => ({
          name: peer.name,
          missing: peer.missing,
          run: () => measure(peer, join(folder, `store-${++stores}`)),
        }),
      );
      return run.compare(`survives a ${survives}`, COLUMNS, ways, baseline);
    });
  }
});

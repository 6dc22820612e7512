// Goal: what `durable()` of one event costs beside write + fdatasync of the same bytes, in one run,
// the two taking turns so that the disk's moods hit both. Non-goal: throughput of many at once.
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Wal } from '../src/index.js';
import { NS_PER_MS } from '../src/units.js';
import { percentile, printLatencies, printMachine, scaled, withFolder } from './harness.js';

const SAMPLES = scaled(4000);
const WARM_UP = scaled(2000);
const PAYLOAD = new Uint8Array(40).fill(0x5a);
/** Header and frame of a block with one event: what a commit writes. */
const BLOCK_BYTES = 128;

printMachine(`durable: ${SAMPLES} commits of one 40-byte event, one after the other`);
await withFolder(async (folder) => {
  const wal = await Wal.open(join(folder, 'log'));
  const fd = openSync(join(folder, 'plain'), 'w+');
  // As a prepared segment is: allocated, zero-written, synced, so that a commit syncs data alone.
  writeSync(fd, Buffer.alloc(64 * 1024 * 1024));
  fdatasyncSync(fd);
  const block = Buffer.alloc(BLOCK_BYTES, 0x5a);
  const plain = new Float64Array(SAMPLES);
  const durable = new Float64Array(SAMPLES);
  for (let sample = -WARM_UP; sample < SAMPLES; sample++) {
    const start = performance.now();
    writeSync(fd, block, 0, BLOCK_BYTES, (sample + WARM_UP) * BLOCK_BYTES);
    fdatasyncSync(fd);
    const between = performance.now();
    wal.append(PAYLOAD);
    await wal.durable();
    const end = performance.now();
    if (sample < 0) continue;
    plain[sample] = (between - start) * NS_PER_MS;
    durable[sample] = (end - between) * NS_PER_MS;
  }
  closeSync(fd);
  await wal.close();
  printLatencies('write + fdatasync of the same bytes', plain);
  printLatencies('append + durable()', durable);
  const ratio = percentile(durable.sort(), 0.5) / percentile(plain.sort(), 0.5);
  console.log(`p50 ratio ${ratio.toFixed(2)} (goal: at most 1.5)`);
});

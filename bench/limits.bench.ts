// What the machine allows: stores into typed arrays, a clock reading, and the disk by itself.
import { scaled, withFolder } from './harness/folder.js';
import { Latencies } from './harness/latencies.js';
import { benchmark, type Run } from './harness/run.js';
import type { Sample, Way } from './harness/turns.js';
import { syncTimes, writevBlocks } from './limits/plain-writes.js';

const CALLS = scaled(2_000_000);
const WINDOW = 20_000;
const RING_BYTES = 16 * 2 ** 20;
const FRAME_BYTES = 64;
const WRITTEN_BYTES = scaled(256 * 2 ** 20);
const SYNCS = scaled(500);

/** Nanoseconds a call in the fastest window, and in the middle one. */
function timeCalls(run: Run, call: (at: number) => number): Sample {
  const eachNs: number[] = [];
  let result = 0;
  for (let done = 0; done < Math.max(CALLS, WINDOW); done += WINDOW) {
    const startMs = performance.now();
    for (let at = 0; at < WINDOW; at++) result += call(at);
    eachNs.push(((performance.now() - startMs) * 1e6) / WINDOW);
  }
  run.hash.add(Number.isNaN(result) ? 'NaN' : 'number');
  eachNs.sort((one, other) => one - other);
  return {
    values: { fastest: eachNs[0] ?? Number.NaN, median: eachNs[eachNs.length >> 1] ?? Number.NaN },
  };
}

function memoryWays(run: Run): Way[] {
  const memory = new SharedArrayBuffer(RING_BYTES);
  const [bytes, words] = [new Uint8Array(memory), new Int32Array(memory)];
  const doubles = new Float64Array(memory);
  const payload = new Uint8Array(40).fill(0x5a);
  const place = (at: number): number => (at * FRAME_BYTES) % RING_BYTES;
  const way = (name: string, call: (at: number) => number): Way => ({
    name,
    run: () => timeCalls(run, call),
  });
  return [
    way('eight Float64 stores (a frame of 64 bytes)', (at) => {
      const double = place(at) >>> 3;
      for (let each = 0; each < 8; each++) doubles[double + each] = at;
      return at;
    }),
    way('sixteen Int32 stores (the same)', (at) => {
      const word = place(at) >>> 2;
      for (let each = 0; each < 16; each++) words[word + each] = at;
      return at;
    }),
    way('Uint8Array.set of 40 bytes', (at) => {
      bytes.set(payload, place(at));
      return at;
    }),
    way('Atomics.store', (at) => Atomics.store(words, 0, at)),
    way('a plain store', (at) => {
      words[0] = at;
      return at;
    }),
    way('performance.now()', () => performance.now()),
    way('process.hrtime()', () => process.hrtime()[1]),
  ];
}

const CALL_COLUMNS = [
  { name: 'fastest', unit: 'ns' },
  { name: 'median', unit: 'ns' },
] as const;

await benchmark('limits', async (run) => {
  await run.compare('a call', CALL_COLUMNS, memoryWays(run));
  await withFolder(async (folder) => {
    const write = (name: string, blockBytes: number): Way => ({
      name,
      run() {
        const elapsedMs = writevBlocks(folder, WRITTEN_BYTES, blockBytes);
        return { values: { rate: WRITTEN_BYTES / 1e3 / elapsedMs } };
      },
    });
    const ways = [
      write('writev of 1 MiB', 2 ** 20),
      write('writev of 256 KiB', 2 ** 18),
      write('writev of 4 KiB', 2 ** 12),
    ];
    await run.compare('into fresh files', [{ name: 'rate', unit: 'MB/s' }], ways);
    const sync: Way = {
      name: 'fdatasync of one page, alone',
      run() {
        const latencies = new Latencies();
        latencies.recordAll(syncTimes(folder, SYNCS).map((ms) => ms * 1e6));
        return { values: {}, latencies };
      },
    };
    await run.compare('a sync', [], [sync]);
  });
});

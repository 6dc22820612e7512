// Goal: 20 M events of 40 bytes until all are written, beside the two rates that bound it:
// writev of 256 KiB blocks of the same bytes into fresh files, and `append` into a ring that has
// room. Non-goal: durability; nothing here waits for a sync (sync mode manual on both sides).
import { closeSync, openSync, readdirSync, rmSync, statSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Wal, type WalOptions } from '../src/index.js';
import { Telemetry } from '../src/telemetry/recorder/telemetry.js';
import { printMachine, printRate, scaled, withFolder } from './harness.js';

const EVENTS = scaled(20_000_000);
const PAYLOAD = new Uint8Array(40).fill(0x5a);
const FRAME_BYTES = 64;
const BLOCK_BYTES = 256 * 1024;
const SEGMENT_BYTES = 64 * 1024 * 1024;
const ROUNDS = 3;

/** The floor: the same bytes, in blocks, with nothing in between. */
function writevBlocks(folder: string): number {
  const header = new Uint8Array(64).fill(1);
  const block = new Uint8Array(BLOCK_BYTES).fill(0x5a);
  const bytes = EVENTS * FRAME_BYTES;
  const start = performance.now();
  let fd = -1;
  let offset = SEGMENT_BYTES;
  let files = 0;
  for (let written = 0; written < bytes; written += BLOCK_BYTES) {
    if (offset + BLOCK_BYTES + 64 > SEGMENT_BYTES) {
      if (fd >= 0) closeSync(fd);
      fd = openSync(join(folder, `plain-${files++}`), 'wx');
      offset = 0;
    }
    offset += writevSync(fd, [header, block], offset);
  }
  closeSync(fd);
  const elapsed = performance.now() - start;
  for (let file = 0; file < files; file++) rmSync(join(folder, `plain-${file}`));
  return elapsed;
}

/** `append` while the ring has room: bursts of half a ring, drained in between, off the clock. */
async function appendIntoRoom(folder: string, options: WalOptions): Promise<number> {
  const ringBytes = 64 * 1024 * 1024;
  const directory = join(folder, 'room');
  const wal = await Wal.open(directory, { ...options, ringBytes });
  const burst = ringBytes / 2 / FRAME_BYTES;
  const bursts = Math.max(1, Math.round(EVENTS / 4 / burst));
  let elapsed = 0;
  for (let round = 0; round < bursts; round++) {
    const start = performance.now();
    for (let count = 0; count < burst; count++) wal.append(PAYLOAD);
    elapsed += performance.now() - start;
    while (wal.writtenEventId < wal.lastEventId) await delay(1);
  }
  await wal.close();
  rmSync(directory, { recursive: true });
  return (elapsed / (bursts * burst)) * EVENTS;
}

interface Recorded {
  readonly elapsed: number;
  readonly telemetry: Telemetry;
  readonly bytes: number;
}

/** The product: from the first append until the kernel has the last event. */
async function recordAll(folder: string, options: WalOptions): Promise<Recorded> {
  const directory = join(folder, 'log');
  const wal = await Wal.open(directory, options);
  const start = performance.now();
  for (let count = 0; count < EVENTS; count++) wal.append(PAYLOAD);
  while (wal.writtenEventId < EVENTS) await new Promise((resolve) => setImmediate(resolve));
  const elapsed = performance.now() - start;
  const telemetry = new Telemetry();
  wal.telemetry.copyTo(telemetry);
  await wal.close();
  const names = readdirSync(directory).filter((name) => name.endsWith('.wal'));
  const bytes = names.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  rmSync(directory, { recursive: true });
  return { elapsed, telemetry, bytes };
}

function printTelemetry({ telemetry, bytes }: Recorded): void {
  const {
    getNextSegmentWaited: waits,
    getNextSegment,
    hurriedSegments,
    preparedSegments,
  } = telemetry.segmentPreparer;
  const { ringStall } = telemetry.manager;
  console.log(
    `    the writer waited ${waits} times for a segment, ` +
      `${(getNextSegment.totalNs / 1e6).toFixed(1)} ms in total; ${hurriedSegments} of ` +
      `${preparedSegments} segments were hurried; ${ringStall.samples} ring stalls, ` +
      `${(ringStall.totalNs / 1e6).toFixed(0)} ms; ${(bytes / 2 ** 20).toFixed(0)} MiB of files`,
  );
}

printMachine(`throughput: ${EVENTS} events of 40 bytes until all are written`);
await withFolder(async (folder) => {
  const coarse: WalOptions = { sync: { mode: 'manual' }, timestamps: 'coarse' };
  const precise: WalOptions = { sync: { mode: 'manual' }, timestamps: 'precise' };
  const ratios: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    console.log(`round ${round} of ${ROUNDS}`);
    const plain = printRate('  writev of 256 KiB blocks', EVENTS, writevBlocks(folder));
    const room = await appendIntoRoom(folder, coarse);
    const roomRate = printRate('  append, ring has room, coarse time', EVENTS, room);
    const roomPrecise = await appendIntoRoom(folder, precise);
    printRate('  append, ring has room, precise time', EVENTS, roomPrecise);
    const recorded = await recordAll(folder, coarse);
    const rate = printRate('  recorded and written, coarse time', EVENTS, recorded.elapsed);
    printTelemetry(recorded);
    const recordedPrecise = await recordAll(folder, precise);
    printRate('  recorded and written, precise time', EVENTS, recordedPrecise.elapsed);
    printTelemetry(recordedPrecise);
    ratios.push(rate / Math.min(plain, roomRate));
    console.log(`  ratio to the slower of the two bounds: ${(ratios.at(-1) ?? 0).toFixed(2)}`);
  }
  ratios.sort((a, b) => a - b);
  console.log(`median ratio ${(ratios[ratios.length >> 1] ?? 0).toFixed(2)} (goal: at least 0.50)`);
});

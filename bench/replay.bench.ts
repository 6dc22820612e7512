// Goal: how fast a log is read back with every checksum verified, from the page cache: by cursor,
// by iterator with one event object for all, and by iterator with an object an event, as it is by
// default. Non-goal: cold reads.
import { join } from 'node:path';
import { openCursor, replay, Wal } from '../src/index.js';
import { printMachine, printRate, scaled, withFolder } from './harness.js';

const EVENTS = scaled(10_000_000);
const PAYLOAD = new Uint8Array(40).fill(0x5a);
const ROUNDS = 3;

function byCursor(directory: string): number {
  const cursor = openCursor(directory);
  let count = 0;
  let sum = 0;
  while (cursor.next()) {
    count++;
    sum += cursor.block[cursor.payloadOffset] ?? 0;
  }
  cursor.close();
  if (sum !== count * 0x5a) throw new Error('the cursor did not read what was written');
  return count;
}

function byIterator(directory: string, reuse: boolean): number {
  let count = 0;
  let sum = 0;
  for (const event of replay(directory, { reuse })) {
    count++;
    sum += event.payload[0] ?? 0;
  }
  if (sum !== count * 0x5a) throw new Error('the iterator did not read what was written');
  return count;
}

const WAYS: readonly (readonly [string, (directory: string) => number])[] = [
  ['cursor', byCursor],
  ['iterator, reuse', (directory) => byIterator(directory, true)],
  ['iterator, separate objects', (directory) => byIterator(directory, false)],
];

printMachine(`replay: ${EVENTS} events of 40 bytes, all checksums verified`);
await withFolder(async (folder) => {
  const directory = join(folder, 'log');
  const wal = await Wal.open(directory, { sync: { mode: 'manual' } });
  for (let count = 0; count < EVENTS; count++) wal.append(PAYLOAD);
  await wal.close();
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [name, read] of WAYS) {
      const start = performance.now();
      const count = read(directory);
      printRate(`  ${name}, round ${round}`, count, performance.now() - start);
      if (count !== EVENTS) throw new Error(`${name}: ${count} of ${EVENTS} events came back`);
    }
  }
});

// The system's calls by themselves: what no log on this machine can be faster than.
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync, writevSync } from 'node:fs';
import { join } from 'node:path';

const FILE_BYTES = 64 * 2 ** 20;

/** Milliseconds for `bytes` in blocks of `blockBytes` into fresh files of 64 MiB. */
export function writevBlocks(folder: string, bytes: number, blockBytes: number): number {
  const header = new Uint8Array(64).fill(1);
  const block = new Uint8Array(blockBytes).fill(0x5a);
  const startMs = performance.now();
  let fd = -1;
  let offset = FILE_BYTES;
  let files = 0;
  for (let written = 0; written < bytes; written += blockBytes) {
    if (offset + block.length + header.length > FILE_BYTES) {
      if (fd >= 0) closeSync(fd);
      fd = openSync(join(folder, `plain-${files++}`), 'wx');
      offset = 0;
    }
    offset += writevSync(fd, [header, block], offset);
  }
  closeSync(fd);
  const elapsedMs = performance.now() - startMs;
  for (let file = 0; file < files; file++) rmSync(join(folder, `plain-${file}`));
  return elapsedMs;
}

/** Milliseconds for one write an event, as everybody writes who has no log. */
export function writeEvents(folder: string, events: number, eventBytes: number): number {
  const payload = new Uint8Array(eventBytes).fill(0x5a);
  const file = join(folder, 'events');
  const fd = openSync(file, 'wx');
  const startMs = performance.now();
  for (let event = 0; event < events; event++) writeSync(fd, payload);
  const elapsedMs = performance.now() - startMs;
  closeSync(fd);
  rmSync(file);
  return elapsedMs;
}

/** Milliseconds of each fdatasync alone, of a page that was written before off the clock. */
export function syncTimes(folder: string, count: number): Float64Array {
  const page = new Uint8Array(4096).fill(0x5a);
  const file = join(folder, 'synced');
  const fd = openSync(file, 'wx');
  writeSync(fd, new Uint8Array(2 ** 20));
  fdatasyncSync(fd);
  const timesMs = new Float64Array(count);
  for (let sync = 0; sync < count; sync++) {
    writeSync(fd, page, 0, page.length, (sync * page.length) % 2 ** 20);
    const startMs = performance.now();
    fdatasyncSync(fd);
    timesMs[sync] = performance.now() - startMs;
  }
  closeSync(fd);
  rmSync(file);
  return timesMs;
}

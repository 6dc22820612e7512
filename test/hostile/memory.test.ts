// Memory does not follow the size of a log: readers have one buffer and two open files, whatever
// lies before them.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { MIB } from '../../src/units.js';
import { runSound } from '../support/child-script.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';
import { compressFile } from '../support/lz4-frames.js';

const SEGMENT_BYTES = 16 * MIB;
const BLOCKS = 30;
const EVENTS_A_BLOCK = 500;
/** From 64 MiB on another thread verifies as well, and has memory of its own: in both of them. */
const SMALL_SEGMENTS = 5;
const LARGE_SEGMENTS = 12;
/** Of the collectors' whims, of three threads; less than half of what the larger log has more. */
const SLACK_BYTES = 48 * MIB;

/**
 * Blocks of compressed segments are unpacked into memory that the engine frees when some 32 MiB of
 * it have come together, in each of three threads (two of which read and verify ahead), however
 * much there is to read: 180 MB are, three times over.
 */
const UNPACKED_BYTES = 112 * MIB;

const SCRIPT = `
const { salvage, verify } = await import(options.index);
const { readFileSync } = await import('node:fs');
let events = 0;
for (const event of replay(directory)) events += event.payload.length > 0 ? 1 : 0;
for (const item of salvage(directory)) events += item.kind === 'event' ? 1 : 0;
const report = await verify(directory);
// Not process.resourceUsage(): its maxRSS counts the process that this one was forked from.
const [, peakKib] = /VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'));
tell(JSON.stringify([events, report.events, peakKib * 1024]));
`;

/** Highest resident memory of a process that reads a log of `segments` segments in each way. */
async function memoryFor(
  directory: string,
  segments: number,
  isCompressed = false,
): Promise<number> {
  const builder = new LogBuilder(directory, { segmentBytes: SEGMENT_BYTES, payloadBytes: 1000 });
  for (let segment = 0; segment < segments; segment++) {
    builder.segment();
    for (let block = 0; block < BLOCKS; block++) builder.events(EVENTS_A_BLOCK);
  }
  builder.watermark().meta().write();
  for (let index = 1; isCompressed && index < segments; index++) {
    compressFile(builder.pathOf(index));
  }
  const index = new URL('../../src/index.js', import.meta.url).href;
  const nodeOptions = ['--max-semi-space-size=1', '--max-old-space-size=48'];
  const [line = ''] = await runSound(SCRIPT, directory, { index }, { nodeOptions });
  const [read = 0, verified = 0, bytes = 0] = JSON.parse(line) as number[];
  const events = segments * BLOCKS * EVENTS_A_BLOCK;
  assert.deepEqual([read, verified], [2 * events, events]);
  return bytes;
}

test('replay, verify and salvage of a large log take the memory of a small one', {
  skip: existsSync('/proc/self/status') ? false : 'the peak of memory is not told here (no /proc)',
}, async (t) => {
  const small = await memoryFor(temporaryFolder(t), SMALL_SEGMENTS);
  const large = await memoryFor(temporaryFolder(t), LARGE_SEGMENTS);
  const packed = await memoryFor(temporaryFolder(t), LARGE_SEGMENTS, true);
  t.diagnostic(JSON.stringify({ small, large, packed }));
  assert.ok(large - small < SLACK_BYTES, `${large - small} bytes more`);
  assert.ok(packed - small < UNPACKED_BYTES, `${packed - small} bytes more, of compressed ones`);
});

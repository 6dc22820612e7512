// Whether a million calls allocate: several windows are looked at, because the runtime collects
// what others left. What a call allocated would show in each of them.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';

/** There `performance.now()` returns a number that has to be collected. */
export const isOlderThan24 = Number(process.versions.node.split('.')[0]) < 24;
export const BOXED_TIME = 'performance.now() itself allocates a number a call before Node 24';

/**
 * The end of a child's script, which has `run(count)`: tells of each window what was collected.
 * @param settle statements between the calls and the next window
 */
export const allocationWindows = (windows: number, settle = ''): string => `
import { PerformanceObserver } from 'node:perf_hooks';
const collections = [];
const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
observer.observe({ entryTypes: ['gc'] });
for (let window = 0; window < ${windows}; window++) {
  const heapBytes = process.memoryUsage().heapUsed;
  const startMs = performance.now();
  run(1_000_000);
  const endMs = performance.now();
  const grownBytes = process.memoryUsage().heapUsed - heapBytes;
  ${settle}
  // Collections are told in a later turn of the loop.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const during = collections.filter(({ startTime }) => startTime >= startMs && startTime <= endMs);
  tell(JSON.stringify({ collections: during.length, grownBytes }));
}
`;

interface Window {
  readonly collections: number;
  readonly grownBytes: number;
}

/** @param moreBytes that a window's calls may take beside the few hundred of the observer */
export function assertAllocatesNothing(
  t: TestContext,
  lines: readonly string[],
  windowCount: number,
  moreBytes = 0,
): void {
  const windows = lines.map((line): Window => JSON.parse(line));
  assert.equal(windows.length, windowCount);
  t.diagnostic(lines.join(' '));
  const quiet = windows.filter(({ collections }) => collections === 0);
  assert.ok(quiet.length > 0, 'each million of calls caused a collection');
  // Not one byte for ten calls.
  const limit = 100_000 + moreBytes;
  assert.ok(Math.min(...quiet.map(({ grownBytes }) => Math.abs(grownBytes))) < limit);
}

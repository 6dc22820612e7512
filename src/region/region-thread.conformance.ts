// The second thread of the conformance suite: attaches, and does what it is told.
import { parentPort } from 'node:worker_threads';
import { attachRegion } from './region-factories.js';
import type { SectionName } from './region-layout.js';
import type { RegionHandle, SharedRegion } from './shared-region.js';

export type ThreadRequest =
  | { readonly kind: 'attach'; readonly handle: RegionHandle }
  | { readonly kind: 'read'; readonly section: SectionName }
  | { readonly kind: 'write'; readonly section: SectionName; readonly value: number }
  | { readonly kind: 'release' };

let region: SharedRegion | undefined;

/** The words of a section, as far as it is memory. */
export function wordsOf(of: SharedRegion, section: SectionName): Int32Array {
  if (section === 'ring') {
    const { buffer, byteOffset } = of.ring(of.handle.firstRingBytes);
    return new Int32Array(buffer, byteOffset, of.handle.firstRingBytes / 4);
  }
  const { byteOffset, byteLength } = of.section(section);
  return new Int32Array(of.buffer, byteOffset, byteLength / Int32Array.BYTES_PER_ELEMENT);
}

function answer(request: ThreadRequest): number | string {
  if (request.kind === 'attach') {
    region = attachRegion(request.handle);
    return region.adapter;
  }
  if (region === undefined) throw new Error('attach first');
  if (request.kind === 'release') return region.release({ remove: true });
  const words = wordsOf(region, request.section);
  if (request.kind === 'write') return Atomics.store(words, 0, request.value);
  return Atomics.load(words, 0);
}

parentPort?.on('message', (request: ThreadRequest) => {
  parentPort?.postMessage(answer(request));
});

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

function answer(request: ThreadRequest): number | string {
  if (request.kind === 'attach') {
    region = attachRegion(request.handle);
    return region.adapter;
  }
  if (region === undefined) throw new Error('attach first');
  if (request.kind === 'release') return region.release({ remove: true });
  const { byteOffset } = region.section(request.section);
  const index = (byteOffset - region.byteOffset) / Int32Array.BYTES_PER_ELEMENT;
  if (request.kind === 'write') return Atomics.store(region.words, index, request.value);
  return Atomics.load(region.words, index);
}

parentPort?.on('message', (request: ThreadRequest) => {
  parentPort?.postMessage(answer(request));
});

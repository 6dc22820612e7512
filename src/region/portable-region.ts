// A region in a SharedArrayBuffer: no other process sees it, and it ends with this one. Only the
// promise of `append` is weaker; the code above is the same.

import { wordOf } from '../memory/layout.js';
import { alignedOffset } from '../memory/libc.js';
import { PAGE_BYTES } from '../units.js';
import {
  firstBytesOf,
  planSections,
  type RegionRequest,
  regionBytes,
  type Section,
  type SectionName,
  writeRegionHeader,
} from './region-layout.js';
import type { PortableHandle, ReleaseOutcome, SharedRegion } from './shared-region.js';

class PortableRegion implements SharedRegion {
  readonly adapter = 'portable';
  readonly path = undefined;
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
  words: Int32Array;
  bytes: Uint8Array;
  readonly handle: PortableHandle;
  #ring: Uint8Array;
  #owns: boolean;

  constructor(handle: PortableHandle, owns: boolean) {
    this.handle = handle;
    this.buffer = handle.buffer;
    this.byteOffset = handle.byteOffset;
    this.byteLength = handle.byteLength;
    const { ring } = handle.sections;
    this.words = new Int32Array(this.buffer, this.byteOffset, wordOf(ring.byteOffset));
    this.bytes = new Uint8Array(this.buffer, this.byteOffset, ring.byteOffset);
    this.#ring = new Uint8Array(this.buffer, this.byteOffset + ring.byteOffset, ring.byteLength);
    this.#owns = owns;
  }

  ring(): Uint8Array {
    return this.#ring;
  }

  /** All of it is memory, or becomes it at the first touch. */
  extendRing(): void {}

  /** No other process sees it. */
  writeThrough(): boolean {
    return false;
  }

  section(name: SectionName): Section {
    const { byteOffset, byteLength } = this.handle.sections[name];
    return { byteOffset: this.byteOffset + byteOffset, byteLength };
  }

  /** Empty, as the mapped adapter's views are after its release; the collector does the rest. */
  release(): ReleaseOutcome {
    if (!this.#owns) return 'kept';
    this.#owns = false;
    this.words = new Int32Array(0);
    this.bytes = new Uint8Array(0);
    this.#ring = new Uint8Array(0);
    return 'no-file';
  }
}

/** @param spare memory that nobody uses any more: taken if it has the right size */
export function createPortableRegion(
  request: RegionRequest,
  spare?: SharedArrayBuffer,
): SharedRegion {
  const sections = planSections(request);
  const byteLength = regionBytes(sections);
  const bytes = byteLength + PAGE_BYTES;
  const buffer = spare?.byteLength === bytes ? spare : new SharedArrayBuffer(bytes);
  const byteOffset = alignedOffset(buffer, PAGE_BYTES);
  const firstRingBytes = firstBytesOf(sections);
  const handle: PortableHandle = {
    adapter: 'portable',
    buffer,
    byteOffset,
    byteLength,
    sections,
    firstRingBytes,
  };
  const region = new PortableRegion(handle, true);
  // A first touch of each page would fault on the append path. What the ring does not use yet
  // stays untouched, and so does what another log has left there: no reader looks behind what is
  // appended.
  region.bytes.fill(0);
  region.ring().fill(0, 0, firstRingBytes);
  writeRegionHeader(region.words, request, sections);
  return region;
}

export const attachPortable = (handle: PortableHandle): SharedRegion =>
  new PortableRegion(handle, false);

export const adoptPortable = (handle: PortableHandle): SharedRegion =>
  new PortableRegion(handle, true);

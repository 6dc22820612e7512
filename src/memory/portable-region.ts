// A region in a SharedArrayBuffer: no other process sees it, and it ends with this one. Only the
// promise of `append` is weaker; the code above is the same.
import { CACHE_LINE_BYTES, PAGE_BYTES } from '../units.js';
import {
  decodeRegionHeader,
  planSections,
  type RegionRequest,
  regionBytes,
  type Section,
  type SectionName,
  writeRegionHeader,
} from './region-layout.js';
import { assert } from '../errors.js';
import type { PortableHandle, ReleaseOutcome, SharedRegion } from './shared-region.js';

class PortableRegion implements SharedRegion {
  readonly adapter = 'portable';
  readonly path = undefined;
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly handle: PortableHandle;

  #owns: boolean;

  constructor(handle: PortableHandle, owns: boolean) {
    this.#owns = owns;
    this.handle = handle;
    this.buffer = handle.buffer;
    this.byteOffset = handle.byteOffset;
    this.byteLength = handle.byteLength;
    this.words = new Int32Array(this.buffer, this.byteOffset, this.byteLength >>> 2);
    this.bytes = new Uint8Array(this.buffer, this.byteOffset, this.byteLength);
  }

  section(name: SectionName): Section {
    const header = decodeRegionHeader(this.bytes, this.byteLength);
    assert('sections' in header, 'the header of a portable region is damaged');
    const { byteOffset, byteLength } = header.sections[name];
    return { byteOffset: this.byteOffset + byteOffset, byteLength };
  }

  /** Zeroed, as the mapped adapter's views read after its release; the collector does the rest. */
  release(): ReleaseOutcome {
    if (!this.#owns) return 'kept';
    this.#owns = false;
    this.bytes.fill(0);
    return 'no-file';
  }
}

/**
 * V8 allocates a large SharedArrayBuffer by the page, so its address is a multiple of 64 by itself;
 * should that change, lines straddle two cache lines: slower, and still right.
 */
export function createPortableRegion(request: RegionRequest): SharedRegion {
  const sections = planSections(request);
  const byteLength = regionBytes(sections);
  assert(byteLength >= PAGE_BYTES && byteLength % CACHE_LINE_BYTES === 0, 'a region is of lines');
  const region = new PortableRegion({
    adapter: 'portable',
    buffer: new SharedArrayBuffer(byteLength),
    byteOffset: 0,
    byteLength,
  }, true);
  writeRegionHeader(region.words, request, sections);
  return region;
}

export const attachPortable = (handle: PortableHandle): SharedRegion =>
  new PortableRegion(handle, false);

export const adoptPortable = (handle: PortableHandle): SharedRegion =>
  new PortableRegion(handle, true);

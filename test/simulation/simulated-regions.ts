// Shared regions in memory that outlive a simulated process as files on a tmpfs do. A process that
// has ended writes no frame and no position any more: its region is left as it is, not copied.

import { dirname } from 'node:path';
import { assert } from '../../src/errors.js';
import { wordOf } from '../../src/memory/layout.js';
import { LatchLayout } from '../../src/memory/sequence-latch.js';
import type { CreatedRegion } from '../../src/region/region-factories.js';
import { identify, type UnusableRegion } from '../../src/region/region-file.js';
import {
  planSections,
  type RegionHeader,
  type RegionRequest,
  regionBytes,
  type Section,
  type SectionName,
  writeRegionHeader,
} from '../../src/region/region-layout.js';
import type { LeftRegion, Regions } from '../../src/region/regions.js';
import type {
  PortableHandle,
  RegionHandle,
  ReleaseOutcome,
  SharedRegion,
} from '../../src/region/shared-region.js';
import { PAGE_BYTES } from '../../src/units.js';

/** What the regions need of the machine: a process may end at each thing that is done to them. */
export interface Moments {
  moment(): void;
}

/** A ring begins with this part of what it may become, so that it grows again and again. */
const FIRST_PART = 8;

class SimulatedRegion implements SharedRegion {
  readonly adapter = 'portable';
  readonly path: string | undefined;
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset = 0;
  readonly byteLength: number;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  /** With the ring. */
  readonly all: Uint8Array;
  readonly handle: PortableHandle;
  readonly #extend: () => void;
  readonly #release: (remove: boolean) => ReleaseOutcome;

  constructor(
    path: string | undefined,
    request: RegionRequest,
    extend: () => void,
    release: (remove: boolean) => ReleaseOutcome,
  ) {
    const sections = planSections(request);
    this.path = path;
    this.byteLength = regionBytes(sections);
    this.buffer = new SharedArrayBuffer(this.byteLength);
    const { buffer, byteLength } = this;
    this.words = new Int32Array(buffer, 0, wordOf(sections.ring.byteOffset));
    this.bytes = new Uint8Array(buffer, 0, sections.ring.byteOffset);
    this.all = new Uint8Array(buffer);
    const firstRingBytes = sections.ring.byteLength / FIRST_PART;
    this.handle = {
      adapter: 'portable',
      buffer,
      byteOffset: 0,
      byteLength,
      sections,
      firstRingBytes,
    };
    this.#extend = extend;
    this.#release = release;
    writeRegionHeader(this.words, request, sections);
  }

  /** Not one byte more than was asked for. */
  ring(bytes: number): Uint8Array {
    return new Uint8Array(this.buffer, this.section('ring').byteOffset, bytes);
  }

  extendRing(): void {
    this.#extend();
  }

  writeThrough(): boolean {
    return false;
  }

  section(name: SectionName): Section {
    return this.handle.sections[name];
  }

  release({ remove }: { readonly remove: boolean }): ReleaseOutcome {
    return this.#release(remove);
  }
}

/** A file: bytes, and whether the process that made it lives. */
interface RegionBytes {
  readonly bytes: Uint8Array;
  readonly ownerIsAlive: boolean;
}

export class SimulatedRegions implements Regions {
  readonly #moments: Moments;
  #files = new Map<string, RegionBytes>();
  /** Regions of the process that runs. */
  readonly #created = new Set<SimulatedRegion>();
  /** No room for another one. */
  isFull = false;
  #boot = 1;

  constructor(moments: Moments) {
    this.#moments = moments;
  }

  get paths(): readonly string[] {
    return [...this.#files.keys()];
  }

  create(mode: 'auto' | 'required' | 'off', path: string, request: RegionRequest): CreatedRegion {
    this.#moments.moment();
    const isShared = mode === 'required' || (mode === 'auto' && !this.isFull);
    const region: SimulatedRegion = new SimulatedRegion(
      isShared ? path : undefined,
      request,
      () => this.#extend(),
      (remove) => this.#release(region, remove),
    );
    this.#created.add(region);
    if (isShared) this.#files.set(path, { bytes: region.all, ownerIsAlive: true });
    const fallbackReason = isShared || mode === 'off' ? undefined : 'no room';
    return { region, fallbackReason };
  }

  /** A ring grows; the process may end there. */
  #extend(): void {
    this.#moments.moment();
    if (this.isFull) throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
  }

  #release(region: SimulatedRegion, remove: boolean): ReleaseOutcome {
    // What a process that has ended does has no effect.
    if (!this.#created.delete(region)) return 'kept';
    if (region.path === undefined) return 'no-file';
    if (remove) this.#files.delete(region.path);
    else this.#leave(region);
    return remove ? 'removed' : 'kept';
  }

  #leave({ path, all }: SimulatedRegion): void {
    if (path !== undefined) this.#files.set(path, { bytes: all, ownerIsAlive: false });
  }

  /** The region that this process has made, by its handle. */
  adopt(handle: RegionHandle): SharedRegion {
    for (const region of this.#created) if (region.handle === handle) return region;
    throw new RangeError('no region of this process');
  }

  list(directory: string): readonly string[] {
    return this.paths.filter((path) => dirname(path) === directory).sort();
  }

  open(path: string): LeftRegion | UnusableRegion {
    this.#moments.moment();
    const file = this.#files.get(path);
    if (file === undefined) return { status: 'missing', reason: 'it does not exist.' };
    const header = identify(file.bytes.subarray(0, PAGE_BYTES), file.bytes.length);
    return 'sections' in header ? this.#left(path, header, file) : header;
  }

  #left(path: string, header: RegionHeader, { bytes, ownerIsAlive }: RegionBytes): LeftRegion {
    const section = (name: SectionName): Uint8Array => {
      const { byteOffset, byteLength } = header.sections[name];
      return bytes.subarray(byteOffset, byteOffset + byteLength);
    };
    return {
      status: 'match',
      path,
      header,
      isOwn: true,
      owner: 0,
      ownerIsAlive: () => ownerIsAlive,
      readSection: (name, byteOffset = 0, byteLength = section(name).length - byteOffset) =>
        section(name).slice(byteOffset, byteOffset + byteLength),
      readLatch: (name, byteOffset) => {
        const { buffer } = section(name).slice(byteOffset, byteOffset + LatchLayout.size);
        return new Int32Array(buffer);
      },
      unlink: () => {
        this.#moments.moment();
        return this.#files.delete(path) ? 'removed' : 'name-lost';
      },
      close: () => {},
    };
  }

  boot(): string {
    return this.#boot.toString(16).padStart(32, '0');
  }

  isUnfinished(): boolean {
    return false;
  }

  removeUnfinished(): boolean {
    return false;
  }

  /** The process ends. */
  leaveAll(): void {
    for (const region of this.#created) this.#leave(region);
    this.#created.clear();
  }

  /** The machine stops and starts again. */
  restart(): void {
    this.loseAll();
    this.#boot++;
  }

  /** The folder of the regions is gone. */
  loseAll(): void {
    this.#created.clear();
    this.#files.clear();
  }

  bytesOf(path: string): Uint8Array {
    const file = this.#files.get(path);
    assert(file !== undefined, `${path} is a region`);
    return file.bytes;
  }

  /**
   * Somebody else has put other bytes there; the regions that these were copied from keep theirs.
   */
  replace(path: string, bytes: Uint8Array): void {
    this.#files.set(path, { bytes, ownerIsAlive: false });
  }

  copy(moments: Moments): SimulatedRegions {
    assert(this.#created.size === 0, 'copied between two processes');
    const copy = new SimulatedRegions(moments);
    copy.#files = new Map(this.#files);
    copy.#boot = this.#boot;
    return copy;
  }
}

// Where the words stand that the recorder of stalls reads and writes: in a region, or in a copy.

import { wordOf } from '../../memory/layout.js';
import type { StructDefinition } from '../../metrics/catalogue.js';
import { readU64 } from '../../metrics/u64.js';
import { RegionHeaderLayout } from '../../region/region-layout.js';
import type { SharedRegion } from '../../region/shared-region.js';
import { type ControlWords, controlWords } from '../../ring/ring-control.js';
import { geometryOf } from '../../ring/ring-geometry.js';
import { NS_PER_MS } from '../../units.js';
import { placeOf } from '../telemetry-layout.js';
import { STALL_AREA_BYTES } from './area-layout.js';
import { StallArea } from './stall-area.js';

/** The sections that are needed. */
interface StallSections {
  readonly buffer: ArrayBufferLike;
  /** Where the region begins in it. */
  readonly byteOffset: number;
  /** From there. */
  readonly telemetry: { readonly byteOffset: number; readonly byteLength: number };
  readonly controlOffset: number;
  /** Bytes from `byteOffset` on. */
  readonly byteLength: number;
  /** What the ring may grow to. */
  readonly ringBytes: number;
}

export class StallMemory {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly control: ControlWords;
  readonly area: StallArea;
  /** What the ring may grow to. */
  readonly #ringBytes: number;
  /** What it had room for when its geometry was last published, and how often that was. */
  #capacityBytes = 0;
  #published: number | undefined;
  readonly #unsigned: Uint32Array;
  readonly #telemetryOffset: number;
  /** Milliseconds since 1970 at the beginning of the monotonic clock. */
  readonly #originMs: number;

  constructor({
    buffer,
    byteOffset,
    byteLength,
    telemetry,
    controlOffset,
    ringBytes,
  }: StallSections) {
    this.words = new Int32Array(buffer, byteOffset, wordOf(byteLength));
    this.#unsigned = new Uint32Array(buffer, byteOffset, wordOf(byteLength));
    this.doubles = new Float64Array(
      buffer,
      byteOffset,
      byteLength / Float64Array.BYTES_PER_ELEMENT,
    );
    this.control = controlWords(controlOffset);
    this.#telemetryOffset = telemetry.byteOffset;
    this.#ringBytes = ringBytes;
    const areaOffset = byteOffset + telemetry.byteOffset + telemetry.byteLength - STALL_AREA_BYTES;
    this.area = new StallArea(buffer, areaOffset);
    const { monotonicAnchorNs, unixAnchorNs } = RegionHeaderLayout.offset;
    const unixNs = readU64(this.#unsigned, wordOf(unixAnchorNs));
    const monotonicNs = readU64(this.#unsigned, wordOf(monotonicAnchorNs));
    this.#originMs = (unixNs - monotonicNs) / NS_PER_MS;
  }

  /** A region's own. */
  static of(region: SharedRegion): StallMemory {
    const { buffer, byteOffset } = region;
    const { byteLength } = region.words;
    const offsetOf = (name: 'telemetry' | 'control'): number =>
      region.section(name).byteOffset - byteOffset;
    const telemetry = {
      byteOffset: offsetOf('telemetry'),
      byteLength: region.section('telemetry').byteLength,
    };
    const ringBytes = region.section('ring').byteLength;
    const controlOffset = offsetOf('control');
    return new StallMemory({ buffer, byteOffset, byteLength, telemetry, controlOffset, ringBytes });
  }

  /** What the ring has room for; 0 where nobody knows. Allocates nothing while it does not grow. */
  ringCapacityBytes(): number {
    const { words, control } = this;
    const published = Atomics.load(words, control.geometry);
    if (published !== this.#published) {
      const ringBytes = this.#ringBytes;
      this.#capacityBytes = geometryOf({ words, control, ringBytes })?.capacityBytes ?? 0;
      this.#published = published;
    }
    return this.#capacityBytes;
  }

  /** The wall clock's milliseconds at a time of the monotonic one. */
  unixMs(nowNs: number): number {
    return this.#originMs + nowNs / NS_PER_MS;
  }

  /** Word index of a line of a struct, or of one of its words. */
  lineOf({ definition }: { readonly definition: StructDefinition }, field: string): number {
    const offset = definition.layout.offset[field];
    return wordOf(this.#telemetryOffset + placeOf(definition) + (offset ?? Number.NaN));
  }

  /** A number of 64 bits that another thread may be changing. */
  number(at: number): number {
    for (;;) {
      const value = readU64(this.#unsigned, at);
      if (readU64(this.#unsigned, at) === value) return value;
    }
  }
}

// The stalls in a region that another opening has made: read from a copy, completed by what had not
// been recorded yet, and handed on to the region of the next opening.
import type { LeftRegion } from '../../region/regions.js';
import { NS_PER_MS } from '../../units.js';
import { readThreads } from '../heartbeats.js';
import { readTelemetryHeader, TelemetryHeaderLayout, USED_BYTES } from '../telemetry-layout.js';
import { STALL_AREA_BYTES } from './area-layout.js';
import type { StallArea } from './stall-area.js';
import { StallMemory } from './stall-memory.js';
import { StallSampler } from './stall-sampler.js';

/** What of a region's file is read. */
type ReadableRegion = Pick<LeftRegion, 'header' | 'readSection'>;

/** A copy of an area, which nobody writes to. */
export interface LeftStalls {
  readonly area: StallArea;
  /** Of the stall that is not over; undefined: there is none, or its process is dead. */
  readonly lastingNumber: number | undefined;
}

/**
 * A copy of what a region has of stalls, with those that are not over, or not recorded yet, as of
 * `nowNs` or, where its process is dead, of the last sign of life. Undefined where it has nothing:
 * it was made by a version that records none, or by one that does so otherwise.
 */
export function stallsIn(
  file: ReadableRegion,
  isAlive: boolean,
  nowNs: number,
): LeftStalls | undefined {
  const { telemetry, control, ring } = file.header.sections;
  if (telemetry.byteLength < USED_BYTES + STALL_AREA_BYTES) return undefined;
  const bytes = new Uint8Array(control.byteOffset + control.byteLength);
  for (const name of ['header', 'telemetry', 'control'] as const) {
    bytes.set(file.readSection(name), file.header.sections[name].byteOffset);
  }
  const memory = new StallMemory({
    buffer: bytes.buffer,
    byteOffset: 0,
    byteLength: bytes.byteLength,
    telemetry,
    controlOffset: control.byteOffset,
    ringBytes: ring.byteLength,
  });
  if (!memory.area.isKnown) return undefined;
  const start = telemetry.byteOffset;
  const header = bytes.subarray(start, start + TelemetryHeaderLayout.size);
  // Where its metrics stand elsewhere, what was recorded is still known.
  const { area } = memory;
  if ('status' in readTelemetryHeader(header, telemetry.byteLength)) {
    return { area, lastingNumber: undefined };
  }
  const asOfNs = isAlive ? nowNs : lastSignOfLife(memory, nowNs);
  const isOver = new StallSampler(memory, { nowNs: () => asOfNs }).finish(isAlive);
  return { area, lastingNumber: isAlive && !isOver ? area.word('stalls') : undefined };
}

/** Beats tell whole milliseconds; whoever looks, and whenever, gets the same. */
function lastSignOfLife({ words, area }: StallMemory, nowNs: number): number {
  const ages = Object.values(readThreads(words, nowNs)).flatMap(({ ageNs }) => ageNs ?? []);
  const wholeNs = Math.floor(nowNs / NS_PER_MS) * NS_PER_MS;
  const beatNs = ages.length === 0 ? 0 : wholeNs - Math.min(...ages);
  return Math.min(nowNs, Math.max(beatNs, area.lastTakenNs) + NS_PER_MS);
}

/**
 * Puts the stalls of the youngest of these regions, whose processes are dead, into the area of the
 * opening that takes their place, in which nothing stands yet.
 */
export function carryStalls(
  files: readonly ReadableRegion[],
  area: StallArea,
  nowNs: number,
): void {
  const [youngest] = [...files].sort((a, b) =>
    Number(b.header.monotonicAnchorNs - a.header.monotonicAnchorNs),
  );
  const left = youngest === undefined ? undefined : stallsIn(youngest, false, nowNs);
  if (left !== undefined) area.bytes.set(left.area.bytes);
}

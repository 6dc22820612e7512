// The region that a litmus test works in, and how a second process comes to the same memory.
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { libc } from '../../src/memory/libc.js';
import { createMappedRegion } from '../../src/region/mapped-region.js';
import { createPortableRegion } from '../../src/region/portable-region.js';
import type { RegionRequest } from '../../src/region/region-layout.js';
import { newRegionName } from '../../src/region/region-names.js';
import type { SharedRegion } from '../../src/region/shared-region.js';
import { AREA_WORDS } from './hand-off.js';

const REQUEST: RegionRequest = {
  logId: 1n,
  folder: { device: 1n, inode: 1n, birthNs: 1n, path: undefined },
  telemetryBytes: 16384,
  controlBytes: 4096,
  ringBytes: 8192,
};

export const createLitmusRegion = (adapter: 'mapped' | 'portable'): SharedRegion =>
  adapter === 'portable'
    ? createPortableRegion(REQUEST)
    : createMappedRegion(join('/dev/shm', newRegionName(REQUEST.logId)), REQUEST);

/** The words that the two sides share: the ring section. */
export function areaOf(region: SharedRegion): Int32Array {
  const { buffer, byteOffset } = region.ring(REQUEST.ringBytes);
  return new Int32Array(buffer, byteOffset, AREA_WORDS);
}

/** Words over the region before its ring, and where the telemetry begins in them. */
export function telemetryOf(region: SharedRegion): { words: Uint32Array; byteOffset: number } {
  const { buffer, byteOffset, words } = region;
  return {
    words: new Uint32Array(buffer, byteOffset, words.length),
    byteOffset: region.section('telemetry').byteOffset - byteOffset,
  };
}

export const controlOf = (region: SharedRegion): Int32Array =>
  new Int32Array(region.buffer, region.section('control').byteOffset, 64);

/**
 * A region's memory in another process. Only these tests map a region a second time: the package's
 * readers use pread, because a mapped file that someone cuts kills whoever touches it.
 */
export function mapRegion(path: string): ArrayBuffer {
  const native = libc();
  if (native === undefined) throw new Error('no libc is bound on this machine');
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const bytes = fstatSync(fd).size;
    return native.view(native.mapShared(fd, bytes), bytes);
  } finally {
    closeSync(fd);
  }
}

/** The words that the two sides share, in another process. */
export const mapArea = (path: string, byteOffset: number): Int32Array =>
  new Int32Array(mapRegion(path), byteOffset, AREA_WORDS);

// Ids and offsets are numbers in memory and u64 on disk; two u32 halves spare a BigInt each.
import { TWO_POW_32 } from '../units.js';

/** Exact below 2^53; a larger u64 comes back rounded, yet never as less than 2^53. */
export function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * TWO_POW_32 + view.getUint32(offset, true);
}

/** `value` is a whole number below 2^53. */
export function writeU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % TWO_POW_32, true);
  view.setUint32(offset + 4, Math.floor(value / TWO_POW_32), true);
}

export const viewOf = (bytes: Uint8Array, offset = 0, byteCount?: number): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset + offset, byteCount ?? bytes.length - offset);

import { PAGE_BYTES } from '../units.js';

const ZEROS = new Uint8Array(PAGE_BYTES);

/** Up to here a loop takes less time than the two views that a comparison needs. */
const FEW_BYTES = 32;

/**
 * Whether each byte of [start, end) is zero. More than a few are compared in one call: an open
 * looks at a page of each segment, and a loop over them would take longer than reading them does.
 */
export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start <= FEW_BYTES) {
    const last = Math.min(end, bytes.length);
    for (let at = start; at < last; at++) if (bytes[at] !== 0) return false;
    return true;
  }
  for (let at = start; at < end; at += ZEROS.length) {
    const part = bytes.subarray(at, Math.min(end, at + ZEROS.length));
    if (Buffer.compare(part, ZEROS.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}

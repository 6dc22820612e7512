// Frames as a producer writes them, for tests that build blocks by hand.
import { codecOf } from '../../src/memory/codec.js';
import { FRAME_HEADER_BYTES, FrameLayout, frameSpan } from '../../src/segment/frame.js';

const codec = codecOf(FrameLayout);

export interface Frame {
  readonly kind: number;
  readonly type: number;
  readonly eventId: number;
  readonly timestampNs: bigint;
  readonly payload: Uint8Array;
}

/** Writes a frame and zeroes the spare bytes behind it; returns its span. */
export function encodeFrame(target: Uint8Array, offset: number, frame: Frame): number {
  const { kind, type, eventId, timestampNs, payload } = frame;
  const frameBytes = FRAME_HEADER_BYTES + payload.length;
  const span = frameSpan(frameBytes);
  codec.encode(target, { frameBytes, kind, type, eventId, timestampNs }, offset);
  target.set(payload, offset + FRAME_HEADER_BYTES);
  target.fill(0, offset + frameBytes, offset + span);
  return span;
}

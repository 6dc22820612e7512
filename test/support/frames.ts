// Frames as a producer writes them, for tests that build blocks by hand.
import { FRAME_HEADER_BYTES, FrameLayout, frameSpan } from '../../src/segment/frame.js';
import { viewOf, writeU64 } from '../../src/segment/u64.js';

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
  const view = viewOf(target, offset, FRAME_HEADER_BYTES);
  view.setUint32(FrameLayout.offset.frameBytes, frameBytes, true);
  view.setUint16(FrameLayout.offset.kind, kind, true);
  view.setUint16(FrameLayout.offset.type, type, true);
  writeU64(view, FrameLayout.offset.eventId, eventId);
  view.setBigUint64(FrameLayout.offset.timestampNs, timestampNs, true);
  target.set(payload, offset + FRAME_HEADER_BYTES);
  target.fill(0, offset + frameBytes, offset + span);
  return span;
}

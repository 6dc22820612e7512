// Compressed segments for tests, made by the encoder alone.
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { FrameEncoder } from '../../src/compression/frame-encoder.js';
import { compressedPath } from '../../src/segment/file-names.js';

/** The frame of a segment of which `content` are the bytes up to its end. */
export function frameOf(content: Uint8Array): Uint8Array {
  const encoder = new FrameEncoder(content.length);
  const parts = [encoder.begin()];
  while (encoder.offset < content.length) {
    const { offset, blockBytes } = encoder;
    parts.push(...encoder.block(content.subarray(offset, offset + blockBytes)));
  }
  return Buffer.concat([...parts, ...encoder.end()]);
}

/** Bytes up to the last that is not zero, at a multiple of 8: behind it is nothing but room. */
export function withoutRoom(segment: Uint8Array): Uint8Array {
  let end = segment.length;
  while (end > 0 && segment[end - 1] === 0) end--;
  return segment.subarray(0, Math.ceil(end / 8) * 8);
}

/** Compresses the file of a segment in place; returns the path that it has by now. */
export function compressFile(path: string): string {
  const target = compressedPath(path);
  writeFileSync(target, frameOf(withoutRoom(readFileSync(path))));
  unlinkSync(path);
  return target;
}

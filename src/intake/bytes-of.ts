// What streams bring: bytes, or text.
import { invalidArgument } from '../errors.js';

/** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT */
export function bytesOf(chunk: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (Buffer.isBuffer(chunk)) return chunk;
  if (ArrayBuffer.isView(chunk))
    return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw invalidArgument(`Bytes or text are recorded, and nothing else: got ${typeof chunk}.`);
}

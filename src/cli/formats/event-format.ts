// How a line of text becomes an event and an event becomes a line again. Both directions work on
// bytes in place: no string and no copy for what is only passed through.

import type { TextBuffer } from './text-buffer.js';

/** A line or payload that does not fit the format; the caller knows which one it was. */
export class FormatDefect extends Error {
  override readonly name = 'FormatDefect';
}

export interface EventFormat {
  readonly name: FormatName;
  /**
   * The payload of the line `bytes[start, end)`, its `\n` excluded. The view is valid until the
   * next call.
   * @throws FormatDefect
   */
  encode(bytes: Buffer, start: number, end: number): Uint8Array;
  /** Adds the text of `payload`, without `\n`. @throws FormatDefect */
  decode(payload: Uint8Array, target: TextBuffer): void;
}

export const FORMAT_NAMES = ['lines', 'ndjson', 'lobster'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

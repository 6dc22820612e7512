// How a line of text becomes an event and an event becomes a line again. Both directions work on
// bytes in place: no string and no copy for what is only passed through.

import type { AnyDefinition } from '../../index.js';
import type { TextBuffer } from './text-buffer.js';

/** A line or payload that does not fit the format; the caller knows which one it was. */
export class FormatDefect extends Error {
  override readonly name = 'FormatDefect';
}

export interface EventFormat {
  readonly name: FormatName;
  /** What the events are, where they are typed. */
  readonly event?: AnyDefinition;
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

/** What `replay` prints: these, and typed events as a table. */
export const PRINTED_FORMATS = [...FORMAT_NAMES, 'csv'] as const;
export type PrintedFormat = (typeof PRINTED_FORMATS)[number];

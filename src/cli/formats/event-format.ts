// How a line of text becomes an event and an event becomes a line again. Both directions work on
// bytes in place: no string and no copy for what is only passed through.

/** Where {@link EventFormat.decode} puts its text: `bytes` from `length` on, after `reserve`. */
export interface TextSink {
  bytes: Uint8Array;
  length: number;
  reserve(bytes: number): void;
  append(part: Uint8Array): void;
}

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
  decode(payload: Uint8Array, sink: TextSink): void;
}

export const FORMAT_NAMES = ['lines', 'ndjson', 'lobster'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

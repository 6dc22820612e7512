// Events as they are read: an object with a property for each field, which shows one event after
// the other where its bytes are, without a copy.
import type { FieldReader } from './field-readers.js';

/**
 * An event of a log: what `replay`, `follow` and the like hand out, or a cursor that stands at it.
 */
export type EventSource =
  | { readonly eventId: number; readonly type: number; readonly payload: Uint8Array }
  | {
      readonly eventId: number;
      readonly type: number;
      readonly block: Uint8Array;
      readonly payloadOffset: number;
      readonly payloadBytes: number;
    };

/** The bytes of an event where they are. */
export const payloadOf = (event: EventSource): Uint8Array =>
  'block' in event
    ? event.block.subarray(event.payloadOffset, event.payloadOffset + event.payloadBytes)
    : event.payload;

/** What the view of an event has besides a property for each field. */
export interface EventViewing<Values> {
  /**
   * Shows another event: the one that it is given, or at which the cursor stands, as long as that
   * one's bytes are valid. Allocates nothing where they are in the same memory as those before.
   * @throws WalError ERR_FLASHSTRIKE_SCHEMA for an event of another type, or of another size
   */
  show(event: EventSource): this;
  /** The fields as an object of its own, bytes copied. */
  toObject(): Values;
  /** The same: what `JSON.stringify` takes. */
  toJSON(): Values;
}

/** A field that is read. */
export interface ViewedField {
  readonly name: string;
  readonly read: FieldReader;
}

const NOWHERE = new DataView(new ArrayBuffer(0));

/** The bytes of the event that is shown. */
export class ShownBytes {
  #view: DataView = NOWHERE;
  #start = 0;
  #end = 0;

  point(event: EventSource): void {
    if ('block' in event) this.#pointAt(event.block, event.payloadOffset, event.payloadBytes);
    else {
      // Read once: an iteration that reuses its object makes a copy each time.
      const { payload } = event;
      this.#pointAt(payload, 0, payload.length);
    }
  }

  get byteCount(): number {
    return this.#end - this.#start;
  }

  read(reader: FieldReader): unknown {
    return reader(this.#view, this.#start, this.#end);
  }

  /** Whether the bytes from `start` to `end` are zero. */
  isZero(start: number, end: number): boolean {
    for (let at = start; at < end; at++) {
      if (this.#view.getUint8(this.#start + at) !== 0) return false;
    }
    return true;
  }

  #pointAt(bytes: Uint8Array, offset: number, byteCount: number): void {
    const { buffer } = bytes;
    if (this.#view.buffer !== buffer) this.#view = new DataView(buffer);
    this.#start = bytes.byteOffset + offset;
    this.#end = this.#start + byteCount;
  }
}

/**
 * An object that shows events by the fields given.
 * @param check refuses an event that has other fields; `shown` is its bytes
 */
export function viewOf(
  fields: readonly ViewedField[],
  check: (event: EventSource, shown: ShownBytes) => void,
): EventViewing<object> {
  const shown = new ShownBytes();
  const toObject = (): object => objectOf(shown, fields);
  const hidden = {
    show(this: EventViewing<object>, event: EventSource) {
      shown.point(event);
      check(event, shown);
      return this;
    },
    toObject,
    toJSON: toObject,
  };
  const view = Object.create(hidden) as EventViewing<object>;
  for (const { name, read } of fields) {
    Object.defineProperty(view, name, { enumerable: true, get: () => shown.read(read) });
  }
  return Object.freeze(view);
}

/** The fields by their names; bytes are copied. */
export function objectOf(shown: ShownBytes, fields: readonly ViewedField[]): object {
  const values: Record<string, unknown> = {};
  for (const { name, read } of fields) {
    const value = shown.read(read);
    values[name] = value instanceof Uint8Array ? new Uint8Array(value) : value;
  }
  return values;
}

// How the bytes of a field are read: one function for each field, made once for a layout.
import { TWO_POW_32 } from '../units.js';
import { schemaError } from './event-errors.js';
import type { EventLayout, PlacedField } from './fields.js';

/**
 * Reads a field of an event that lies in `view` from `start` to `end`.
 * @throws WalError ERR_FLASHSTRIKE_SCHEMA where the bytes are no value of it
 */
export type FieldReader = (view: DataView, start: number, end: number) => unknown;

// A BOM is a character like any other.
const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ASCII_MAX = 0x7f;
/** Up to here a text is put together from its characters: a call of the decoder costs more. */
const SHORT_TEXT_BYTES = 24;

const viewed = (view: DataView, at: number, byteCount: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + at, byteCount);

function textAt(name: string, view: DataView, at: number, byteCount: number): string {
  if (byteCount <= SHORT_TEXT_BYTES) {
    let text = '';
    let next = 0;
    for (; next < byteCount; next++) {
      const code = view.getUint8(at + next);
      if (code > ASCII_MAX) break;
      text += String.fromCharCode(code);
    }
    if (next === byteCount) return text;
  }
  try {
    return TEXT.decode(viewed(view, at, byteCount));
  } catch {
    throw schemaError(`The field ${name} does not hold UTF-8.`);
  }
}

/** The reader of the field `field`; undefined for spare bytes. */
export function readerOf(field: PlacedField): FieldReader | undefined {
  const { name, encoding, offset, size, bound, names } = field;
  switch (encoding) {
    case 'u8':
      return (view, start) => view.getUint8(start + offset);
    case 'u16':
      return (view, start) => view.getUint16(start + offset, true);
    case 'u32':
      return (view, start) => view.getUint32(start + offset, true);
    case 'i8':
      return (view, start) => view.getInt8(start + offset);
    case 'i16':
      return (view, start) => view.getInt16(start + offset, true);
    case 'i32':
      return (view, start) => view.getInt32(start + offset, true);
    case 'f32':
      return (view, start) => view.getFloat32(start + offset, true);
    case 'f64':
      return (view, start) => view.getFloat64(start + offset, true);
    case 'u64':
      return (view, start) => view.getBigUint64(start + offset, true);
    case 'i64':
      return (view, start) => view.getBigInt64(start + offset, true);
    case 'safeU64':
      return (view, start) => {
        const high = view.getUint32(start + offset + 4, true);
        return safe(name, high * TWO_POW_32 + view.getUint32(start + offset, true));
      };
    case 'safeI64':
      return (view, start) => {
        const high = view.getInt32(start + offset + 4, true);
        return safe(name, high * TWO_POW_32 + view.getUint32(start + offset, true));
      };
    case 'bool':
      return (view, start) => {
        const value = view.getUint8(start + offset);
        if (value > 1) throw schemaError(`The field ${name} holds ${value}, which is no boolean.`);
        return value === 1;
      };
    case 'enum':
      return (view, start) => {
        const index = view.getUint8(start + offset);
        const value = names[index];
        if (value !== undefined) return value;
        throw schemaError(
          `The field ${name} holds ${index}; its last name is ${names.length - 1}.`,
        );
      };
    case 'fixedBytes':
      return (view, start) => viewed(view, start + offset, size);
    case 'shortString':
      return (view, start) => {
        const byteCount = view.getUint8(start + offset);
        if (byteCount <= bound) return textAt(name, view, start + offset + 1, byteCount);
        throw schemaError(`The field ${name} says ${byteCount} bytes; it has at most ${bound}.`);
      };
    case 'bytes':
      return (view, start, end) => viewed(view, start + offset, end - start - offset);
    case 'string':
      return (view, start, end) => textAt(name, view, start + offset, end - start - offset);
    case 'spare':
      return undefined;
  }
}

function safe(name: string, value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw schemaError(`The field ${name} holds a number that is no safe integer.`);
}

const readers = new WeakMap<EventLayout, readonly { name: string; read: FieldReader }[]>();

/** The readers of all fields that have a value, in order; the same for the same layout. */
export function readersOf(
  layout: EventLayout,
): readonly { readonly name: string; readonly read: FieldReader }[] {
  let found = readers.get(layout);
  if (found === undefined) {
    found = layout.fields.flatMap((field) => {
      const read = readerOf(field);
      return read === undefined ? [] : [{ name: field.name, read }];
    });
    readers.set(layout, found);
  }
  return found;
}

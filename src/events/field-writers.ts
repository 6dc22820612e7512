// How a value becomes the bytes of a field: one function for each field, made once for a layout.
import { isBereft, kindOf, lengthOf, setBytes } from '../memory/typed-arrays.js';
import { LOOPED_BYTES } from '../ring/ring-producer.js';
import { HIGH_HALF } from '../units.js';
import { badValue } from './event-errors.js';
import type { EventLayout, PlacedField } from './fields.js';

/** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT: the value does not fit, nothing is stored */
export type FieldWriter = (target: WriterTarget, value: unknown) => void;

const LONE_SURROGATE = /[\ud800-\udfff]/u;
const ASCII_MAX = 0x7f;
/** Each unit of UTF-16 takes at most so many bytes of UTF-8. */
const UTF8_BYTES_MAX = 3;
const ENCODER = new TextEncoder();

/** Where the bytes of the fields go. */
export interface WriterTarget {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly view: DataView;
  /** Memory for a text of up to so many bytes, which the next text uses again. */
  textBuffer(byteCount: number): Uint8Array;
  /** Takes the variable part: bytes as they are, of which `byteCount` count. */
  setRest(bytes: Uint8Array, byteCount: number, value: unknown): void;
}

/** Bytes that `text` takes; the target has room for them. */
function putText(target: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > ASCII_MAX) return ENCODER.encodeInto(text, target.subarray(at)).written;
    target[at + index] = code;
  }
  return text.length;
}

const shortText = new Uint8Array(255 * UTF8_BYTES_MAX);

function putShortString(field: PlacedField, target: Uint8Array, value: unknown): void {
  const { name, offset, bound } = field;
  const expected = `a well-formed string of at most ${bound} bytes of UTF-8`;
  if (typeof value !== 'string' || value.length > bound || LONE_SURROGATE.test(value)) {
    throw badValue(name, expected, value);
  }
  const byteCount = putText(shortText, 0, value);
  if (byteCount > bound) throw badValue(name, expected, value);
  target[offset] = byteCount;
  for (let at = 0; at < bound; at++) {
    target[offset + 1 + at] = at < byteCount ? (shortText[at] as number) : 0;
  }
}

function putRestText(name: string, target: WriterTarget, value: unknown): void {
  if (typeof value !== 'string' || LONE_SURROGATE.test(value)) {
    throw badValue(name, 'a well-formed string', value);
  }
  const buffer = target.textBuffer(value.length * UTF8_BYTES_MAX);
  const byteCount = putText(buffer, 0, value);
  const bytes = byteCount > LOOPED_BYTES ? buffer.subarray(0, byteCount) : buffer;
  target.setRest(bytes, byteCount, value);
}

/** By what the engine knows of the array, not by what it says of itself. */
function checkBytes(field: PlacedField, value: unknown): Uint8Array {
  if (kindOf(value) !== 'Uint8Array') throw badValue(field.name, 'a Uint8Array', value);
  const array = value as Uint8Array;
  if (lengthOf(array) === 0 && isBereft(array)) {
    throw badValue(field.name, 'bytes that still have their memory', value);
  }
  return array;
}

/** The writer of a field; spare bytes have none. */
function writerOf(field: PlacedField): FieldWriter | undefined {
  const { name, encoding, offset, size, names } = field;
  const word = offset >> 2;
  const double = offset >> 3;
  const refuse = (expected: string, value: unknown): never => {
    throw badValue(name, expected, value);
  };
  switch (encoding) {
    case 'u8':
      return (target, value) => {
        if (typeof value !== 'number' || (value & 0xff) !== value)
          refuse('a whole number from 0 to 255', value);
        target.bytes[offset] = value as number;
      };
    case 'i8':
      return (target, value) => {
        if (typeof value !== 'number' || (value << 24) >> 24 !== value) {
          refuse('a whole number from -128 to 127', value);
        }
        target.bytes[offset] = value as number;
      };
    case 'u16':
      return (target, value) => {
        if (typeof value !== 'number' || (value & 0xffff) !== value)
          refuse('a whole number from 0 to 65535', value);
        target.view.setUint16(offset, value as number, true);
      };
    case 'i16':
      return (target, value) => {
        if (typeof value !== 'number' || (value << 16) >> 16 !== value) {
          refuse('a whole number from -32768 to 32767', value);
        }
        target.view.setInt16(offset, value as number, true);
      };
    case 'u32':
      return (target, value) => {
        if (typeof value !== 'number' || value >>> 0 !== value)
          refuse('a whole number from 0 to 2^32 - 1', value);
        target.words[word] = value as number;
      };
    case 'i32':
      return (target, value) => {
        if (typeof value !== 'number' || (value | 0) !== value)
          refuse('a whole number from -2^31 to 2^31 - 1', value);
        target.words[word] = value as number;
      };
    case 'f32':
      return (target, value) => {
        const isNumber = typeof value === 'number';
        if (!isNumber || (Number.isFinite(value) && !Number.isFinite(Math.fround(value)))) {
          refuse('a number that 32 bits can hold', value);
        }
        target.view.setFloat32(offset, value as number, true);
      };
    case 'f64':
      return (target, value) => {
        if (typeof value !== 'number') refuse('a number', value);
        target.doubles[double] = value as number;
      };
    case 'safeU64':
      return (target, value) => {
        if (!(Number.isSafeInteger(value) && (value as number) >= 0)) {
          refuse('a whole number from 0 to 2^53 - 1', value);
        }
        target.words[word] = value as number;
        target.words[word + 1] = (value as number) * HIGH_HALF;
      };
    case 'safeI64':
      return (target, value) => {
        if (!Number.isSafeInteger(value)) refuse('a whole number within ±(2^53 - 1)', value);
        target.words[word] = value as number;
        target.words[word + 1] = Math.floor((value as number) * HIGH_HALF);
      };
    case 'u64':
      return (target, value) => {
        if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value) {
          refuse('a bigint from 0n to 2n ** 64n - 1n', value);
        }
        target.view.setBigUint64(offset, value as bigint, true);
      };
    case 'i64':
      return (target, value) => {
        if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
          refuse('a bigint from -(2n ** 63n) to 2n ** 63n - 1n', value);
        }
        target.view.setBigInt64(offset, value as bigint, true);
      };
    case 'bool':
      return (target, value) => {
        if (typeof value !== 'boolean') refuse('true or false', value);
        target.bytes[offset] = value === true ? 1 : 0;
      };
    case 'enum': {
      const indexes = new Map<unknown, number>(names.map((each, index) => [each, index]));
      const expected = `one of ${names.slice(0, 10).join(', ')}${names.length > 10 ? ', …' : ''}`;
      return (target, value) => {
        const index = indexes.get(value);
        if (index === undefined) return refuse(expected, value);
        target.bytes[offset] = index;
      };
    }
    case 'fixedBytes':
      return (target, value) => {
        const array = checkBytes(field, value);
        if (lengthOf(array) !== size) refuse(`exactly ${size} bytes`, value);
        setBytes(target.bytes, array, offset);
      };
    case 'shortString':
      return (target, value) => putShortString(field, target.bytes, value);
    case 'bytes':
      return (target, value) => {
        const array = checkBytes(field, value);
        target.setRest(array, lengthOf(array), value);
      };
    case 'string':
      return (target, value) => putRestText(name, target, value);
    case 'spare':
      return undefined;
  }
}

const writers = new WeakMap<EventLayout, readonly WrittenField[]>();

/** A field that has a value, and what writes it. */
export interface WrittenField {
  readonly field: PlacedField;
  readonly write: FieldWriter;
}

/** All fields that have a value, in order; the same for the same layout. */
export function writersOf(layout: EventLayout): readonly WrittenField[] {
  let found = writers.get(layout);
  if (found === undefined) {
    found = layout.fields.flatMap((field) => {
      const write = writerOf(field);
      return write === undefined ? [] : [{ field, write }];
    });
    writers.set(layout, found);
  }
  return found;
}

// What an event is made of: the kinds of its fields as a program declares them, the values that
// they take in TypeScript, and the declaration checked and laid out in bytes.
//
// Fields follow each other as they are declared, each at the next multiple of its own size, as in a
// struct of C. Without a variable part the event ends at a multiple of its largest field. All
// numbers are little-endian, and what lies between fields is zero.
import { invalidArgument, printable, type WalError } from '../errors.js';

/** Numbers that JavaScript holds exactly in 32 bits or as a double. */
type NumberKind = 'u8' | 'u16' | 'u32' | 'i8' | 'i16' | 'i32' | 'f32' | 'f64';
/**
 * - `u8` … `u32`, `i8` … `i32`, `f32`, `f64`: a number
 * - `safeU64`, `safeI64`: 64 bits that hold a safe integer: a number
 * - `u64`, `i64`: 64 bits: a bigint
 * - `bool`: one byte, 0 or 1
 */
export type ScalarKind = NumberKind | 'safeU64' | 'safeI64' | 'u64' | 'i64' | 'bool';
/** The variable part: as long as the event is. Only the last field can be one. */
export type RestKind = 'bytes' | 'string';

/** One of up to 256 names, in one byte. */
export interface EnumField {
  /** The names; stored is the index. */
  readonly enum: readonly string[];
}
/** Exactly so many bytes, 1 to 65,535. */
export interface BytesField {
  /** How many. */
  readonly bytes: number;
}
/** Text of up to so many bytes of UTF-8, 1 to 255; it takes one byte more, for its length. */
export interface StringField {
  /** The most bytes. */
  readonly string: number;
}
/** So many zero bytes, 1 to 65,535, which have no value. */
export interface SpareField {
  /** How many. */
  readonly spare: number;
}
/** How a field of an event is declared. */
export type EventField = ScalarKind | RestKind | EnumField | BytesField | StringField | SpareField;
/** The fields of an event by their names, in order. */
export type EventFields = Readonly<Record<string, EventField>>;

/** What a field holds in TypeScript. */
export type FieldValue<Field extends EventField> = Field extends NumberKind | 'safeU64' | 'safeI64'
  ? number
  : Field extends 'u64' | 'i64'
    ? bigint
    : Field extends 'bool'
      ? boolean
      : Field extends EnumField
        ? Field['enum'][number]
        : Field extends StringField | 'string'
          ? string
          : Field extends BytesField | 'bytes'
            ? Uint8Array
            : never;

/** An event as an object: each field with its value. */
export type EventValues<Fields extends EventFields> = {
  readonly [Name in keyof Fields as Fields[Name] extends SpareField ? never : Name]: FieldValue<
    Fields[Name]
  >;
};

/** How the bytes of a field are read and written. */
export type Encoding = ScalarKind | RestKind | 'enum' | 'fixedBytes' | 'shortString' | 'spare';

/** A field in its place. */
export interface PlacedField {
  readonly name: string;
  readonly encoding: Encoding;
  readonly offset: number;
  /** Bytes that it takes; 0 of the variable part. */
  readonly size: number;
  /** The most bytes of a short string. */
  readonly bound: number;
  /** Of an enum; else empty. */
  readonly names: readonly string[];
  /** As it was declared, checked and copied. */
  readonly declared: EventField;
}

/** An event's fields in bytes. */
export interface EventLayout {
  readonly fields: readonly PlacedField[];
  /** Bytes of all but the variable part. */
  readonly fixedBytes: number;
  /** The variable part, which begins at `fixedBytes`; undefined: there is none. */
  readonly rest: PlacedField | undefined;
  /** Where bytes are zero: from, and to. */
  readonly gaps: readonly (readonly [number, number])[];
}

const SCALAR_BYTES: Readonly<Record<ScalarKind, number>> = {
  u8: 1,
  i8: 1,
  bool: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  u64: 8,
  i64: 8,
  safeU64: 8,
  safeI64: 8,
  f64: 8,
};
const FIELDS_MAX = 256;
const ENUM_NAMES_MAX = 256;
const FIXED_BYTES_MAX = 65_535;
const STRING_BYTES_MAX = 255;
/** No integers: objects would put these in front. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
/** Names of the objects that have a property for each field, and of JavaScript's own. */
const TAKEN = new Set(['commit', 'show', 'toObject', 'toJSON', 'constructor', 'then', '__proto__']);

/** @param what an event, or a field of one */
export function checkName(what: string, name: unknown): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  throw invalidArgument(
    `The name of ${what} must have 1 to 64 letters, digits and underscores, and not begin with ` +
      `a digit; it is ${shownName(name)}.`,
  );
}

const shownName = (name: unknown): string =>
  typeof name === 'string' ? `'${printable(name.slice(0, 80))}'` : typeof name;

function badField(name: string, why: string): WalError {
  return invalidArgument(`The field ${name} ${why}.`);
}

function checkBytes(name: string, bytes: unknown, most: number): number {
  if (typeof bytes === 'number' && Number.isInteger(bytes) && bytes >= 1 && bytes <= most) {
    return bytes;
  }
  throw badField(name, `must have a size from 1 to ${most} bytes`);
}

function checkEnum(name: string, given: unknown): readonly string[] {
  if (!Array.isArray(given) || given.length === 0 || given.length > ENUM_NAMES_MAX) {
    throw badField(name, `must have an array of 1 to ${ENUM_NAMES_MAX} names as its enum`);
  }
  const names = given.map((value: unknown) => {
    if (typeof value === 'string' && value !== '' && value.length <= 64) return value;
    throw badField(name, 'has a name in its enum that is no string of 1 to 64 characters');
  });
  if (new Set(names).size < names.length) throw badField(name, 'has a name twice in its enum');
  return Object.freeze(names);
}

/** A field without its place. */
type Shape = Omit<PlacedField, 'name' | 'offset'> & { readonly align: number };

function shapeOf(name: string, field: unknown): Shape {
  const plain = { bound: 0, names: [], align: 1 };
  if (typeof field === 'string') {
    if (field === 'bytes' || field === 'string') {
      return { ...plain, encoding: field, size: 0, declared: field };
    }
    if (Object.hasOwn(SCALAR_BYTES, field)) {
      const kind = field as ScalarKind;
      const size = SCALAR_BYTES[kind];
      return { ...plain, encoding: kind, size, align: size, declared: kind };
    }
  }
  const keys = typeof field === 'object' && field !== null ? Object.keys(field) : [];
  const given = field as Readonly<Record<string, unknown>>;
  switch (keys.length === 1 ? keys[0] : undefined) {
    case 'enum': {
      const names = checkEnum(name, given['enum']);
      const declared = Object.freeze({ enum: names });
      return { ...plain, encoding: 'enum', size: 1, names, declared };
    }
    case 'bytes': {
      const bytes = checkBytes(name, given['bytes'], FIXED_BYTES_MAX);
      return { ...plain, encoding: 'fixedBytes', size: bytes, declared: Object.freeze({ bytes }) };
    }
    case 'string': {
      const bound = checkBytes(name, given['string'], STRING_BYTES_MAX);
      const declared = Object.freeze({ string: bound });
      return { ...plain, encoding: 'shortString', size: bound + 1, bound, declared };
    }
    case 'spare': {
      const spare = checkBytes(name, given['spare'], FIXED_BYTES_MAX);
      return { ...plain, encoding: 'spare', size: spare, declared: Object.freeze({ spare }) };
    }
    default: {
      const kinds = [...Object.keys(SCALAR_BYTES), 'bytes', 'string'].join(', ');
      const sized = '{ enum: [...] }, { bytes: n }, { string: n }, { spare: n }';
      throw badField(name, `must be one of ${kinds}, or ${sized}`);
    }
  }
}

/**
 * Checks the declaration of an event, and gives each field its place.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT
 */
export function layOut(declared: readonly (readonly [string, unknown])[]): EventLayout {
  if (declared.length === 0 || declared.length > FIELDS_MAX) {
    throw invalidArgument(`An event has 1 to ${FIELDS_MAX} fields; this has ${declared.length}.`);
  }
  const fields: PlacedField[] = [];
  const seen = new Set<string>();
  let at = 0;
  let largest = 1;
  let rest: PlacedField | undefined;
  for (const [name, field] of declared) {
    checkName('a field', name);
    if (TAKEN.has(name)) throw badField(name, 'has a name that is taken: give it another');
    if (seen.has(name)) throw badField(name, 'is declared twice');
    if (rest !== undefined) throw badField(rest.name, 'has no fixed size, so it must be the last');
    seen.add(name);
    const { align, ...shape } = shapeOf(name, field);
    at += -at & (align - 1);
    const placed = Object.freeze({ name, offset: at, ...shape });
    fields.push(placed);
    if (shape.size === 0) rest = placed;
    at += shape.size;
    largest = Math.max(largest, align);
    if (at > FIXED_BYTES_MAX) {
      throw invalidArgument(`An event has at most ${FIXED_BYTES_MAX} bytes of fixed size.`);
    }
  }
  const fixedBytes = rest === undefined ? at + (-at & (largest - 1)) : at;
  const gaps = gapsOf(fields, fixedBytes);
  return Object.freeze({ fields: Object.freeze(fields), fixedBytes, rest, gaps });
}

function gapsOf(fields: readonly PlacedField[], fixedBytes: number): EventLayout['gaps'] {
  const gaps: (readonly [number, number])[] = [];
  let at = 0;
  for (const { encoding, offset, size } of fields) {
    if (offset > at) gaps.push([at, offset]);
    if (encoding === 'spare') gaps.push([offset, offset + size]);
    at = offset + size;
  }
  if (fixedBytes > at) gaps.push([at, fixedBytes]);
  return gaps;
}

// Structures are written and read by their layout, which knows the kind of each field. The compiler
// refuses a value that is missing, one that no field takes, and a number where a u64 takes a
// bigint. What it cannot see, a value too large for its field, is an assertion: nothing is cut.
//
// encode and decode do a whole structure, and are for cold ones: they take some 50 ns a field. For
// hot ones `field` has the functions of each field, which take no longer than those of a DataView.
import { assert } from '../errors.js';
import { HIGH_HALF, TWO_POW_32 } from '../units.js';
import type { FieldKind, FieldKinds, Layout } from './layout.js';
import { isZero } from './zeros.js';

/** What a field of each kind holds. Padding has no value: it is always zero. */
interface KindValues {
  readonly u8: number;
  readonly u16: number;
  readonly u32: number;
  readonly u64: bigint;
  /** Exact below 2^53; a larger one is read rounded, yet never as less than 2^53. */
  readonly safeU64: number;
  /** As many bytes as the field has; a copy where it is read. */
  readonly block: Uint8Array;
}
type ValueKind = keyof KindValues;
type ValueOf<Kind extends FieldKind> = Kind extends ValueKind ? KindValues[Kind] : never;

/** All fields but padding, each with its value. */
type Values<Kinds extends FieldKinds> = {
  readonly [Name in keyof Kinds as Kinds[Name] extends 'pad' ? never : Name]: ValueOf<Kinds[Name]>;
};

/** The same, and what the compiler says of any other that is given. */
type OnlyValues<Kinds extends FieldKinds, Given> = Values<Kinds> & {
  readonly [Name in Exclude<keyof Given, keyof Values<Kinds>>]: 'the layout has no such field';
};

/** One field of a structure that begins at byte `start` of a view. */
abstract class Field<Value> {
  protected readonly offset: number;
  protected readonly size: number;
  readonly #name: string;

  constructor(name: string, offset: number, size: number) {
    this.#name = name;
    this.offset = offset;
    this.size = size;
  }

  abstract get(view: DataView, start: number): Value;
  /** @throws AssertionFailure where the value does not fit; not of a u64 */
  abstract set(view: DataView, start: number, value: Value): void;

  /** @throws AssertionFailure where the value does not fit */
  setChecked(view: DataView, start: number, value: Value): void {
    this.set(view, start, value);
  }

  protected refuse(value: string | number | bigint): void {
    assert(false, `${this.#name} has ${this.size} bytes and cannot hold ${value}`);
  }
}

class U8Field extends Field<number> {
  get(view: DataView, start: number): number {
    return view.getUint8(start + this.offset);
  }

  set(view: DataView, start: number, value: number): void {
    if ((value & 0xff) !== value) this.refuse(value);
    view.setUint8(start + this.offset, value);
  }
}

class U16Field extends Field<number> {
  get(view: DataView, start: number): number {
    return view.getUint16(start + this.offset, true);
  }

  set(view: DataView, start: number, value: number): void {
    if ((value & 0xffff) !== value) this.refuse(value);
    view.setUint16(start + this.offset, value, true);
  }
}

class U32Field extends Field<number> {
  get(view: DataView, start: number): number {
    return view.getUint32(start + this.offset, true);
  }

  set(view: DataView, start: number, value: number): void {
    if (value >>> 0 !== value) this.refuse(value);
    view.setUint32(start + this.offset, value, true);
  }
}

/** `set` takes a bigint modulo 2^64: checks take 25 ns each, of four a sixth of a block header. */
class U64Field extends Field<bigint> {
  get(view: DataView, start: number): bigint {
    return view.getBigUint64(start + this.offset, true);
  }

  set(view: DataView, start: number, value: bigint): void {
    view.setBigUint64(start + this.offset, value, true);
  }

  override setChecked(view: DataView, start: number, value: bigint): void {
    if (BigInt.asUintN(64, value) !== value) this.refuse(value);
    this.set(view, start, value);
  }
}

/** Two u32 halves spare a BigInt each. */
class SafeU64Field extends Field<number> {
  get(view: DataView, start: number): number {
    const at = start + this.offset;
    return view.getUint32(at + 4, true) * TWO_POW_32 + view.getUint32(at, true);
  }

  set(view: DataView, start: number, value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0)) this.refuse(value);
    const at = start + this.offset;
    // A store takes the whole part of a number, modulo 2^32.
    view.setUint32(at, value, true);
    view.setUint32(at + 4, value * HIGH_HALF, true);
  }
}

class BlockField extends Field<Uint8Array> {
  get(view: DataView, start: number): Uint8Array {
    return this.#bytesAt(view, start).slice();
  }

  set(view: DataView, start: number, value: Uint8Array): void {
    if (value.length !== this.size) this.refuse(`${value.length} bytes`);
    this.#bytesAt(view, start).set(value);
  }

  #bytesAt({ buffer, byteOffset }: DataView, start: number): Uint8Array {
    return new Uint8Array(buffer, byteOffset + start + this.offset, this.size);
  }
}

const FIELDS = {
  u8: U8Field,
  u16: U16Field,
  u32: U32Field,
  u64: U64Field,
  safeU64: SafeU64Field,
  block: BlockField,
} as const satisfies {
  readonly [Kind in ValueKind]: new (
    ...place: [string, number, number]
  ) => Field<KindValues[Kind]>;
};

interface Codec<Kinds extends FieldKinds> {
  readonly field: { readonly [Name in keyof Values<Kinds>]: Field<Values<Kinds>[Name]> };
  /**
   * Writes the structure at byte `start`, padding as zeros.
   * @throws AssertionFailure where a value does not fit its field, or the structure the target
   */
  encode<Given extends OnlyValues<Kinds, Given>>(
    target: Uint8Array,
    values: Given,
    start?: number,
  ): void;
  /**
   * Reads the structure at byte `start`; whether its values are sound is for the caller to judge.
   * @throws AssertionFailure where it is cut off
   */
  decode(bytes: Uint8Array, start?: number): Values<Kinds>;
  /** Whether all padding of the structure at byte `start` is zero. */
  spareIsZero(bytes: Uint8Array, start?: number): boolean;
}

export const viewOf = (bytes: Uint8Array, offset = 0, byteCount?: number): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset + offset, byteCount ?? bytes.length - offset);

/** What the compiler says of a layout that has no codec. */
type Encodable<Kinds> = [Kinds] extends [never]
  ? 'a layout within the layout has no value of its own'
  : unknown;

/**
 * The functions that write and read the structure `layout`.
 * @throws AssertionFailure for one with another layout in it, which only a cast could have got past
 *   the compiler
 */
export function codecOf<Kinds extends FieldKinds>(
  layout: Layout<number, number, Readonly<Record<string, number>>, Kinds> & Encodable<Kinds>,
): Codec<Kinds> {
  const { name: structure, size: byteCount, kinds } = layout;
  const spare = layout.fields.filter(({ name }) => kinds[name] === 'pad');
  const fields = layout.fields
    .filter(({ name }) => kinds[name] !== 'pad')
    .map(({ name, offset, size }) => {
      const kind = kinds[name];
      assert(kind !== undefined && kind !== 'pad', `${structure}.${name} has no value of its own`);
      // Values of the kind that the layout names: the types below say so of each field.
      const field: Field<unknown> = new FIELDS[kind](`${structure}.${name}`, offset, size);
      return [name, field] as const;
    });
  const viewAt = (bytes: Uint8Array, start: number): DataView => {
    assert(start >= 0 && start + byteCount <= bytes.length, `a ${structure} is cut off`);
    return viewOf(bytes, start, byteCount);
  };
  return Object.freeze({
    field: Object.freeze(Object.fromEntries(fields)) as Codec<Kinds>['field'],
    encode(target: Uint8Array, values: Readonly<Record<string, unknown>>, start = 0) {
      const view = viewAt(target, start);
      for (const { offset, size } of spare) target.fill(0, start + offset, start + offset + size);
      for (const [name, field] of fields) field.setChecked(view, 0, values[name]);
    },
    decode(bytes: Uint8Array, start = 0) {
      const view = viewAt(bytes, start);
      const values: Record<string, unknown> = {};
      for (const [name, field] of fields) values[name] = field.get(view, 0);
      return values as Values<Kinds>;
    },
    spareIsZero: (bytes: Uint8Array, start = 0) =>
      spare.every(({ offset, size }) => isZero(bytes, start + offset, start + offset + size)),
  });
}

// Binary layouts that the compiler proves: a field that is declared at another offset than the sum
// of what stands before it, or off its alignment, does not compile, and the message says which: the
// sentence about a mistake stands where the compiler expects the offset or the size.
// The same sums are made again when the module loads (the pair assertion): types are erased.
import type { Alignment, IsKnown, IsMultiple, Plus, UpTo } from './layout-arithmetic.js';

/**
 * `At` where it is aligned or not known (an error before it); otherwise what the compiler prints.
 */
type Aligned<At extends number, Align extends Alignment, What extends string> =
  IsKnown<At> extends false
    ? number
    : IsMultiple<At, Align> extends true
      ? At
      : `${What} ${At} is not a multiple of ${Align}`;

/** The offset at which a field must be declared, or what is wrong with the field. */
type FieldOffset<
  At extends number,
  Names,
  Name extends string,
  Size extends number,
  Align extends number,
> = string extends Name
  ? 'the name of a field must be a literal'
  : Name extends Names
    ? `field ${Name} is declared twice`
    : IsKnown<Size> extends false
      ? `the size of ${Name} must be a literal whole number`
      : IsKnown<Align> extends false
        ? `the alignment of ${Name} must be a literal`
        : Align extends Alignment
          ? Aligned<At, Align, 'offset'>
          : `the alignment of ${Name} must be a power of two up to 4096`;

/** The size with which a layout must end, or what is wrong with its alignment. */
type EndSize<At extends number, Aligns extends number, Align extends Alignment> =
  IsKnown<Align> extends false
    ? 'the alignment must be a literal'
    : [Exclude<Aligns, UpTo<Align>>] extends [never]
      ? Aligned<At, Align, 'size'>
      : `alignment ${Align} is less than a field's ${Exclude<Aligns, UpTo<Align>>}`;

/** How the bytes of a field are read and written; codec.ts has the value of each. */
export type FieldKind = 'u8' | 'u16' | 'u32' | 'u64' | 'safeU64' | 'block' | 'pad';

/** What takes bytes. */
interface Sized<Size extends number, Align extends number> {
  readonly size: Size;
  readonly align: Align;
}

/** Anything that has a size and an alignment in bytes: a scalar, padding, or a whole layout. */
export interface BinaryType<
  Size extends number = number,
  Align extends number = number,
  Kind extends FieldKind = FieldKind,
> extends Sized<Size, Align> {
  /** Not of a layout within another: that is more than one value. */
  readonly kind?: Kind;
}

/** The kinds of a structure's fields by their names; never: one of them has none. */
export type FieldKinds = Readonly<Record<string, FieldKind>>;

interface LayoutField {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** A proven structure: `size` and `align` in bytes, `offset.name` for each named field. */
export interface Layout<
  Size extends number,
  Align extends number,
  Offsets extends Readonly<Record<string, number>>,
  Kinds extends FieldKinds = FieldKinds,
> extends Sized<Size, Align> {
  readonly name: string;
  readonly offset: Offsets;
  readonly kinds: Kinds;
  /** What each field was declared with. */
  readonly type: Readonly<Record<string, BinaryType>>;
  /** All fields in order, padding included; the documents are checked against this. */
  readonly fields: readonly LayoutField[];
}

interface LayoutBuilder<
  At extends number,
  Aligns extends number,
  Offsets extends Readonly<Record<string, number>>,
  Kinds extends FieldKinds,
> {
  /** A field at `offset`: compiles only where that is the sum of all before it, and aligned. */
  field<
    const Name extends string,
    Size extends number,
    Align extends number,
    Kind extends FieldKind = never,
  >(
    offset: FieldOffset<At, keyof Offsets, Name, Size, Align>,
    name: Name,
    type: BinaryType<Size, Align, Kind>,
  ): LayoutBuilder<
    Plus<At, Size>,
    IsKnown<Align> extends true ? Aligns | (Align & Alignment) : Aligns,
    Offsets & { readonly [key in Name]: At },
    [Kind] extends [never] ? never : Kinds & { readonly [key in Name]: Kind }
  >;
  /**
   * Ends the structure: `size` must be the sum of all fields, and a multiple of `align`.
   * The mapped type makes one flat object type of the intersection that the fields have built up,
   * in editors and in declaration files.
   */
  end<const Align extends Alignment>(
    size: EndSize<At, Aligns, Align>,
    align: Align,
  ): Layout<
    At,
    Align,
    { readonly [Name in keyof Offsets]: Offsets[Name] },
    { readonly [Name in keyof Kinds]: Kinds[Name] }
  >;
}

const scalar = <const Size extends number, const Kind extends FieldKind>(
  size: Size,
  kind: Kind,
): BinaryType<Size, Size, Kind> => Object.freeze({ size, align: size, kind });
export const u8 = scalar(1, 'u8');
export const u16 = scalar(2, 'u16');
export const u32 = scalar(4, 'u32');
export const u64 = scalar(8, 'u64');
/** A u64 that holds an id, a count or a size: below 2^53 where it is sound, so a number. */
export const safeU64 = scalar(8, 'safeU64');
/** `size` spare bytes: always zero, and checked. */
export const pad = <const Size extends number>(size: Size): BinaryType<Size, 1, 'pad'> =>
  Object.freeze({ size, align: 1, kind: 'pad' });
/** An opaque block of bytes that is described elsewhere. */
export const block = <const Size extends number, const Align extends Alignment>(
  size: Size,
  align: Align,
): BinaryType<Size, Align, 'block'> => Object.freeze({ size, align, kind: 'block' });

/** Index of the 32-bit word that begins at a byte, a multiple of four. */
export const wordOf = (byteOffset: number): number => byteOffset / Uint32Array.BYTES_PER_ELEMENT;

type Nothing = Readonly<Record<never, never>>;

class Builder {
  readonly #name: string;
  readonly #fields: LayoutField[] = [];
  readonly #types: Record<string, BinaryType> = {};
  readonly #kinds: Record<string, FieldKind> = {};
  #at = 0;
  #align = 1;

  constructor(name: string) {
    this.#name = name;
  }

  #check(what: string, declared: unknown, align: number): void {
    if (!(align >= 1 && align <= 4096 && Number.isInteger(Math.log2(align)))) {
      throw new RangeError(`${this.#name}: alignment ${align} is not a power of two up to 4096`);
    }
    if (declared !== this.#at) {
      throw new RangeError(`${this.#name}: ${what} is declared ${declared}, falls at ${this.#at}`);
    }
    if (this.#at % align !== 0) {
      throw new RangeError(`${this.#name}: ${what}, ${this.#at}, is not a multiple of ${align}`);
    }
  }

  field(offset: unknown, name: string, type: BinaryType): this {
    if (!Number.isSafeInteger(type.size) || type.size < 0) {
      throw new RangeError(`${this.#name}: the size of ${name} is ${type.size}`);
    }
    this.#check(`offset of ${name}`, offset, type.align);
    if (this.#fields.some((field) => field.name === name)) {
      throw new RangeError(`${this.#name}: field ${name} is declared twice`);
    }
    this.#fields.push(Object.freeze({ name, offset: this.#at, size: type.size }));
    this.#types[name] = type;
    if (type.kind !== undefined) this.#kinds[name] = type.kind;
    this.#at += type.size;
    this.#align = Math.max(this.#align, type.align);
    return this;
  }

  end(size: unknown, align: number): Layout<number, number, Readonly<Record<string, number>>> {
    this.#check('size', size, align);
    if (this.#align > align) {
      throw new RangeError(
        `${this.#name}: alignment ${align} is less than a field's ${this.#align}`,
      );
    }
    const offset = Object.freeze(
      Object.fromEntries(this.#fields.map((field) => [field.name, field.offset])),
    );
    const fields = Object.freeze(this.#fields);
    const type = Object.freeze(this.#types);
    const kinds = Object.freeze(this.#kinds);
    return Object.freeze({ name: this.#name, size: this.#at, align, offset, kinds, type, fields });
  }
}

/**
 * Begins a layout. Offsets and size are given as numbers and proven by the compiler:
 *
 *     const Pair = layout('Pair').field(0, 'first', u64).field(8, 'second', u64).end(16, 8);
 *     Pair.offset.second; // 8, as a type too
 *
 * @throws RangeError when the module loads, for what only a cast could have got past the compiler
 */
export function layout(name: string): LayoutBuilder<0, 1, Nothing, Nothing> {
  // The one cast: the run-time builder makes the same sums without the types.
  return new Builder(name) as unknown as LayoutBuilder<0, 1, Nothing, Nothing>;
}

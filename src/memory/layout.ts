// Binary layouts that the compiler proves: a field that is declared at another offset than the sum
// of what stands before it, or off its alignment, does not compile, and the message says which.
// How: the type carries the byte count as a tuple, whose length TypeScript can compare. Tuples end
// at 10,000 elements, so no single layout is larger; regions are composed of several.
// The same sums are made again when the module loads (the pair assertion): types are erased.

type Zeros = readonly 0[];
interface DigitTuples {
  '0': [];
  '1': [0];
  '2': [0, 0];
  '3': [0, 0, 0];
  '4': [0, 0, 0, 0];
  '5': [0, 0, 0, 0, 0];
  '6': [0, 0, 0, 0, 0, 0];
  '7': [0, 0, 0, 0, 0, 0, 0];
  '8': [0, 0, 0, 0, 0, 0, 0, 0];
  '9': [0, 0, 0, 0, 0, 0, 0, 0, 0];
}
type TimesTen<T extends Zeros> = [...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T];
/** A tuple of as many elements as the digits spell; plain recursion would end at 1,000. */
type Spelled<Digits extends string, T extends Zeros = []> =
  Digits extends `${infer Digit extends keyof DigitTuples}${infer Rest}`
    ? Spelled<Rest, [...TimesTen<T>, ...DigitTuples[Digit]]>
    : T;
/** N elements; none for `number` or `any` (a name that does not resolve), which would not end. */
type Tuple<N extends number> = number extends N ? [] : Spelled<`${N}`>;
/** What is left of `T` after taking `By` from it as often as it goes. */
type Remainder<T extends Zeros, By extends Zeros> = T extends readonly [
  ...By,
  ...infer Rest extends Zeros,
]
  ? Remainder<Rest, By>
  : T;
/** In steps of a hundred, ten, one: 8,192 bytes in steps of 4 would be 2,048 instantiations. */
type IsMultiple<T extends Zeros, Of extends Zeros> = Of extends readonly []
  ? false
  : Remainder<Remainder<Remainder<T, TimesTen<TimesTen<Of>>>, TimesTen<Of>>, Of> extends readonly []
    ? true
    : false;
/** The length of `At` where it is aligned; otherwise the sentence that the compiler prints. */
type Aligned<At extends Zeros, Align extends number, What extends string> =
  IsMultiple<At, Tuple<Align>> extends true
    ? At['length']
    : `${What} ${At['length']} is not a multiple of ${Align}`;

/** Anything that has a size and an alignment in bytes: a scalar, padding, or a whole layout. */
export interface BinaryType<Size extends number = number, Align extends number = number> {
  readonly size: Size;
  readonly align: Align;
}

export interface LayoutField {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** A proven structure: `size` and `align` in bytes, `offset.name` for each named field. */
export interface Layout<
  Size extends number,
  Align extends number,
  Offsets extends Readonly<Record<string, number>>,
> extends BinaryType<Size, Align> {
  readonly name: string;
  readonly offset: Offsets;
  /** All fields in order, padding included; the documents are checked against this. */
  readonly fields: readonly LayoutField[];
}

interface LayoutBuilder<At extends Zeros, Offsets extends Readonly<Record<string, number>>> {
  /** A field at `offset`: compiles only where that is the sum of all before it, and aligned. */
  field<const Name extends string, Size extends number, Align extends number>(
    offset: Aligned<At, Align, 'offset'>,
    name: Name,
    type: BinaryType<Size, Align>,
  ): LayoutBuilder<
    [...At, ...Tuple<Size>],
    Offsets & { readonly [key in Name]: At['length'] & number }
  >;
  /** Ends the structure: `size` must be the sum of all fields, and a multiple of `align`. */
  end<const Align extends number>(
    size: Aligned<At, Align, 'size'>,
    align: Align,
  ): Layout<At['length'] & number, Align, Offsets>;
}

const scalar = <const Size extends number>(size: Size): BinaryType<Size, Size> =>
  Object.freeze({ size, align: size });
export const u8 = scalar(1);
export const u16 = scalar(2);
export const u32 = scalar(4);
export const u64 = scalar(8);
/** `size` spare bytes: always zero, and checked. */
export const pad = <const Size extends number>(size: Size): BinaryType<Size, 1> =>
  Object.freeze({ size, align: 1 });
/** An opaque block of bytes that is described elsewhere. */
export const block = <const Size extends number, const Align extends number>(
  size: Size,
  align: Align,
): BinaryType<Size, Align> => Object.freeze({ size, align });

class Builder {
  readonly #name: string;
  readonly #fields: LayoutField[] = [];
  #at = 0;
  #align = 1;

  constructor(name: string) {
    this.#name = name;
  }

  #check(what: string, declared: unknown, align: number): void {
    if (declared !== this.#at) {
      throw new RangeError(`${this.#name}: ${what} is declared ${declared}, falls at ${this.#at}`);
    }
    if (this.#at % align !== 0) {
      throw new RangeError(
        `${this.#name}: ${what} ${this.#at} is not a multiple of ${align}`,
      );
    }
  }

  field(offset: unknown, name: string, type: BinaryType): this {
    this.#check(`offset of ${name}`, offset, type.align);
    if (this.#fields.some((field) => field.name === name)) {
      throw new RangeError(`${this.#name}: field ${name} is declared twice`);
    }
    this.#fields.push(Object.freeze({ name, offset: this.#at, size: type.size }));
    this.#at += type.size;
    this.#align = Math.max(this.#align, type.align);
    return this;
  }

  end(size: unknown, align: number): Layout<number, number, Readonly<Record<string, number>>> {
    this.#check('size', size, align);
    if (this.#align > align) {
      throw new RangeError(`${this.#name}: alignment ${align} is less than a field's ${this.#align}`);
    }
    const offset = Object.freeze(
      Object.fromEntries(this.#fields.map((field) => [field.name, field.offset])),
    );
    const fields = Object.freeze(this.#fields);
    return Object.freeze({ name: this.#name, size: this.#at, align, offset, fields });
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
export function layout(name: string): LayoutBuilder<[], Readonly<Record<never, never>>> {
  // The one cast: the run-time builder makes the same sums without the types.
  return new Builder(name) as unknown as LayoutBuilder<[], Readonly<Record<never, never>>>;
}

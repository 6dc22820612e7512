// Sums and divisibility of byte counts for the compiler: types only, nothing of this runs. Numbers
// are added and halved as people do on paper, digit by digit, on the string that spells them.
// (Tuples of as many elements as bytes would do too, but a layout of 4,352 bytes costs tens of
// thousands of steps that way, and the compiler has no tuple of more than 9,999 elements.)

/** A digit as that many elements, so that the sum of two digits is the length of both together. */
interface Digits {
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
type Digit = keyof Digits;
type OddDigit = '1' | '3' | '5' | '7' | '9';
/** Half of a digit, rounded down, that follows an even digit (a 0 is carried) or an odd one. */
interface HalfDigits {
  even: ['0', '0', '1', '1', '2', '2', '3', '3', '4', '4'];
  odd: ['5', '5', '6', '6', '7', '7', '8', '8', '9', '9'];
}

/** For `any`, the type of what is misspelt, true and false at once. */
type IsUnion<T, Whole = T> = T extends Whole ? ([Whole] extends [T] ? false : true) : never;
type Reverse<S extends string, Out extends string = ''> = S extends `${infer First}${infer Rest}`
  ? Reverse<Rest, `${First}${Out}`>
  : Out;
type ToNumber<S extends string> = S extends `${infer N extends number}` ? N : never;
type IsSpelled<S extends string> = S extends `${Digit}${infer Rest}`
  ? Rest extends ''
    ? true
    : IsSpelled<Rest>
  : false;
/** True for one whole number that is known: not `number`, 8 | 16, -1, 0.5, or what is misspelt. */
export type IsKnown<N extends number> = true extends IsUnion<N> ? false : IsSpelled<`${N}`>;

/** First digit and rest of a reversed number; zeros continue for ever after it. */
type Lowest<S extends string> = S extends `${infer First extends Digit}${infer Rest}`
  ? [First, Rest]
  : ['0', ''];
/** 58 + 64: '85' and '46' reversed; 8 + 4 = 12 is digit 2, carry 1; 5 + 6 + 1 = 12; so 122. */
type Add<
  A extends string,
  B extends string,
  Carry extends 0[] = [],
  Sum extends string = '',
> = `${A}${B}` extends ''
  ? Carry extends []
    ? Sum
    : `1${Sum}`
  : [...Lowest<A>, ...Lowest<B>] extends [
        infer X extends Digit,
        infer As extends string,
        infer Y extends Digit,
        infer Bs extends string,
      ]
    ? `${[...Digits[X], ...Digits[Y], ...Carry]['length'] & number}` extends infer Column
      ? Column extends `1${infer Ones extends Digit}`
        ? Add<As, Bs, [0], `${Ones}${Sum}`>
        : Add<As, Bs, [], `${Column & string}${Sum}`>
      : never
    : never;
/** `A` + `B`, or `number` where one of them is not known. */
export type Plus<A extends number, B extends number> = [IsKnown<A>, IsKnown<B>] extends [true, true]
  ? ToNumber<Add<Reverse<`${A}`>, Reverse<`${B}`>>>
  : number;

/** Half of a number, rounded down: 137 is 0, then 13 / 2 = 6, then 17 / 2 = 8, so 068. */
type Halve<
  S extends string,
  Before extends 'even' | 'odd' = 'even',
  Out extends string = '',
> = S extends `${infer First extends Digit}${infer Rest}`
  ? Halve<Rest, First extends OddDigit ? 'odd' : 'even', `${Out}${HalfDigits[Before][First]}`>
  : Out;
interface Halves {
  2: 1;
  4: 2;
  8: 4;
  16: 8;
  32: 16;
  64: 32;
  128: 64;
  256: 128;
  512: 256;
  1024: 512;
  2048: 1024;
  4096: 2048;
}
/** A power of two, in bytes, up to a page. */
export type Alignment = 1 | 2 | 4 | 8 | 16 | 32 | 64 | 128 | 256 | 512 | 1024 | 2048 | 4096;
type IsMultipleSpelled<S extends string, Of extends number> = Of extends keyof Halves
  ? S extends `${string}${OddDigit}`
    ? false
    : IsMultipleSpelled<Halve<S>, Halves[Of]>
  : true;
/** 192 is a multiple of 64, because it is even and 96 is a multiple of 32. */
export type IsMultiple<N extends number, Of extends Alignment> = IsMultipleSpelled<`${N}`, Of>;
/** The alignments that a multiple of `Align` has as well. */
export type UpTo<Align extends Alignment> =
  | Align
  | (Align extends keyof Halves ? UpTo<Halves[Align]> : never);

// Decimal numbers as bytes, both ways, without a string for what real data looks like.

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;

/** Exact as float64: 10^0 … 10^22. */
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
/** A decimal with so few digits differs from every other one in its float64. */
const EXACT_DIGITS = 15;
/** Longest text that the writers here produce: `-`, 17 digits, a point, up to 323 zeros. */
export const DECIMAL_BYTES_MAX = 344;

/** Writes a safe integer; returns the offset after it. */
export function writeInteger(target: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  if (rest < 0) {
    target[at++] = MINUS;
    rest = -rest;
  }
  let digits = 1;
  for (let limit = 10; rest >= limit; limit *= 10) digits += 1;
  const end = at + digits;
  for (let position = end - 1; position >= at; position -= 1) {
    const quotient = Math.floor(rest / 10);
    target[position] = ZERO + (rest - quotient * 10);
    rest = quotient;
  }
  return end;
}

/** The shortest decimal that reads as `value` (finite, not negative), without an exponent. */
export function shortestDecimal(value: number): string {
  const text = String(value);
  const [mantissa = '', exponentText] = text.split('e');
  if (exponentText === undefined) return text;
  const exponent = Number(exponentText);
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  return digits.padEnd(exponent + 1, '0');
}

/** Writes {@link shortestDecimal} of `value`; returns the offset after it. */
export function writeDecimal(target: Uint8Array, offset: number, value: number): number {
  const nanoseconds = Math.round(value * 1e9);
  // At most 15 digits that read as the same number: then no shorter ones do, for two decimals of
  // up to 15 digits never share a float64.
  if (nanoseconds < 1e15 && nanoseconds / 1e9 === value) {
    const whole = Math.floor(nanoseconds / 1e9);
    const at = writeInteger(target, offset, whole);
    return writeFraction(target, at, nanoseconds - whole * 1e9);
  }
  const text = shortestDecimal(value);
  for (let index = 0; index < text.length; index += 1) {
    target[offset + index] = text.charCodeAt(index);
  }
  return offset + text.length;
}

function writeFraction(target: Uint8Array, offset: number, billionths: number): number {
  if (billionths === 0) return offset;
  target[offset] = POINT;
  let rest = billionths;
  let end = offset + 1;
  for (let position = offset + 9; position > offset; position -= 1) {
    const quotient = Math.floor(rest / 10);
    const digit = rest - quotient * 10;
    target[position] = ZERO + digit;
    if (digit !== 0 && end === offset + 1) end = position + 1;
    rest = quotient;
  }
  return end;
}

/**
 * Walks over the fields of one line. Each `read…` returns NaN where the bytes up to the next comma
 * are no such number; `text()` is then what stood there.
 */
export class DecimalReader {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  #fieldStart = 0;

  begin(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#fieldStart = start;
  }

  /** The field that was read last. */
  text(): string {
    const comma = this.#bytes.indexOf(0x2c, this.#fieldStart);
    const end = comma < 0 || comma > this.#end ? this.#end : comma;
    return this.#bytes.toString('latin1', this.#fieldStart, end);
  }

  /** Steps over the comma; false where there is none. */
  nextField(): boolean {
    if (this.#at >= this.#end || this.#bytes[this.#at] !== 0x2c) return false;
    this.#at += 1;
    this.#fieldStart = this.#at;
    return true;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  #atFieldEnd(): boolean {
    return this.#at === this.#end || this.#bytes[this.#at] === 0x2c;
  }

  /** Digits from here on, as a number; NaN without any. Exact up to 15 digits. */
  #readDigits(): number {
    const start = this.#at;
    let value = 0;
    for (; this.#at < this.#end; this.#at += 1) {
      const digit = (this.#bytes[this.#at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    return this.#at === start ? Number.NaN : value;
  }

  /** A whole number, `-` allowed. Beyond 2^53 the result is no safe integer. */
  readInteger(): number {
    const negative = this.#at < this.#end && this.#bytes[this.#at] === MINUS;
    if (negative) this.#at += 1;
    const value = this.#readDigits();
    if (!this.#atFieldEnd()) return Number.NaN;
    return negative && value !== 0 ? -value : value;
  }

  /** A decimal without sign or exponent, rounded to the nearest float64. */
  readDecimal(): number {
    const start = this.#at;
    const whole = this.#readDigits();
    if (Number.isNaN(whole)) return whole;
    let mantissa = whole;
    let fractionDigits = 0;
    if (this.#at < this.#end && this.#bytes[this.#at] === POINT) {
      this.#at += 1;
      const fractionStart = this.#at;
      for (; this.#at < this.#end; this.#at += 1) {
        const digit = (this.#bytes[this.#at] ?? 0) - ZERO;
        if (digit < 0 || digit > 9) break;
        mantissa = mantissa * 10 + digit;
      }
      fractionDigits = this.#at - fractionStart;
      if (fractionDigits === 0) return Number.NaN;
    }
    if (!this.#atFieldEnd()) return Number.NaN;
    // Both are exact, so the one division rounds correctly.
    const digits = this.#at - start - (fractionDigits > 0 ? 1 : 0);
    if (digits <= EXACT_DIGITS) return mantissa / (POWERS_OF_TEN[fractionDigits] ?? 1);
    return Number(this.text());
  }
}

// One event that is being put together. Its fixed part is memory of its own, so that no code of the
// application runs while a frame of the ring is half written, other events may be appended in
// between, and a draft that is dropped leaves nothing behind. `append` copies it as
// words.
import { invalidArgument } from '../errors.js';
import { lengthOf } from '../memory/typed-arrays.js';
import { shownValue } from './event-errors.js';
import { type FieldReader, readersOf } from './field-readers.js';
import { type WriterTarget, type WrittenField, writersOf } from './field-writers.js';
import type { EventLayout } from './fields.js';

const NOTHING = new Uint8Array(0);

export class Draft implements WriterTarget {
  readonly bytes: Uint8Array;
  /** The fixed part, and zeros up to the next multiple of 8. */
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly view: DataView;
  /** The variable part: what was given, or the bytes of a text. */
  rest: Uint8Array = NOTHING;
  restBytes = 0;
  /** The same as it was given. */
  restValue: unknown = undefined;
  /** Where the variable part begins. */
  readonly fixedBytes: number;
  readonly #nothing: unknown;
  readonly #written: readonly WrittenField[];
  readonly #readers: readonly { readonly name: string; readonly read: FieldReader }[];
  readonly #restName: string | undefined;
  #text = NOTHING;
  /** What was read from an object, before any of it is stored. */
  readonly #taken: unknown[];

  constructor(layout: EventLayout) {
    const buffer = new ArrayBuffer((layout.fixedBytes + 7) & -8);
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.view = new DataView(buffer);
    this.fixedBytes = layout.fixedBytes;
    this.#nothing = layout.rest?.encoding === 'string' ? '' : NOTHING;
    this.restValue = this.#nothing;
    this.#written = writersOf(layout);
    this.#readers = readersOf(layout);
    this.#restName = layout.rest?.name;
    this.#taken = this.#written.map(() => undefined);
  }

  /** All fields zero, the variable part empty. */
  clear(): void {
    const { doubles } = this;
    for (let at = 0; at < doubles.length; at++) doubles[at] = 0;
    if (this.restBytes > 0) this.setRest(NOTHING, 0, this.#nothing);
  }

  setRest(bytes: Uint8Array, byteCount: number, value: unknown): void {
    this.rest = bytes;
    this.restBytes = byteCount;
    this.restValue = value;
  }

  /** What was given is not kept alive. */
  dropRest(): void {
    if (this.restBytes > 0) this.setRest(NOTHING, 0, this.#nothing);
  }

  textBuffer(byteCount: number): Uint8Array {
    if (this.#text.length < byteCount) this.#text = new Uint8Array(Math.max(byteCount, 256));
    return this.#text;
  }

  /**
   * Takes all fields from an object, whose code may run here: each is read once.
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT for a value that its field cannot hold
   */
  take(values: object): void {
    if (typeof values !== 'object' || values === null) {
      throw invalidArgument(`An event must be an object; it is ${shownValue(values)}.`);
    }
    const given = values as Readonly<Record<string, unknown>>;
    const written = this.#written;
    const taken = this.#taken;
    for (let at = 0; at < written.length; at++) {
      taken[at] = given[(written[at] as WrittenField).field.name];
    }
    for (let at = 0; at < written.length; at++) {
      (written[at] as WrittenField).write(this, taken[at]);
      taken[at] = undefined;
    }
  }

  /**
   * Bytes of the event.
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT where those that were given are gone by now
   */
  get payloadBytes(): number {
    if (this.restBytes > 0 && lengthOf(this.rest) < this.restBytes) {
      throw invalidArgument(
        'The bytes of the event no longer have any memory: append before you give their buffer ' +
          'away.',
      );
    }
    return this.fixedBytes + this.restBytes;
  }

  /**
   * What readers will give of the event. What is appended behind it has the same bytes, whatever
   * becomes of those that were given.
   */
  toObject(): object {
    this.#ownRest();
    const values: Record<string, unknown> = {};
    for (const { name, read } of this.#readers) {
      if (name === this.#restName) values[name] = this.#ownedRest;
      else {
        const value = read(this.view, 0, 0);
        values[name] = value instanceof Uint8Array ? new Uint8Array(value) : value;
      }
    }
    return values;
  }

  #ownRest(): void {
    if (this.restBytes === 0 || typeof this.restValue === 'string') return;
    const own = new Uint8Array(this.payloadBytes - this.fixedBytes);
    own.set(this.rest.subarray(0, own.length));
    this.setRest(own, own.length, own);
  }

  get #ownedRest(): unknown {
    if (typeof this.restValue === 'string') return this.restValue;
    return this.restBytes === 0 ? new Uint8Array(0) : this.rest;
  }

  toBytes(): Uint8Array {
    const payload = new Uint8Array(this.payloadBytes);
    payload.set(this.bytes.subarray(0, this.fixedBytes));
    payload.set(this.rest.subarray(0, this.restBytes), this.fixedBytes);
    return payload;
  }
}

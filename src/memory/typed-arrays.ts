// What a typed array is, as the engine knows it. `instanceof`, `length` and the like are what an
// object says of itself: a subclass, an own property or a proxy may say anything, and another
// realm's array is as good as ours. The getters of %TypedArray%.prototype, taken before anyone can
// replace them, tell the truth of an array of any realm, and throw at what is none.

const TYPED_ARRAY_PROTOTYPE: object = Object.getPrototypeOf(Uint8Array.prototype);

/** A getter as a function of its receiver; V8 compiles the call to a load. */
function getterOf<Value>(name: PropertyKey): (receiver: unknown) => Value {
  const getter = Object.getOwnPropertyDescriptor(TYPED_ARRAY_PROTOTYPE, name)?.get;
  if (getter === undefined) throw new TypeError(`%TypedArray%.prototype has no ${String(name)}`);
  return Function.prototype.call.bind(getter) as (receiver: unknown) => Value;
}

/** `Uint8Array` and the like; undefined of whatever is no typed array. */
export const kindOf = getterOf<string | undefined>(Symbol.toStringTag);
/** Elements now; 0 where the array has lost its memory. */
export const lengthOf = getterOf<number>('length');

/** `target.set(source, offset)`, whatever `set` the array has by now. */
export const setBytes = Function.prototype.call.bind(Uint8Array.prototype.set) as (
  target: Uint8Array,
  source: Uint8Array,
  offset: number,
) => void;

const NO_BYTES = new Uint8Array(0);

/** Whether an array without elements has lost its memory: detached, or shrunk to end before it. */
export function isBereft(array: Uint8Array): boolean {
  try {
    setBytes(NO_BYTES, array, 0);
    return false;
  } catch {
    // Another thread may have given it its first bytes meanwhile: that one is sound.
    return lengthOf(array) === 0;
  }
}

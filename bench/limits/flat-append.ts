// The least that an append can cost here: the same frame as ours, written by one flat function into
// a ring of the same size that nobody empties, with a time that somebody else keeps fresh. It has
// no room to wait for, no telemetry and no limits, and so is a bound, not a log.

const HEADER_BYTES = 24;
const EVENT_KIND = 1;
const HIGH_WORD = 2 ** 32;

export interface FlatRing {
  /** Copies the payload by `set`. Returns the event's id. */
  append(payload: Uint8Array, type?: number): number;
  /** An order of 40 bytes, each field stored where it belongs: no payload is ever built. */
  appendOrder(id: number, price: number, quantity: number, side: number, time: number): number;
}

/**
 * @param ringBytes a power of two
 * @param isAtomic whether frames are published by `Atomics.store`, or by a plain store
 */
export function flatRing(ringBytes: number, isAtomic: boolean): FlatRing {
  const memory = new SharedArrayBuffer(ringBytes);
  const bytes = new Uint8Array(memory);
  const words = new Int32Array(memory);
  const doubles = new Float64Array(memory);
  /** Word 0 is the position, word 32 the state, as far apart as two writers need. */
  const control = new Int32Array(new SharedArrayBuffer(256));
  const freshNs = new Float64Array(new SharedArrayBuffer(64)).fill(123_456_789);
  let nextId = 1;
  let offset = 0;
  let position = 0;

  const head = (frameBytes: number, spanBytes: number, type: number): number => {
    if (control[32] !== 0) throw new Error('the log has failed');
    if (offset + spanBytes > ringBytes) offset = 0;
    const word = offset >>> 2;
    const timeNs = freshNs[0] ?? 0;
    words[word] = frameBytes;
    words[word + 1] = EVENT_KIND | (type << 16);
    words[word + 2] = nextId | 0;
    words[word + 3] = (nextId / HIGH_WORD) | 0;
    words[word + 4] = timeNs | 0;
    words[word + 5] = (timeNs / HIGH_WORD) | 0;
    return offset;
  };
  const publish = (spanBytes: number): number => {
    offset += spanBytes;
    position = (position + (spanBytes >>> 3)) | 0;
    if (isAtomic) Atomics.store(control, 0, position);
    else control[0] = position;
    return nextId++;
  };
  return {
    append(payload, type = 0) {
      if (!(payload instanceof Uint8Array)) throw new TypeError('the payload is no Uint8Array');
      const frameBytes = HEADER_BYTES + payload.length;
      const spanBytes = (frameBytes + 7) & ~7;
      bytes.set(payload, head(frameBytes, spanBytes, type) + HEADER_BYTES);
      return publish(spanBytes);
    },
    appendOrder(id, price, quantity, side, time) {
      const double = head(64, 64, 1) >>> 3;
      doubles[double + 3] = id;
      doubles[double + 4] = price;
      doubles[double + 5] = time;
      words[(double + 6) << 1] = quantity;
      words[((double + 6) << 1) + 1] = side;
      doubles[double + 7] = 0;
      return publish(64);
    },
  };
}

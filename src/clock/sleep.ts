// Rests of a thread that must not continue with anything else meanwhile.

/** Nobody notifies it. */
const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Holds the calling thread for so long. */
export function sleepFor(ms: number): void {
  Atomics.wait(sleeper, 0, 0, ms);
}

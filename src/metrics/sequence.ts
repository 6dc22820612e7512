// The word that keeps the lines of one group together: odd while its one writer changes them, moved
// by two with each change. A reader whose two looks at it agree, on an even value, has a copy whose
// fields belong together. A writer that was killed in between leaves it odd: readers still get what
// stands there, marked by just that.
//
// On x64 stores become visible in program order, and V8 emits typed-array stores in program order
// (it neither moves nor merges them), so plain stores do: 5 ns where two Atomics.store cost 18 to
// 35 ns. Elsewhere the stores are atomic. The litmus test holds the choice.

/** Total store order: what one processor stores in order, no other sees out of order. */
const ORDERS_STORES = process.arch === 'x64' || process.arch === 'ia32';

export const isIncomplete = (sequence: number): boolean => (sequence & 1) === 1;

/** Before the first store of a change. */
export function beginChange(words: Uint32Array, at: number): void {
  const odd = (words[at] as number) | 1;
  if (ORDERS_STORES) words[at] = odd;
  // An exchange, because stores behind an atomic store may still move ahead of it on arm64.
  else Atomics.exchange(words, at, odd);
}

/** Behind its last store. */
export function endChange(words: Uint32Array, at: number): void {
  publish(words, at, ((words[at] as number) | 1) + 1);
}

/** Stores `value` so that whoever sees it sees all that was stored before. */
export function publish(words: Uint32Array, at: number, value: number): void {
  if (ORDERS_STORES) words[at] = value;
  else Atomics.store(words, at, value >>> 0);
}

const fence = new Int32Array(new SharedArrayBuffer(4));

/** Between the copy and the second look at the sequence: loads must not move across. */
export function fenceLoads(): void {
  if (!ORDERS_STORES) Atomics.exchange(fence, 0, 0);
}

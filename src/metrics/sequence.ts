// Two counters keep the lines of one group together. A change moves `begun` before its first store,
// and makes `ended` equal to it after the last one. `ended` is the first word of the group's first
// line, `begun` the last word of its last line, or of its first where there is no journal. A reader
// that reads `ended` before everything else and `begun` after it, and finds both equal, has a copy
// whose fields belong together: what it read was complete, and nothing new had begun. A writer that
// was killed in between leaves them different: readers still get what stands there, marked by that.
//
// Two counters at both ends, and not one that is looked at twice, because then a copy in ascending
// order checks itself: one system call reads a line of another process, where three would never get
// between two records of a fast writer.
//
// On x64 stores become visible in program order, and loads are made in it; V8 emits the stores and
// loads of typed arrays in program order (it neither moves nor merges them). So plain ones do: 5 ns
// where two Atomics.store cost 18 to 35 ns. Elsewhere they are atomic. The litmus test holds that.
//
// A thread that runs code of the application may be cut short by the engine (a time limit of vm,
// the end of the stack) where it enters a function or turns in a loop, and lives on. What
// such a thread records must not stop half-way for all to see: `changeLine` and `changeGroup` take
// a change that is complete, and call none of our functions between its first store and its last.

/** Total store order: what one processor stores in order, no other sees out of order. */
export const ORDERS_STORES = process.arch === 'x64' || process.arch === 'ia32';

/** Words of a cache line. */
export const LINE_WORDS = 16;
/** Where `begun` stands in its line; `ended` stands at 0. */
export const BEGUN = LINE_WORDS - 1;

/** Before the first store of a change. `line`: word of the line that holds `begun`. */
export function beginChange(words: Uint32Array, line: number): void {
  const begun = (words[line + BEGUN] as number) + 1;
  if (ORDERS_STORES) words[line + BEGUN] = begun;
  // An exchange, because stores after an atomic store may still move ahead of it on arm64.
  else Atomics.exchange(words, line + BEGUN, begun >>> 0);
}

/**
 * Behind its last store.
 * @param first word of the group's first line
 * @param line word of the line that holds `begun`, where that is another
 */
export function endChange(words: Uint32Array, first: number, line = first): void {
  publish(words, first, words[line + BEGUN] as number);
}

/**
 * Puts a 64-bit value at word `at` of the line `line`: a whole change.
 * @param low the value's halves; may come as signed words, which are never boxed
 */
export function changeLine(
  words: Uint32Array,
  line: number,
  at: number,
  low: number,
  high: number,
): void {
  const begun = (words[line + BEGUN] as number) + 1;
  if (ORDERS_STORES) words[line + BEGUN] = begun;
  else Atomics.exchange(words, line + BEGUN, begun >>> 0);
  words[at] = low;
  words[at + 1] = high;
  if (ORDERS_STORES) words[line] = begun;
  else Atomics.store(words, line, begun >>> 0);
}

/**
 * Puts `copy` in the place of the lines of a group: a whole change, whatever `copy` has for the two
 * counters.
 * @param begunIn which word of the copy is `begun`
 */
export function changeGroup(
  words: Uint32Array,
  first: number,
  copy: Uint32Array,
  begunIn: number,
): void {
  const begunAt = first + begunIn;
  const begun = (words[begunAt] as number) + 1;
  copy[0] = words[first] as number;
  copy[begunIn] = begun;
  if (ORDERS_STORES) words[begunAt] = begun;
  else Atomics.exchange(words, begunAt, begun >>> 0);
  words.set(copy, first);
  if (ORDERS_STORES) words[first] = begun;
  else Atomics.store(words, first, begun >>> 0);
}

/** Stores `value` so that whoever sees it sees all that was stored before. */
export function publish(words: Uint32Array, at: number, value: number): void {
  if (ORDERS_STORES) words[at] = value;
  else Atomics.store(words, at, value >>> 0);
}

const fence = new Int32Array(new SharedArrayBuffer(4));

/** Between loads that were not atomic and those that must come later. */
export function fenceLoads(): void {
  if (!ORDERS_STORES) Atomics.exchange(fence, 0, 0);
}

// Copies a struct while its writers go on writing, group by group, each whole: from memory of this
// process or, by pread, from another's. The copy needs no help from the writer and outlives it.
import type { MetricGroup, StructDefinition } from './catalogue.js';
import { APPLIED, applyNotes, HEAD, JOURNAL_NOTES, NOTE_WORDS, NOTES } from './journal.js';
import { fenceLoads, isIncomplete } from './sequence.js';

/** Words that a writer may be changing; all word indexes count from the struct's start. */
export interface MetricSource {
  /** One word, as it is now. */
  load(at: number): number;
  /** Copies `count` words from `at` on; the writer may be changing them meanwhile. */
  copy(at: number, count: number, target: Uint32Array, targetAt: number): void;
}

/** Memory of this process. */
export class MemorySource implements MetricSource {
  readonly #words: Uint32Array;
  readonly #start: number;

  constructor(words: Uint32Array, start: number) {
    this.#words = words;
    this.#start = start;
  }

  load(at: number): number {
    return Atomics.load(this.#words, this.#start + at);
  }

  copy(at: number, count: number, target: Uint32Array, targetAt: number): void {
    const start = this.#start + at;
    target.set(this.#words.subarray(start, start + count), targetAt);
    fenceLoads();
  }
}

/** Looks at a change that is under way before sleeping between looks. */
const SPINS = 200;
const SLEEP_MS = 0.1;
/** A change that is under way for so many sleeps without an end has no writer any more. */
const SLEEPS = 200;

/** Nobody notifies it: a sleep for a writer that may be waiting for this very processor. */
const sleeper = new Int32Array(new SharedArrayBuffer(4));

const copiedNotes = new Uint32Array(JOURNAL_NOTES * NOTE_WORDS);

/**
 * Copies all of a struct to `target` from word `targetAt` on.
 * @param isLive false when the writers are known to be gone: then nobody is waited for
 * @returns the names of the groups of which only an unfinished change could be had; the sequence
 * words of these are odd in the copy
 */
export function copyStruct(
  definition: StructDefinition,
  source: MetricSource,
  target: Uint32Array,
  targetAt: number,
  isLive = true,
): string[] {
  return definition.groups
    .filter((group) => !copyGroup(group, source, target, targetAt, isLive))
    .map(({ name }) => name);
}

/** Copies one group; false where only an unfinished change could be had. */
export function copyGroup(
  group: MetricGroup,
  source: MetricSource,
  target: Uint32Array,
  targetAt: number,
  isLive = true,
): boolean {
  let stuckAt = source.load(group.at);
  let spins = 0;
  let sleeps = 0;
  for (;;) {
    if (tryCopy(group, source, target, targetAt)) return true;
    const sequence = source.load(group.at);
    if (sequence !== stuckAt || !isIncomplete(sequence)) {
      // Someone writes: the next attempt may be luckier.
      stuckAt = sequence;
      spins++;
      if (spins % SPINS === 0) Atomics.wait(sleeper, 0, 0, SLEEP_MS);
      continue;
    }
    spins++;
    if (isLive && spins < SPINS) continue;
    sleeps++;
    if (!isLive || sleeps > SLEEPS) break;
    Atomics.wait(sleeper, 0, 0, SLEEP_MS);
  }
  copyAsItIs(group, source, target, targetAt);
  return false;
}

/** One attempt: the lines between two equal looks at their sequence, then the notes behind them. */
function tryCopy(
  group: MetricGroup,
  source: MetricSource,
  target: Uint32Array,
  targetAt: number,
): boolean {
  const { at, wordCount, journalAt, apply } = group;
  const sequence = source.load(at);
  if (isIncomplete(sequence)) return false;
  source.copy(at, wordCount, target, targetAt + at);
  if (source.load(at) !== sequence) return false;
  if (journalAt === undefined || apply === undefined) return true;
  const applied = target[targetAt + journalAt + APPLIED] as number;
  const head = source.load(journalAt + HEAD);
  const count = (head - applied) >>> 0;
  if (count >= JOURNAL_NOTES) return false;
  copyNotes(source, journalAt + NOTES, applied, count);
  // The note that the writer is at now stands where note `head` minus 512 stood.
  if ((source.load(journalAt + HEAD) - applied) >>> 0 >= JOURNAL_NOTES) return false;
  applyNotes(target, targetAt + at, apply, copiedNotes, 0, applied, head);
  target[targetAt + journalAt + APPLIED] = head;
  target[targetAt + journalAt + HEAD] = head;
  return true;
}

/** Copies notes to their own places in `copiedNotes`: in two pieces where they wrap around. */
function copyNotes(source: MetricSource, notesAt: number, from: number, count: number): void {
  const first = from & (JOURNAL_NOTES - 1);
  const untilEnd = Math.min(count, JOURNAL_NOTES - first);
  const place = first * NOTE_WORDS;
  if (untilEnd > 0) source.copy(notesAt + place, untilEnd * NOTE_WORDS, copiedNotes, place);
  if (count > untilEnd) source.copy(notesAt, (count - untilEnd) * NOTE_WORDS, copiedNotes, 0);
}

/** The last resort: what a writer that was killed in the middle has left, its sequence odd. */
function copyAsItIs(
  { at, wordCount, journalAt }: MetricGroup,
  source: MetricSource,
  target: Uint32Array,
  targetAt: number,
): void {
  source.copy(at, wordCount, target, targetAt + at);
  target[targetAt + at] = (target[targetAt + at] as number) | 1;
  if (journalAt === undefined) return;
  // Which notes the lines contain cannot be told: none is applied again.
  target[targetAt + journalAt + HEAD] = target[targetAt + journalAt + APPLIED] as number;
}

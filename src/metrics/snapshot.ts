// Copies a struct while it is being written, group by group, each consistent in itself: from memory
// of this process or, by pread, from another's. The copy needs no help from the writer, and
// outlives it.
import type { MetricGroup, StructDefinition } from './catalogue.js';
import { APPLIED, applyNotes, HEAD, JOURNAL_NOTES, NOTE_WORDS, NOTES } from './journal.js';
import { inOneReading, patienceOfReading } from './patience.js';
import { fenceLoads, LINE_WORDS, ORDERS_STORES } from './sequence.js';

/** Words that a writer may be changing; all word indexes count from the struct's start. */
export interface MetricSource {
  /** One word, as it is now. */
  load(at: number): number;
  /**
   * Copies `count` words from `at` on; the writer may be changing them meanwhile. The first word is
   * read before all others and the last after all others.
   */
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
    const from = this.#start + at;
    if (count <= LINE_WORDS) copyInOrder(this.#words, from, count, target, targetAt);
    else copyMany(this.#words, from, count, target, targetAt);
  }
}

/** A line, in a few nanoseconds: a fast writer is between two changes of it for no longer. */
function copyInOrder(
  words: Uint32Array,
  from: number,
  count: number,
  target: Uint32Array,
  targetAt: number,
): void {
  if (ORDERS_STORES) {
    for (let word = 0; word < count; word++) {
      target[targetAt + word] = words[from + word] as number;
    }
  } else {
    for (let word = 0; word < count; word++) {
      target[targetAt + word] = Atomics.load(words, from + word);
    }
  }
}

/** The order within `set` is the runtime's affair, so both ends are read on their own. */
function copyMany(
  words: Uint32Array,
  from: number,
  count: number,
  target: Uint32Array,
  targetAt: number,
): void {
  const first = Atomics.load(words, from);
  target.set(words.subarray(from, from + count), targetAt);
  fenceLoads();
  target[targetAt] = first;
  target[targetAt + count - 1] = Atomics.load(words, from + count - 1);
}

/** Enough where nobody is writing, or the writer is between two changes most of the time. */
const ATTEMPTS_AT_ONCE = 10;
/** Attempts between two sleeps while the writer is at work: one of them succeeds … */
const ATTEMPTS_WHILE_MOVING = 200;
/** … and while it stands still, where another look will hardly tell anything else. */
const ATTEMPTS_WHILE_STILL = 10;
/**
 * A change that stands still for so long has no writer any more, or one that stands still itself.
 * On a busy machine a thread that is alive may have to wait for a processor for tens of ms.
 */
const STILL_MS = 500;
/** And in all of so many looks: the reader may have had to wait for a processor as well. */
const STILL_LOOKS = 100;

const copiedNotes = new Uint32Array(JOURNAL_NOTES * NOTE_WORDS);

/**
 * Copies all of a struct to `target` from word `targetAt` on.
 * @param isLive false when the writers are known to be gone: then nobody is waited for
 * @returns the names of the groups of which only an unfinished change was available; their two
 * counters differ in the copy
 */
export function copyStruct(
  definition: StructDefinition,
  source: MetricSource,
  target: Uint32Array,
  targetAt: number,
  isLive = true,
): string[] {
  return inOneReading(() =>
    definition.groups
      .filter((group) => !copyGroup(group, source, target, targetAt, isLive))
      .map(({ name }) => name),
  );
}

/** Copies one group; false where only an unfinished change was available. */
export function copyGroup(
  group: MetricGroup,
  source: MetricSource,
  target: Uint32Array,
  targetAt: number,
  isLive = true,
): boolean {
  for (let attempt = 0; attempt < ATTEMPTS_AT_ONCE; attempt++) {
    if (tryCopy(group, source, target, targetAt)) return true;
  }
  if (isLive && tryUntilStill(group, source, target, targetAt)) return true;
  copyAsItIs(group, source, target, targetAt);
  return false;
}

/**
 * Tries until it succeeds, the change stands still, or the whole reading has waited long enough.
 */
function tryUntilStill(
  group: MetricGroup,
  source: MetricSource,
  target: Uint32Array,
  targetAt: number,
): boolean {
  const patience = patienceOfReading();
  let begun = -1;
  let looks = 0;
  let movedMs = 0;
  do {
    const attempts = looks === 0 ? ATTEMPTS_WHILE_MOVING : ATTEMPTS_WHILE_STILL;
    for (let attempt = 0; attempt < attempts && patience.takeAttempt(); attempt++) {
      if (tryCopy(group, source, target, targetAt)) return true;
    }
    const nowMs = performance.now();
    const seen = source.load(group.begunAt);
    looks = seen === begun ? looks + 1 : 0;
    if (looks === 0) movedMs = nowMs;
    begun = seen;
    if (looks >= STILL_LOOKS && nowMs - movedMs >= STILL_MS) return false;
  } while (patience.sleep());
  return false;
}

/** One attempt: the lines between their two counters, then the notes after them. */
function tryCopy(
  group: MetricGroup,
  source: MetricSource,
  target: Uint32Array,
  targetAt: number,
): boolean {
  const { at, wordCount, begunAt, journalAt, apply } = group;
  source.copy(at, wordCount, target, targetAt + at);
  if (begunAt !== at + wordCount - 1) target[targetAt + begunAt] = source.load(begunAt);
  if (target[targetAt + at] !== target[targetAt + begunAt]) return false;
  if (journalAt === undefined || apply === undefined) return true;
  const applied = target[targetAt + journalAt + APPLIED] as number;
  const head = source.load(journalAt + HEAD);
  const count = (head - applied) >>> 0;
  if (count >= JOURNAL_NOTES) return false;
  if (count > 0) {
    copyNotes(source, journalAt + NOTES, applied, count);
    // The note that the writer is at now stands where note `head` minus 512 stood.
    if ((source.load(journalAt + HEAD) - applied) >>> 0 >= JOURNAL_NOTES) return false;
    applyNotes(target, targetAt + at, apply, copiedNotes, 0, applied, head);
  }
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

/**
 * The last resort: what a writer that was killed in the middle has left, its counters different.
 */
function copyAsItIs(
  { at, wordCount, begunAt, journalAt }: MetricGroup,
  source: MetricSource,
  target: Uint32Array,
  targetAt: number,
): void {
  source.copy(at, wordCount, target, targetAt + at);
  target[targetAt + begunAt] = (target[targetAt + at] as number) + 1;
  if (journalAt === undefined) return;
  // Which notes the lines contain cannot be told: none is applied again.
  target[targetAt + journalAt + HEAD] = target[targetAt + journalAt + APPLIED] as number;
}

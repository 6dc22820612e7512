// A group of many lines, and how it is kept coherent for readers. Copying a histogram takes longer
// than recording, so with its two counters alone a reader would never get a complete copy while the
// writer records without pause. Where a record comes with a disk operation or a wait, there are
// pauses enough: `recordInPlace`. Where records may follow each other within a few dozen
// nanoseconds, a journal keeps the group readable at any speed: a write-ahead log of its own.
//
// The writer only notes what is to be recorded, 16 bytes and a store of `head`, and applies 256
// notes at a time to the lines (a checkpoint, between the group's two counters). A reader copies
// the lines between two checkpoints and applies the notes that followed to its copy, with the same
// code. So each snapshot is the state after some one record, and a writer that was killed between
// two stores leaves one as well; only in the middle of a checkpoint does it leave a marked one. The
// checkpoint is made on a copy that takes the lines' place: one that is cut short (see sequence.ts)
// has changed nothing, and the next note makes it again.
//
//   lines at checkpoint 7 (1,792 notes applied) + notes 1,792 … 1,800  =  the state after 1,801
import { block, layout, pad, u32, wordOf } from '../memory/layout.js';
import { HIGH_HALF } from '../units.js';
import { isClockStep, LONGEST_NS } from './elapsed.js';
import { BEGUN, beginChange, changeGroup, endChange, LINE_WORDS, publish } from './sequence.js';

/** Notes that are kept; one is overwritten when so many more have followed. A power of two. */
export const JOURNAL_NOTES = 512;
const CHECKPOINT_NOTES = JOURNAL_NOTES / 2;
export const NOTE_WORDS = 4;

export const Journal = layout('Journal')
  /** Notes that the group's lines contain, modulo 2^32; belongs to the lines. */
  .field(0, 'applied', u32)
  .field(4, 'spare0', pad(56))
  /** Closes the group's lines; `ended` is the first word of the first. */
  .field(60, 'begun', u32)
  /** Notes that are complete, modulo 2^32. */
  .field(64, 'head', u32)
  .field(68, 'spare1', pad(60))
  .field(128, 'notes', block(8192, 64))
  .end(8320, 64);

if (JOURNAL_NOTES * NOTE_WORDS * Uint32Array.BYTES_PER_ELEMENT !== 8192) {
  throw new RangeError(`${JOURNAL_NOTES} notes do not fill 8192 bytes`);
}

export const APPLIED = wordOf(Journal.offset.applied);
export const HEAD = wordOf(Journal.offset.head);
export const NOTES = wordOf(Journal.offset.notes);

/** What a note says besides the time: bits of its second word, above the 21 of a length of time. */
const KIND_SHIFT = 21;
const HIGH_MASK = 2 ** KIND_SHIFT - 1;

export const NoteKind = Object.freeze({ sample: 0, clockStep: 1, dropped: 2 });

/**
 * Applies one note to the lines of the group that begins at word `group`. All arguments are signed
 * words, which are never boxed when they cross a call.
 * @param kind one of NoteKind
 */
export type ApplyNote = (
  words: Uint32Array,
  group: number,
  kind: number,
  low: number,
  high: number,
  a: number,
  b: number,
) => void;

/** Applies the note at word `at` of `notes`. */
function applyNote(
  words: Uint32Array,
  group: number,
  apply: ApplyNote,
  notes: Uint32Array,
  at: number,
): void {
  const second = notes[at + 1] as number;
  apply(
    words,
    group,
    second >>> KIND_SHIFT,
    (notes[at] as number) | 0,
    second & HIGH_MASK,
    (notes[at + 2] as number) | 0,
    (notes[at + 3] as number) | 0,
  );
}

/** Applies the notes `from` … `to` - 1, which stand in `notes` from word `notesAt` on. */
export function applyNotes(
  words: Uint32Array,
  group: number,
  apply: ApplyNote,
  notes: Uint32Array,
  notesAt: number,
  from: number,
  to: number,
): void {
  for (let note = from; note !== to; note = (note + 1) >>> 0) {
    applyNote(words, group, apply, notes, notesAt + (note & (JOURNAL_NOTES - 1)) * NOTE_WORDS);
  }
}

/**
 * Start and end of what is timed, in nanoseconds: in an array, because a double that crosses a call
 * is boxed wherever V8 does not inline that call.
 */
export const newInterval = (): Float64Array => new Float64Array(2);

/**
 * Notes one record. Its one writer only; allocates nothing and never throws.
 * @param group word of the group's first line, which holds `ended`
 * @param journal word of the group's journal
 * @param interval of `newInterval`; anything may stand in it
 * @param a a word of the group's own, like `b`
 */
export function note(
  words: Uint32Array,
  group: number,
  journal: number,
  apply: ApplyNote,
  interval: Float64Array,
  a: number,
  b: number,
): void {
  const head = words[journal + HEAD] as number;
  // Before the note, so that none is overwritten that the lines do not contain.
  const notApplied = (head - (words[journal + APPLIED] as number)) >>> 0;
  if (notApplied >= CHECKPOINT_NOTES) checkpoint(words, group, journal, apply);
  const at = journal + NOTES + (head & (JOURNAL_NOTES - 1)) * NOTE_WORDS;
  putNote(words, at, interval, a, b);
  publish(words, journal + HEAD, (head + 1) >>> 0);
}

/** Writes a note to the words from `at` on. */
function putNote(words: Uint32Array, at: number, interval: Float64Array, a: number, b: number) {
  const elapsed = Math.floor((interval[1] as number) - (interval[0] as number) + 0.5);
  if (elapsed >= 0 && elapsed <= LONGEST_NS) {
    words[at] = elapsed;
    words[at + 1] = elapsed * HIGH_HALF;
  } else {
    words[at] = 0;
    const kind = isClockStep(interval) ? NoteKind.clockStep : NoteKind.dropped;
    words[at + 1] = kind << KIND_SHIFT;
  }
  words[at + 2] = a;
  words[at + 3] = b;
}

const onlyNote = new Uint32Array(NOTE_WORDS);

/**
 * Records at once in a group without a journal, in place. Only on a thread that runs no code of the
 * application: a record that is cut short would be half there, and the group marked until the next.
 * Arguments as those of `note`.
 */
export function recordInPlace(
  words: Uint32Array,
  group: number,
  apply: ApplyNote,
  interval: Float64Array,
  a: number,
  b: number,
): void {
  putNote(onlyNote, 0, interval, a, b);
  beginChange(words, group);
  applyNote(words, group, apply, onlyNote, 0);
  endChange(words, group);
}

/**
 * The same on a copy of the group's `wordCount` words, which takes their place: for threads that
 * run code of the application. It costs as much as copying the group twice.
 */
export function recordOnCopy(
  words: Uint32Array,
  group: number,
  wordCount: number,
  apply: ApplyNote,
  interval: Float64Array,
  a: number,
  b: number,
): void {
  putNote(onlyNote, 0, interval, a, b);
  const copy = copyOf(words, group, wordCount);
  applyNote(copy, 0, apply, onlyNote, 0);
  changeGroup(words, group, copy, BEGUN);
}

/** Copies of lines while notes are applied to them, by their length in words. */
const copies = new Map<number, Uint32Array>();

function copyOf(words: Uint32Array, first: number, count: number): Uint32Array {
  let copy = copies.get(count);
  if (copy === undefined) {
    copy = new Uint32Array(count);
    copies.set(count, copy);
  }
  for (let word = 0; word < count; word++) copy[word] = words[first + word] as number;
  return copy;
}

/** Brings the lines up to the notes. Its one writer only. */
function checkpoint(words: Uint32Array, group: number, journal: number, apply: ApplyNote): void {
  const head = words[journal + HEAD] as number;
  const applied = words[journal + APPLIED] as number;
  const copy = copyOf(words, group, journal + LINE_WORDS - group);
  applyNotes(copy, 0, apply, words, journal + NOTES, applied, head);
  copy[journal - group + APPLIED] = head;
  changeGroup(words, group, copy, copy.length - 1);
}

// What the litmus tests let two threads, or two processes, do with the same words: one publishes,
// the other checks that it never sees a publication ahead of what was published.
//
// Each role exists in the order that the package uses and in the wrong one, so that the tests show
// that they can fail: on this machine, in this build of V8, with this memory.
import { LatchLayout, publishWords, readWords } from '../../src/memory/sequence-latch.js';
import { SpscQueue } from '../../src/memory/spsc-queue.js';
import { publishPosition } from '../../src/ring/ring-control.js';

export type Experiment =
  | 'ring'
  | 'ring-atomic'
  | 'ring-wrong'
  | 'latch'
  | 'latch-wrong'
  | 'queue'
  | 'queue-wrong';

/** Words of the shared area, from its start; each has one writer and lines of its own. */
const START = 0;
const POSITION = 32;
const ACKNOWLEDGED = 64;
const FINISHED = 96;
const LATCH = 128;
const QUEUE = 256;
const SLOTS = 512;

const SLOT_COUNT = 64;
const SLOT_WORDS = 16;
const QUEUE_CAPACITY = 16;
const LATCH_VALUE_WORDS = 6;
const LATCH_SLOT = LatchLayout.offset.slot0 / Int32Array.BYTES_PER_ELEMENT;
/** Words that the area takes. */
export const AREA_WORDS = SLOTS + SLOT_COUNT * SLOT_WORDS;
/**
 * Looks without any progress of the other side before a nap: it may wait for this very processor.
 */
const LOOKS_AWAKE = 10_000;
const NAP_MS = 1;
/** Naps without any progress before the other side is taken for dead: some minutes at the least. */
const PATIENCE_NAPS = 180_000;
/** So many publications of a latch for each that its reader has seen for sure. */
export const LATCH_STRIDE = 1000;

export interface Findings {
  /** Values that the reader took. */
  readonly handOffs: number;
  /** Those of them that were not what the writer had published by then. */
  readonly violations: number;
}

const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** To be called for every look in a row that finds no progress; says when to give up. */
function isHopeless(looks: number): boolean {
  if (looks % LOOKS_AWAKE !== 0) return false;
  Atomics.wait(sleeper, 0, 0, NAP_MS);
  return looks >= LOOKS_AWAKE * PATIENCE_NAPS;
}

/** Looks until `index` holds something else than `value`. */
function awaitChange(words: Int32Array, index: number, value: number): number {
  for (let look = 1; ; look++) {
    const found = Atomics.load(words, index);
    if (found !== value) return found;
    if (isHopeless(look)) {
      throw new Error(`word ${index} stayed ${value}: the other side is gone`);
    }
  }
}

/** Plain stores, as the ring's producer copies a payload. */
function fillSlot(words: Int32Array, position: number): void {
  const slot = SLOTS + (position % SLOT_COUNT) * SLOT_WORDS;
  for (let word = 0; word < SLOT_WORDS; word++) words[slot + word] = position * 31 + word;
}

/** Plain loads, the word that was stored last first: there a wrong order shows soonest. */
function isSlotWhole(words: Int32Array, position: number): boolean {
  const slot = SLOTS + (position % SLOT_COUNT) * SLOT_WORDS;
  for (let word = SLOT_WORDS - 1; word >= 0; word--) {
    if (words[slot + word] !== position * 31 + word) return false;
  }
  return true;
}

type Publish = (words: Int32Array, at: number, position: number) => void;

function publishAtomically(words: Int32Array, at: number, position: number): void {
  Atomics.store(words, at, position);
}

/** As the ring's producer does it on this machine, and as it does elsewhere. */
const publisherOf = (experiment: Experiment): Publish =>
  experiment === 'ring-atomic' ? publishAtomically : publishPosition;

function produceRing(words: Int32Array, count: number, publish: Publish, isWrong: boolean): void {
  let acknowledged = 0;
  for (let position = 1; position <= count; position++) {
    while (position - acknowledged > SLOT_COUNT - 1) {
      acknowledged = awaitChange(words, ACKNOWLEDGED, acknowledged);
    }
    if (isWrong) {
      publish(words, POSITION, position);
      fillSlot(words, position);
    } else {
      fillSlot(words, position);
      publish(words, POSITION, position);
    }
  }
}

function consumeRing(words: Int32Array, count: number): Findings {
  let violations = 0;
  for (let position = 1, published = 0; position <= count; position++) {
    while (published < position) published = awaitChange(words, POSITION, published);
    if (!isSlotWhole(words, position)) violations++;
    Atomics.store(words, ACKNOWLEDGED, position);
  }
  return { handOffs: count, violations };
}

/** What a latch would be without its second slot's protection: the counter goes first. */
function publishWrongly(words: Int32Array, index: number, value: Int32Array): void {
  const counter = (Atomics.load(words, index) + 1) | 0;
  const slot = index + LATCH_SLOT + (counter & 1) * LATCH_VALUE_WORDS;
  Atomics.store(words, index, counter);
  for (let word = 0; word < LATCH_VALUE_WORDS; word++) {
    Atomics.store(words, slot + word, value[word] ?? 0);
  }
}

function produceLatch(words: Int32Array, count: number, isWrong: boolean): void {
  const value = new Int32Array(LATCH_VALUE_WORDS);
  let acknowledged = 0;
  for (let number = 1; number <= count; number++) {
    value.fill(number);
    if (isWrong) publishWrongly(words, LATCH, value);
    else publishWords(words, LATCH, value);
    // A latch needs no reader. Here it waits for one now and then: on a busy machine the writer
    // could be through before the reader has had a turn, and nothing would have been tried.
    while (number - acknowledged >= LATCH_STRIDE) {
      acknowledged = awaitChange(words, ACKNOWLEDGED, acknowledged);
    }
  }
  Atomics.store(words, FINISHED, 1);
}

/** All six words must be of one publication, and none older than the one before. */
function watchLatch(words: Int32Array): Findings {
  const value = new Int32Array(LATCH_VALUE_WORDS);
  let handOffs = 0;
  let violations = 0;
  let newest = 0;
  for (let idle = 1; Atomics.load(words, FINISHED) === 0; idle++) {
    if (isHopeless(idle)) throw new Error('the latch stayed as it was: its writer is gone');
    readWords(words, LATCH, value);
    const first = value[0] ?? 0;
    if (first !== newest) {
      handOffs++;
      idle = 0;
    }
    if (first < newest || value.some((word) => word !== first)) violations++;
    newest = Math.max(newest, first);
    Atomics.store(words, ACKNOWLEDGED, newest);
  }
  return { handOffs, violations };
}

const queueAt = (words: Int32Array): SpscQueue =>
  new SpscQueue(words.subarray(QUEUE), QUEUE_CAPACITY, 2);

/** A queue whose tail is stored before the entry; otherwise as SpscQueue. */
function pushWrongly(words: Int32Array, queue: SpscQueue, entry: Int32Array): boolean {
  if (queue.length === QUEUE_CAPACITY) return false;
  const tail = Atomics.load(words, QUEUE + 32);
  const slot = QUEUE + 64 + (tail & (QUEUE_CAPACITY - 1)) * 2;
  Atomics.store(words, QUEUE + 32, (tail + 1) | 0);
  words[slot] = entry[0] ?? 0;
  words[slot + 1] = entry[1] ?? 0;
  return true;
}

function produceQueue(words: Int32Array, count: number, isWrong: boolean): void {
  const queue = queueAt(words);
  const entry = new Int32Array(2);
  for (let number = 1; number <= count; number++) {
    entry[0] = number;
    entry[1] = ~number;
    for (let look = 0; !(isWrong ? pushWrongly(words, queue, entry) : queue.tryPush(entry)); ) {
      if (isHopeless(++look)) throw new Error('the queue stayed full');
    }
  }
}

function consumeQueue(words: Int32Array, count: number): Findings {
  const queue = queueAt(words);
  const entry = new Int32Array(2);
  let violations = 0;
  for (let number = 1; number <= count; number++) {
    for (let look = 0; !queue.tryPop(entry); ) {
      if (isHopeless(++look)) throw new Error('the queue stayed empty');
    }
    if (entry[0] !== number || entry[1] !== ~number) violations++;
  }
  return { handOffs: count, violations };
}

/** The writing side; waits for the reader to start. */
export function produce(words: Int32Array, experiment: Experiment, count: number): void {
  awaitChange(words, START, 0);
  const isWrong = experiment.endsWith('-wrong');
  const publish = publisherOf(experiment);
  if (experiment.startsWith('ring')) produceRing(words, count, publish, isWrong);
  else if (experiment.startsWith('latch')) produceLatch(words, count, isWrong);
  else produceQueue(words, count, isWrong);
}

/** The reading side: starts the writer and returns when all was handed over. */
export function consume(words: Int32Array, experiment: Experiment, count: number): Findings {
  Atomics.store(words, START, 1);
  if (experiment.startsWith('ring')) return consumeRing(words, count);
  if (experiment.startsWith('latch')) return watchLatch(words);
  return consumeQueue(words, count);
}

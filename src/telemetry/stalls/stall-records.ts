// The stalls of an area that are recorded: what the intervals came to, for longer than those stay.
import { place, STALLS, toU32 } from './area-layout.js';
import { STALL_CAUSES, type StallWaits, WAIT_KINDS } from './causes.js';
import { RecordSlots, TIME, timeOf } from './record-slots.js';

/** Words of a stall's record, behind its time. */
const STALL_FIELDS = {
  durationMs: 4,
  causeAt: 6,
  isOver: 7,
  events: 8,
  writes: 9,
  syncs: 10,
  waitingBytesMax: 11,
  ringBytes: 12,
  waits: 13,
  shares: 19,
} as const;

/** A stall as it is recorded. */
export interface StallRecord {
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly durationMs: number;
  /** An index into STALL_CAUSES. */
  readonly causeAt: number;
  /** False where the process ended first, or it has not ended yet. */
  readonly isOver: boolean;
  readonly events: number;
  readonly writes: number;
  readonly syncs: number;
  readonly waitingBytesMax: number;
  readonly ringBytes: number;
  /** By kind of wait. */
  readonly waits: readonly StallWaits[];
  /** Microseconds, by cause. */
  readonly shares: readonly number[];
}

export class StallRecords {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #slots: RecordSlots;

  constructor(words: Int32Array, doubles: Float64Array) {
    this.#words = words;
    this.#doubles = doubles;
    this.#slots = new RecordSlots(words, place.past, STALLS);
  }

  put(number: number, stall: Omit<StallRecord, 'number'>): void {
    const slot = this.#slots.begin(number);
    const put = (at: number, value: number): void => {
      this.#words[slot + at] = toU32(value) | 0;
    };
    this.#doubles[(slot + TIME) / 2] = stall.startMs;
    this.#doubles[(slot + STALL_FIELDS.durationMs) / 2] = stall.durationMs;
    put(STALL_FIELDS.causeAt, stall.causeAt);
    put(STALL_FIELDS.isOver, stall.isOver ? 1 : 0);
    for (const name of ['events', 'writes', 'syncs', 'waitingBytesMax', 'ringBytes'] as const) {
      put(STALL_FIELDS[name], stall[name]);
    }
    stall.waits.forEach(({ count, longestUs }, kind) => {
      put(STALL_FIELDS.waits + 2 * kind, count);
      put(STALL_FIELDS.waits + 2 * kind + 1, longestUs);
    });
    stall.shares.forEach((us, cause) => {
      put(STALL_FIELDS.shares + cause, us);
    });
    this.#slots.end(slot, number);
  }

  /** The oldest first. */
  all(): readonly StallRecord[] {
    const stalls = [...this.#slots.copies()].flatMap(([number, words]) => {
      const stall = stallOf(number, words);
      return stall === undefined ? [] : [stall];
    });
    return stalls.sort((a, b) => a.number - b.number);
  }
}

function stallOf(number: number, words: Uint32Array<ArrayBuffer>): StallRecord | undefined {
  const at = (index: number): number => words[index] as number;
  const startMs = timeOf(words);
  const durationMs = timeOf(words, STALL_FIELDS.durationMs);
  const causeAt = at(STALL_FIELDS.causeAt);
  // Of memory that somebody has overwritten.
  if (causeAt >= STALL_CAUSES.length || !(durationMs >= 0) || !Number.isFinite(startMs)) {
    return undefined;
  }
  return {
    number,
    startMs,
    durationMs,
    causeAt,
    isOver: at(STALL_FIELDS.isOver) === 1,
    events: at(STALL_FIELDS.events),
    writes: at(STALL_FIELDS.writes),
    syncs: at(STALL_FIELDS.syncs),
    waitingBytesMax: at(STALL_FIELDS.waitingBytesMax),
    ringBytes: at(STALL_FIELDS.ringBytes),
    waits: WAIT_KINDS.map((_, kind) => ({
      count: at(STALL_FIELDS.waits + 2 * kind),
      longestUs: at(STALL_FIELDS.waits + 2 * kind + 1),
    })),
    shares: STALL_CAUSES.map((_, cause) => at(STALL_FIELDS.shares + cause)),
  };
}

// What a log must hold, kept apart from it: every event that was issued, and how many of them each
// kind of end may take back. What it finds must be a prefix of what was issued, byte for byte, with
// batches whole, and hold all that was acknowledged, but for what was removed on purpose.
import assert from 'node:assert/strict';
import type { LoggedEvent } from '../../src/reading/events.js';
import { FrameKind } from '../../src/segment/frame.js';

interface Issued {
  /** Of this event alone: one that takes the id of an event that was lost differs from it. */
  readonly mark: number;
  readonly payloadBytes: number;
  readonly kind: number;
}

const LONGEST_BYTES = 64 * 1024;
const MARKS = 4096;
/** No two stretches of it that begin at different places, up to MARKS, are alike. */
const pattern = Buffer.alloc(MARKS + LONGEST_BYTES);
for (let at = 0; at < pattern.length; at++) pattern[at] = at * 13 + (at >> 8) * 7;
const scratch = Buffer.alloc(LONGEST_BYTES);

/** Payload of an event, valid until the next call. */
function payloadOf({ mark, payloadBytes }: Issued): Buffer {
  const start = mark % MARKS;
  pattern.copy(scratch, 0, start, start + payloadBytes);
  if (payloadBytes >= 4) scratch.writeUInt32LE(mark, 0);
  return scratch.subarray(0, payloadBytes);
}

const typeOf = ({ mark }: Issued): number => mark & 0xffff;

export class Oracle {
  readonly #events: Issued[] = [];
  #mark = 0;
  /** Highest id that was called durable. */
  durable = 0;
  /** Highest id that the kernel was told to have. */
  written = 0;
  /** At least so many must be found by the next open. */
  floor = 0;
  /** All before it may be gone: the log said durably that it begins there, or was about to. */
  kept = 1;
  /** Events compared byte by byte so far. */
  checked = 0;

  /** Ids up to here were issued. */
  get appended(): number {
    return this.#events.length;
  }

  /** The next event; its id is the number of events so far. */
  issue(payloadBytes: number, kind: number): { readonly payload: Buffer; readonly type: number } {
    this.#mark++;
    const issued = { mark: this.#mark, payloadBytes, kind };
    this.#events.push(issued);
    return { payload: payloadOf(issued), type: typeOf(issued) };
  }

  /** Takes back the last events: they were never published. */
  withdraw(count: number): void {
    this.#events.length -= count;
  }

  /** Ids that the log tells while it runs; each only grows, and none is ahead of the one before. */
  observe(durable: number, written: number): void {
    assert.ok(durable >= this.durable, `durable went back from ${this.durable} to ${durable}`);
    assert.ok(written >= this.written, `written went back from ${this.written} to ${written}`);
    assert.ok(durable <= written, `${durable} durable of ${written} written`);
    assert.ok(written <= this.appended, `${written} written of ${this.appended} appended`);
    this.durable = durable;
    this.written = written;
  }

  /** Segments with nothing but events before `eventId` may be gone from now on. */
  keepsFrom(eventId: number): void {
    this.kept = Math.max(this.kept, eventId);
  }

  /** An end without a crash. @param isShared a region keeps what did not reach the files */
  closed(isShared: boolean): void {
    this.floor = isShared ? this.appended : this.written;
  }

  /** The log is open and ends with event `last`: what came behind it is gone. */
  recovered(last: number): void {
    assert.ok(last >= this.floor, `event ${this.floor} must be there, the log ends with ${last}`);
    this.checkEnd(last);
    this.#events.length = last;
    this.durable = last;
    this.written = last;
    this.floor = last;
  }

  /** A log may end with event `last`: it was issued, and no batch ends in its middle. */
  checkEnd(last: number): void {
    assert.ok(last <= this.appended, `${last} events of ${this.appended} that were issued`);
    const kind = last === 0 ? FrameKind.event : this.#events[last - 1]?.kind;
    assert.equal(kind, FrameKind.event, `event ${last} is in the middle of a batch`);
  }

  /**
   * Compares events from id `from` on; returns the last id, from - 1 when there is none. No event
   * is older than the one before it, whatever the wall clock did in or between openings.
   * @param from undefined: from the first one that is there
   */
  check(events: Iterable<LoggedEvent>, from?: number): number {
    let expected = from;
    let lastTimestampNs = 0n;
    for (const event of events) {
      const { eventId, timestampNs } = event;
      expected ??= this.#begun(eventId);
      if (eventId !== expected) assert.fail(`event ${eventId} where ${expected} belongs`);
      if (timestampNs < lastTimestampNs) assert.fail(`event ${eventId} is older than the last`);
      lastTimestampNs = timestampNs;
      this.checkOne(event);
      expected++;
    }
    return (expected ?? 1) - 1;
  }

  #begun(eventId: number): number {
    assert.ok(eventId <= this.kept, `it begins with ${eventId}, and has all from ${this.kept} on`);
    return eventId;
  }

  /** Compares one event with what was issued under its id. */
  checkOne({ eventId, type, payload }: LoggedEvent): void {
    const issued = this.#events[eventId - 1];
    if (issued === undefined) assert.fail(`event ${eventId} was never issued`);
    const isEqual = type === typeOf(issued) && Buffer.compare(payload, payloadOf(issued)) === 0;
    if (!isEqual) assert.fail(`event ${eventId} is not what was appended`);
    this.checked++;
  }
}

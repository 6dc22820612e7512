// How far a consumer is behind, as far as the segments' headers tell: events exactly, bytes and age
// by finished segments, for only those can be removed.
import { join } from 'node:path';
import type { Clock } from '../clock/clock.js';
import { WalError } from '../errors.js';
import { listLog } from '../reading/log-directory.js';
import { readSegmentHeader } from '../reading/segment-file.js';
import { segmentFileName } from '../segment/file-names.js';
import type { Storage } from '../storage/storage.js';
import { NS_PER_MS } from '../units.js';

/** How far a consumer is behind. */
export interface ConsumerLag {
  /** Durable events that it has not acknowledged. */
  readonly events: number;
  /** Size of the finished segments that hold such events; within a segment an estimate. */
  readonly bytes: number;
  /**
   * Since the segment of its oldest such event was finished; 0 where none is. Where that was
   * recorded while the clock was ahead, the log that is open counts from when it first looked; who
   * looks once, as `listConsumers`, sees 0 until the clock is there.
   */
  readonly ms: number;
}

interface Span {
  readonly firstEventId: number;
  readonly createdTsNs: bigint;
  /** When it was seen first, by the clock: all before it were finished by then. */
  readonly seenNs: number;
}

interface SizedSpan extends Span {
  readonly bytes: number;
}

/** The segments of a log. Their headers never change: each is read once. */
export class LogSpans {
  readonly #storage: Storage;
  readonly #dir: string;
  readonly #logId: bigint;
  readonly #clock: Clock | undefined;
  readonly #headers = new Map<number, Span>();
  #spans: readonly SizedSpan[] = [];

  /** @param clock of who looks again and again; undefined: only the events' times tell an age */
  constructor(storage: Storage, dir: string, logId: bigint, clock?: Clock) {
    this.#clock = clock;
    this.#storage = storage;
    this.#dir = dir;
    this.#logId = logId;
  }

  /** The first event of the last segment: all before it are durable. */
  get lastFirstEventId(): number {
    return this.#spans.at(-1)?.firstEventId ?? 1;
  }

  /** Looks at the folder as it is now. */
  refresh(): void {
    const { segments } = listLog(this.#storage, this.#dir);
    const spans: SizedSpan[] = [];
    for (const { index, bytes } of segments) {
      const span = this.#headers.get(index) ?? this.#read(index);
      if (span === undefined) continue;
      this.#headers.set(index, span);
      spans.push({ ...span, bytes });
    }
    const [first] = segments;
    for (const index of this.#headers.keys()) {
      if (first === undefined || index < first.index) this.#headers.delete(index);
    }
    this.#spans = spans;
  }

  /** As of the last refresh. */
  lagOf(acknowledgedEventId: number, durableEventId: number, nowNs: bigint): ConsumerLag {
    const from = acknowledgedEventId + 1;
    let bytes = 0;
    let finished: Span | undefined;
    for (const [at, span] of this.#spans.entries()) {
      const next = this.#spans[at + 1];
      if (next === undefined) break;
      const events = next.firstEventId - span.firstEventId;
      const kept = next.firstEventId - Math.max(from, span.firstEventId);
      if (kept <= 0 || events <= 0) continue;
      finished ??= next;
      bytes += Math.ceil((span.bytes * kept) / events);
    }
    const events = Math.max(0, durableEventId - acknowledgedEventId);
    return { events, bytes, ms: finished === undefined ? 0 : this.#ageMs(finished, nowNs) };
  }

  /**
   * Since the segments before it were finished. A clock that was ahead has given them times that
   * are yet to come, for years maybe: they are no younger than they are known.
   */
  #ageMs({ createdTsNs, seenNs }: Span, nowNs: bigint): number {
    const toldNs = createdTsNs > nowNs ? 0 : Number(nowNs - createdTsNs);
    const knownNs = this.#clock === undefined ? 0 : this.#clock.nowNs() - seenNs;
    return Math.floor(Math.max(toldNs, knownNs) / NS_PER_MS);
  }

  /** Undefined for one that is gone, or cannot be read: what it is about is told elsewhere. */
  #read(index: number): Span | undefined {
    const path = join(this.#dir, segmentFileName(index));
    try {
      const found = readSegmentHeader(this.#storage, path, { index, logId: this.#logId });
      if (found === undefined) return undefined;
      const { firstEventId, createdTsNs } = found.header;
      return { firstEventId, createdTsNs, seenNs: this.#clock?.nowNs() ?? 0 };
    } catch (error) {
      if (error instanceof WalError) return undefined;
      throw error;
    }
  }
}

// How far a consumer is behind, as far as the segments' headers tell: events exactly, bytes and age
// by finished segments, for only those can be removed.
import { join } from 'node:path';
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
  /** Since the segment of its oldest such event was finished; 0 where none is. */
  readonly ms: number;
}

interface Span {
  readonly firstEventId: number;
  readonly createdTsNs: bigint;
}

interface SizedSpan extends Span {
  readonly bytes: number;
}

/** The segments of a log. Their headers never change: each is read once. */
export class LogSpans {
  readonly #storage: Storage;
  readonly #dir: string;
  readonly #logId: bigint;
  readonly #headers = new Map<number, Span>();
  #spans: readonly SizedSpan[] = [];

  constructor(storage: Storage, dir: string, logId: bigint) {
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
    let finishedNs: bigint | undefined;
    for (const [at, span] of this.#spans.entries()) {
      const next = this.#spans[at + 1];
      if (next === undefined) break;
      const events = next.firstEventId - span.firstEventId;
      const kept = next.firstEventId - Math.max(from, span.firstEventId);
      if (kept <= 0 || events <= 0) continue;
      finishedNs ??= next.createdTsNs;
      bytes += Math.ceil((span.bytes * kept) / events);
    }
    // A clock that was set back makes nothing younger than new.
    const ageNs = finishedNs === undefined || finishedNs > nowNs ? 0n : nowNs - finishedNs;
    const events = Math.max(0, durableEventId - acknowledgedEventId);
    return { events, bytes, ms: Math.floor(Number(ageNs) / NS_PER_MS) };
  }

  /** Undefined for one that is gone, or cannot be read: what it is about is told elsewhere. */
  #read(index: number): Span | undefined {
    const path = join(this.#dir, segmentFileName(index));
    try {
      const found = readSegmentHeader(this.#storage, path, { index, logId: this.#logId });
      if (found === undefined) return undefined;
      const { firstEventId, createdTsNs } = found.header;
      return { firstEventId, createdTsNs };
    } catch (error) {
      if (error instanceof WalError) return undefined;
      throw error;
    }
  }
}

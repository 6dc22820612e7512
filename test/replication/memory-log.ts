// A log in memory: what replication asks of one, without files and time.
import type { LocalBlock, LocalLog } from '../../src/replication/local-log.js';
import { FRAME_HEADER_BYTES, FrameKind, frameSpan } from '../../src/segment/frame.js';
import { encodeFrame } from '../support/frames.js';

export interface NewEvent {
  readonly payload: Uint8Array;
  readonly continued?: boolean;
}

export class MemoryLog implements LocalLog {
  readonly dir: string;
  readonly logId: bigint;
  readonly #blocks: LocalBlock[] = [];
  readonly #frames: Uint8Array[] = [];
  #firstEventId: number;
  #nextEventId: number;
  readonly #waiting = new Set<() => void>();

  constructor(dir: string, logId: bigint, firstEventId = 1) {
    this.dir = dir;
    this.logId = logId;
    this.#firstEventId = firstEventId;
    this.#nextEventId = firstEventId;
  }

  get lastEventId(): number {
    return this.#nextEventId - 1;
  }

  /** One durable block. */
  append(events: readonly NewEvent[]): void {
    const pieces = events.map(({ payload, continued = false }, index) => {
      const frame = new Uint8Array(frameSpan(FRAME_HEADER_BYTES + payload.length));
      const eventId = this.#nextEventId + index;
      const kind = continued ? FrameKind.continued : FrameKind.event;
      const timestampNs = 1_700_000_000_000_000_000n + BigInt(eventId);
      encodeFrame(frame, 0, { kind, type: eventId & 0xffff, eventId, timestampNs, payload });
      return frame;
    });
    this.adopt(this.#nextEventId, pieces);
  }

  /** A block of frames that are there. */
  adopt(firstEventId: number, pieces: readonly Uint8Array[]): void {
    const frames = Uint8Array.from(Buffer.concat(pieces));
    const lastEventId = firstEventId + pieces.length - 1;
    this.#frames.push(...pieces);
    this.#blocks.push({ frames, firstEventId, lastEventId });
    this.#nextEventId = lastEventId + 1;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** As retention does. */
  removeBefore(eventId: number): void {
    this.#frames.splice(0, eventId - this.#firstEventId);
    this.#firstEventId = eventId;
  }

  firstEventId(): number {
    return this.#firstEventId;
  }

  async *follow(from: number, signal: AbortSignal): AsyncGenerator<LocalBlock, void> {
    let wake = (): void => {};
    signal.addEventListener('abort', () => wake(), { once: true });
    for (let index = 0; !signal.aborted; ) {
      const block = this.#blocks[index];
      if (block !== undefined) {
        index++;
        if (block.lastEventId >= from) yield block;
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        this.#waiting.add(resolve);
      });
    }
  }

  frames(firstEventId: number, eventCount: number): ReturnType<LocalLog['frames']> {
    if (firstEventId < this.#firstEventId) return 'expired';
    const start = firstEventId - this.#firstEventId;
    if (start + eventCount > this.#frames.length) return 'missing';
    return Uint8Array.from(Buffer.concat(this.#frames.slice(start, start + eventCount)));
  }

  close(): void {}
}

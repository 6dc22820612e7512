// Makes of the blocks of a log what a stream takes: while one block travels, those that become
// durable gather, and go together with the next one, as in a group commit.
import { assert } from '../errors.js';
import { decodeFrame, FRAME_HEADER_BYTES, FrameKind, frameSpan } from '../segment/frame.js';
import type { LocalBlock, LocalLog } from './local-log.js';

/** Frames of whole batches, one after the other. */
export interface OutgoingRun {
  readonly frames: Uint8Array;
  readonly firstEventId: number;
  readonly eventCount: number;
}

/**
 * Cuts frames behind whole batches, into runs of at most `maxBytes` where that is possible: a batch
 * that is longer is a run by itself.
 */
function* cutRuns(
  { frames, firstEventId }: LocalBlock,
  fromEventId: number,
  maxBytes: number,
): Generator<OutgoingRun> {
  let start = 0;
  let startId = firstEventId;
  let wholeEnd = 0;
  let wholeId = firstEventId;
  const run = (): OutgoingRun => ({
    frames: frames.subarray(start, wholeEnd),
    firstEventId: startId,
    eventCount: wholeId - startId,
  });
  for (let at = 0, id = firstEventId; at < frames.length; id++) {
    const { kind, payloadBytes } = decodeFrame(frames, at);
    at += frameSpan(FRAME_HEADER_BYTES + payloadBytes);
    if (kind === FrameKind.continued) continue;
    // The end of a batch: with it the run may be too long, and then ends before it.
    if (at - start > maxBytes && wholeEnd > start) {
      yield run();
      start = wholeEnd;
      startId = wholeId;
    }
    wholeEnd = at;
    wholeId = id + 1;
    if (wholeId <= fromEventId) {
      start = wholeEnd;
      startId = wholeId;
    }
  }
  assert(wholeEnd === frames.length, 'a block ends with a whole batch');
  if (wholeEnd > start) yield run();
}

export class OutgoingRuns {
  readonly #maxBytes: number;
  readonly #fromEventId: number;
  readonly #stop = new AbortController();
  readonly #blocks: AsyncIterator<LocalBlock, unknown>;
  readonly #runs: OutgoingRun[] = [];
  #bytes = 0;
  #isReading = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** @param maxBytes what one block of the stream can hold */
  constructor(log: LocalLog, fromEventId: number, maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#fromEventId = fromEventId;
    this.#blocks = log.follow(fromEventId, this.#stop.signal);
  }

  /** Resolves once `take` has something, reading has failed, or `wake` is called. */
  ready(): Promise<void> {
    this.#read();
    const isReady = this.#runs.length > 0 || this.#failure !== undefined;
    if (isReady || this.#stop.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.#wake?.();
  }

  /**
   * All that has gathered, as far as one block of the stream holds it; undefined for nothing. A
   * longer run comes alone.
   * @throws what reading the log has thrown
   */
  take(): OutgoingRun | undefined {
    const [first] = this.#runs;
    if (first === undefined) {
      if (this.#failure !== undefined) throw this.#failure.error;
      return undefined;
    }
    let count = 0;
    let bytes = 0;
    let eventCount = 0;
    for (const run of this.#runs) {
      if (count > 0 && bytes + run.frames.length > this.#maxBytes) break;
      bytes += run.frames.length;
      eventCount += run.eventCount;
      count++;
    }
    const taken = this.#runs.splice(0, count);
    this.#bytes -= bytes;
    this.#read();
    const frames = count === 1 ? first.frames : Buffer.concat(taken.map((run) => run.frames));
    return { frames, firstEventId: first.firstEventId, eventCount };
  }

  /** Reading ends; idempotent. */
  close(): void {
    this.#stop.abort();
    this.#wake?.();
  }

  /** Reads on in the background, until enough for two blocks has gathered. */
  #read(): void {
    if (this.#isReading || this.#failure !== undefined) return;
    this.#isReading = true;
    void this.#fill();
  }

  async #fill(): Promise<void> {
    try {
      while (this.#bytes < 2 * this.#maxBytes && !this.#stop.signal.aborted) {
        const step = await this.#blocks.next();
        if (step.done === true) break;
        for (const run of cutRuns(step.value, this.#fromEventId, this.#maxBytes)) {
          this.#runs.push(run);
          this.#bytes += run.frames.length;
        }
        this.#wake?.();
      }
    } catch (error) {
      this.#failure = { error };
      this.#wake?.();
    } finally {
      this.#isReading = false;
    }
  }
}

// How far a run of `verify` has come in a log: what the blocks that it walked over hold, and what
// the next segment must begin with.
import { FrameCheck } from '../compression/frame-check.js';
import { BLOCK_CONTENT_BYTES } from '../compression/lz4-frame.js';
import type { SealCheck } from '../reading/seal-check.js';
import type { SegmentFile } from '../reading/segment-file.js';
import type { SegmentReader } from '../reading/segment-reader.js';
import type { Defect } from '../segment/defect.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import { MIB } from '../units.js';
import { type DraftProblem, measure } from './findings.js';
import type { SoundSegment } from './verify-ahead-port.js';

/** Bytes between two turns of the event loop. */
const TURN_BYTES = 16 * MIB;

export class VerifiedWalk {
  events = 0;
  segments = 0;
  firstEventId: number | undefined;
  lastEventId = 0;
  durableEventId = 0;
  /** Id that the next segment must start with. */
  expectedEventId: number | undefined;
  /** A problem whose loss the next readable header tells. */
  #unmeasured: DraftProblem | undefined;
  #bytesThisTurn = 0;
  readonly #signal: AbortSignal | undefined;

  /** @param signal ends it at a turn of the event loop: what is asked for then throws its reason */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Something calls events up to `durableEventId` durable. */
  claim(durableEventId: number): void {
    this.durableEventId = Math.max(this.durableEventId, durableEventId);
  }

  /** Begins with a segment whose header is sound. */
  enter(header: SegmentHeader): void {
    this.segments++;
    this.firstEventId ??= header.firstEventId;
    this.claim(header.firstEventId - 1);
    if (this.#unmeasured !== undefined && this.expectedEventId !== undefined) {
      measure(this.#unmeasured, this.expectedEventId, header.firstEventId - 1);
    }
    this.#unmeasured = undefined;
  }

  /** Segments are missing, or the header of one is damaged. */
  passOver(problem: DraftProblem): void {
    this.#unmeasured = problem;
  }

  /** The last segment's header is damaged: only the claims tell what it held. */
  end(): void {
    if (this.#unmeasured === undefined || this.expectedEventId === undefined) return;
    if (this.durableEventId < this.expectedEventId) return;
    measure(this.#unmeasured, this.expectedEventId, this.durableEventId);
  }

  /** Over the blocks of a segment, as far as they validate, each of which `check` is given. */
  async over(reader: SegmentReader, limitOffset?: number, check?: SealCheck): Promise<void> {
    let bytesRead = reader.bytesRead;
    while (reader.next(limitOffset)) {
      check?.add(reader);
      this.events += reader.block?.eventCount ?? 0;
      this.lastEventId = reader.nextEventId - 1;
      this.#bytesThisTurn += reader.bytesRead - bytesRead;
      bytesRead = reader.bytesRead;
      if (this.#bytesThisTurn < TURN_BYTES) continue;
      this.#bytesThisTurn = 0;
      await this.#nextTurn();
    }
    this.claim(reader.durableEventId);
    this.expectedEventId = reader.nextEventId;
  }

  async #nextTurn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#signal?.throwIfAborted();
  }

  /** The blocks of a segment that another thread has found sound. */
  adopt({ events, lastEventId, durableEventId }: SoundSegment, pin: SegmentHeader): void {
    this.events += events;
    if (lastEventId > 0) this.lastEventId = lastEventId;
    this.claim(durableEventId);
    this.expectedEventId = pin.firstEventId;
  }

  /** What is wrong with the file of a compressed segment; undefined also for any other. */
  async frameDefect({ frame }: SegmentFile): Promise<Defect | undefined> {
    if (frame === undefined) return undefined;
    const check = new FrameCheck(frame);
    let bytesThisTurn = 0;
    while (!check.step()) {
      bytesThisTurn += BLOCK_CONTENT_BYTES;
      if (bytesThisTurn < TURN_BYTES) continue;
      bytesThisTurn = 0;
      await this.#nextTurn();
    }
    return check.defect();
  }
}

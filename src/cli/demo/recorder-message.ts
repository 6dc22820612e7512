// What the recording process tells its parent through a pipe, after each burst of appends: six
// float64 in one write, small enough that a kill can not cut one in half unnoticed.

import { block, layout } from '../../memory/layout.js';

const f64 = block(8, 8);

export const RecorderMessageLayout = layout('RecorderMessage')
  .field(0, 'appendedEventId', f64)
  .field(8, 'writtenEventId', f64)
  .field(16, 'durableEventId', f64)
  .field(24, 'appendNsMean', f64)
  .field(32, 'appendNsMax', f64)
  .field(40, 'isMapped', f64)
  .end(48, 8);

export interface RecorderMessage {
  /** The id that `append` returned last. */
  readonly appendedEventId: number;
  readonly writtenEventId: number;
  readonly durableEventId: number;
  /** Of the appends that were timed, since the start. */
  readonly appendNsMean: number;
  readonly appendNsMax: number;
  /** Whether the ring outlives its process. */
  readonly isMapped: boolean;
}

/** The pipe's descriptor in the recording process. */
export const MESSAGE_FD = 3;

const { offset, size } = RecorderMessageLayout;

/** Fills `target`, which is made once: nothing is allocated for a message. */
export function encodeMessage(target: DataView, message: RecorderMessage): void {
  target.setFloat64(offset.appendedEventId, message.appendedEventId, true);
  target.setFloat64(offset.writtenEventId, message.writtenEventId, true);
  target.setFloat64(offset.durableEventId, message.durableEventId, true);
  target.setFloat64(offset.appendNsMean, message.appendNsMean, true);
  target.setFloat64(offset.appendNsMax, message.appendNsMax, true);
  target.setFloat64(offset.isMapped, message.isMapped ? 1 : 0, true);
}

const decodeMessage = (bytes: Buffer, start: number): RecorderMessage => ({
  appendedEventId: bytes.readDoubleLE(start + offset.appendedEventId),
  writtenEventId: bytes.readDoubleLE(start + offset.writtenEventId),
  durableEventId: bytes.readDoubleLE(start + offset.durableEventId),
  appendNsMean: bytes.readDoubleLE(start + offset.appendNsMean),
  appendNsMax: bytes.readDoubleLE(start + offset.appendNsMax),
  isMapped: bytes.readDoubleLE(start + offset.isMapped) === 1,
});

/** Puts the pipe's chunks together; only the newest whole message is of interest. */
export class MessageReader {
  #rest = Buffer.alloc(0);
  #last: RecorderMessage | undefined;

  push(chunk: Buffer): void {
    const bytes = Buffer.concat([this.#rest, chunk]);
    const whole = bytes.length - (bytes.length % size);
    if (whole > 0) this.#last = decodeMessage(bytes, whole - size);
    this.#rest = bytes.subarray(whole);
  }

  get last(): RecorderMessage | undefined {
    return this.#last;
  }
}

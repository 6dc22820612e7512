// The whole file of a compressed segment, every block of it and its end: what a reader need not
// look at, which unpacks no more than it is asked for.
import type { Xxh32State } from '../memory/native-xxhash.js';
import { type Defect, makeDefect } from '../segment/defect.js';
import type { FrameReader } from './frame-reader.js';
import { BLOCK_CONTENT_BYTES } from './lz4-frame.js';
import { startXxh32 } from './xxh32.js';

export class FrameCheck {
  readonly #frame: FrameReader;
  readonly #checksum: Xxh32State = startXxh32();
  readonly #buffer = new Uint8Array(BLOCK_CONTENT_BYTES);
  #offset = 0;

  constructor(frame: FrameReader) {
    this.#frame = frame;
  }

  /** Looks at up to 256 KiB of content; true once there is more to look at no longer. */
  step(): boolean {
    const count = this.#frame.read(this.#buffer, this.#offset);
    this.#checksum.update(this.#buffer.subarray(0, count));
    this.#offset += count;
    return this.#offset >= this.#frame.contentBytes;
  }

  /** The first thing that is wrong; asked once `step` has come to the end. */
  defect(): Defect | undefined {
    const frame = this.#frame;
    const defect = frame.damageIn(0, frame.contentBytes) ?? frame.endDefect();
    if (defect !== undefined || frame.contentChecksum() === this.#checksum.digest()) return defect;
    return makeDefect('checksum', 'the checksum of the content of the LZ4 frame does not match');
  }
}

/** The same at once; undefined also for what is not compressed. */
export function wholeFrameDefect(frame: FrameReader | undefined): Defect | undefined {
  if (frame === undefined) return undefined;
  const check = new FrameCheck(frame);
  while (!check.step());
  return check.defect();
}

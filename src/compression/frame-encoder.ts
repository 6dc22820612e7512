// Makes the frame of a segment, block by block.
import { assert } from '../errors.js';
import type { Xxh32State } from '../memory/native-xxhash.js';
import { packBlock } from './lz4-block.js';
import {
  contentOffsetOf,
  END_MARK,
  encodeFrameHeader,
  encodeSizeWord,
  encodeU32,
} from './lz4-frame.js';
import { startXxh32, xxh32 } from './xxh32.js';

export class FrameEncoder {
  readonly contentBytes: number;
  readonly #checksum: Xxh32State = startXxh32();
  #nextIndex = 0;

  /** @param contentBytes of the whole segment, up to its end */
  constructor(contentBytes: number) {
    this.contentBytes = contentBytes;
  }

  /** Where the content of the next block begins; `contentBytes`: there is no further one. */
  get offset(): number {
    return contentOffsetOf(this.#nextIndex, this.contentBytes);
  }

  /** Bytes that the next block takes. */
  get blockBytes(): number {
    return contentOffsetOf(this.#nextIndex + 1, this.contentBytes) - this.offset;
  }

  begin(): Uint8Array {
    return encodeFrameHeader(this.contentBytes);
  }

  /** The next block, in parts. */
  block(content: Uint8Array): readonly Uint8Array[] {
    assert(content.length === this.blockBytes, 'a block holds what its place tells');
    this.#checksum.update(content);
    this.#nextIndex++;
    const packed = packBlock(content);
    const bytes = packed ?? content;
    const sizeWord = encodeSizeWord({ bytes: bytes.length, isStored: packed === undefined });
    return [sizeWord, bytes, encodeU32(xxh32(bytes))];
  }

  end(): readonly Uint8Array[] {
    assert(this.offset === this.contentBytes, 'the frame is whole');
    return [encodeU32(END_MARK), encodeU32(this.#checksum.digest())];
  }
}

// What `snapshot` returned, as parts with memory of their own.
import { messageOf, WalError } from '../errors.js';
import { SNAPSHOT_CHUNK_BYTES } from '../segment/snapshot-record.js';
import { isAbandoned } from './abandoned-promise.js';
import { snapshotFailed } from './machine-failure.js';
import type { SnapshotContent } from './machine-options.js';

/** Counts what comes, and refuses what is too much. */
export class ContentMeter {
  readonly #path: string;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  /**
   * Copies of what is at most a chunk.
   * @throws WalError ERR_FLASHSTRIKE_SNAPSHOT_FAILED
   */
  *parts(piece: unknown): Generator<Uint8Array, void, undefined> {
    if (!(piece instanceof Uint8Array)) {
      const what = `snapshot gave ${typeof piece} in place of a Uint8Array.`;
      throw snapshotFailed(this.#path, what);
    }
    this.#bytes += piece.length;
    if (this.#bytes > this.#maxBytes) {
      const what = `the state has more than snapshots.maxBytes (${this.#maxBytes}) allows.`;
      throw snapshotFailed(this.#path, what);
    }
    for (let start = 0; start < piece.length; start += SNAPSHOT_CHUNK_BYTES) {
      yield new Uint8Array(piece.subarray(start, start + SNAPSHOT_CHUNK_BYTES));
    }
  }

  /** What the application's code threw. */
  failed(error: unknown): unknown {
    if (error instanceof WalError) return error;
    return snapshotFailed(this.#path, `snapshot threw: ${messageOf(error)}`, error);
  }
}

type Pieces =
  | { readonly kind: 'now'; readonly pieces: Iterable<unknown> }
  | { readonly kind: 'later'; readonly pieces: AsyncIterator<unknown> };

/** @throws WalError ERR_FLASHSTRIKE_SNAPSHOT_FAILED for what is none of these */
export function piecesOf(content: SnapshotContent, path: string): Pieces {
  if (typeof content === 'string') return { kind: 'now', pieces: [Buffer.from(content)] };
  if (content instanceof Uint8Array) return { kind: 'now', pieces: [content] };
  if (typeof content === 'object' && content !== null) {
    if (Symbol.asyncIterator in content) {
      return { kind: 'later', pieces: content[Symbol.asyncIterator]() };
    }
    if (Symbol.iterator in content) return { kind: 'now', pieces: content };
  }
  const what = isAbandoned(content)
    ? 'snapshot returned a promise: the state would go on meanwhile. An async generator may wait.'
    : 'snapshot must return text, a Uint8Array, or an iterable of these.';
  throw snapshotFailed(path, what);
}

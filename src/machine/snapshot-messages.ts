// What the thread that writes a snapshot is given, and what it tells.
import type { SerializedError } from '../errors.js';
import type { SnapshotRequest, WrittenSnapshot } from './snapshot-writer.js';

/** What the thread begins with. */
export interface SnapshotStart {
  readonly request: SnapshotRequest;
  /** Where the folder is reached; undefined: by its path. */
  readonly root: string | undefined;
}

export type SnapshotLetter =
  | { readonly kind: 'part'; readonly bytes: Uint8Array }
  | { readonly kind: 'finish' }
  | { readonly kind: 'abandon' };

export type SnapshotMessage =
  | { readonly kind: 'taken' }
  | { readonly kind: 'done'; readonly written: WrittenSnapshot | undefined }
  | { readonly kind: 'refused'; readonly error: SerializedError };

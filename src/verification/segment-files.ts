// The files of a log's segments by their names alone: cheap enough to be asked for every second.
import { listLog } from '../reading/log-directory.js';
import { nodeStorage } from '../storage/node-storage.js';

interface SegmentFile {
  readonly index: number;
  readonly bytes: number;
  readonly isCompressed: boolean;
}

export interface SegmentFiles {
  /** By index. */
  readonly segments: readonly SegmentFile[];
  /** Files of segments that are made ahead, those that are not ready yet included. */
  readonly prepared: number;
}

/** @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG when there is no such folder; _ACCESS, _IO */
export function listSegmentFiles(dir: string): SegmentFiles {
  const { segments, prepared } = listLog(nodeStorage, dir);
  return {
    segments: segments.map(({ index, bytes, isCompressed }) => ({ index, bytes, isCompressed })),
    prepared: prepared.length,
  };
}

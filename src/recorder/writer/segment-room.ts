// A log goes on in the file in which it was closed. That was cut behind the last block, so it gets
// room again: space that is allocated, and filled with zeros, as that of a prepared segment is.
//
// Only what lies beyond the file's end is written to. No sync: the first commit brings the new
// length to disk together with its events, and until then a power cut leaves zeros or nothing.
import type { SegmentFile } from '../../reading/segment-file.js';
import type { Storage } from '../../storage/storage.js';
import { reopenedBytes } from '../threads/segment-growth.js';

/**
 * Makes the last segment's file long enough to go on; one that is stays as it is.
 * @param endOffset where its blocks end
 * @returns how long the file is now
 * @throws ENOSPC and others: the file is as it was, as far as the system lets it be
 */
export function giveRoom(storage: Storage, file: SegmentFile, endOffset: number): number {
  const { fd, header, bytes } = file;
  const wantedBytes = reopenedBytes(endOffset, header.segmentBytes);
  if (bytes >= wantedBytes) return bytes;
  try {
    storage.allocate(fd, wantedBytes);
    storage.writeZeros(fd, bytes, wantedBytes - bytes);
  } catch (error) {
    storage.truncate(fd, bytes);
    throw error;
  }
  return wantedBytes;
}

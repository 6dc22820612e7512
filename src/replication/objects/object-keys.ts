// How objects are named. All names follow from what a log and its headers say, so nothing has to be
// listed, and a log that was made anew, which has another id, shares none but the first.
//
//   log                       the header page of the first segment there
//   LOG/0000000042.header     the header page of segment 42: all before it is there
//   LOG/0000000042-0000000000012345.wal[.lz4]    segment 42, which begins with event 12345
//
// LOG is the log's id, as 16 hexadecimal digits.
import { segmentFileName } from '../../segment/file-names.js';
import type { SegmentHeader } from '../../segment/segment-header.js';
import { hexOf64 } from '../../units.js';

type Named = Pick<SegmentHeader, 'logId' | 'segmentIndex' | 'firstEventId'>;

/** Says which log a place holds, and with which segment its objects begin. */
export const LOG_KEY = 'log';

const inLog = (logId: bigint, name: string): string => `${hexOf64(logId)}/${name}`;

const digitsOf = (index: number): string => segmentFileName(index).replace(/\.wal$/, '');

/**
 * Of the header page of a segment. It pins the end of the one before, and is put once that is there
 * and was read back.
 */
export const headerKey = (logId: bigint, segmentIndex: number): string =>
  inLog(logId, `${digitsOf(segmentIndex)}.header`);

/** Of a segment as it is on disk. */
export function segmentKey({ logId, segmentIndex, firstEventId }: Named, isCompressed: boolean) {
  const eventId = String(firstEventId).padStart(16, '0');
  return inLog(logId, `${digitsOf(segmentIndex)}-${eventId}.wal${isCompressed ? '.lz4' : ''}`);
}

const PART = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;
const KEY_LENGTH_MAX = 100;

/** Whether a store may be asked for it: nothing that leads out of a folder. */
export const isObjectKey = (key: unknown): key is string =>
  typeof key === 'string' &&
  key.length <= KEY_LENGTH_MAX &&
  key.split('/').every((part) => PART.test(part));

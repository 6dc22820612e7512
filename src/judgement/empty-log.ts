// A log's folder without a segment: nothing was ever written, or all of it is gone.
import { join } from 'node:path';
import { WalError } from '../errors.js';
import { beginAnewAdvice } from '../reading/advice.js';
import { highestAcknowledged, readConsumers } from '../reading/consumer-files.js';
import {
  type ListedSegment,
  listLog,
  type MetaReading,
  readMeta,
} from '../reading/log-directory.js';
import { META_FILE } from '../segment/file-names.js';
import type { Storage } from '../storage/storage.js';
import { lockRecordIn } from './lock-record.js';
import type { ReadingPorts } from './reading-ports.js';

export interface EmptyEvidence {
  readonly meta: MetaReading;
  /** What the shared region of this boot calls durable. */
  readonly region: number | undefined;
  /** The highest event that a consumer has acknowledged; undefined for none. */
  readonly acknowledgement: number | undefined;
  /** LOCK is not empty: an opening writes to it once wal.meta is durable. */
  readonly wasOpened: boolean;
}

/** Also by a text that is damaged by now: without an opening, LOCK is empty. */
export function wasOpened(storage: Storage, dir: string): boolean {
  const { isWritten, damaged } = lockRecordIn(storage, dir);
  return isWritten || damaged;
}

/**
 * Evidence gathered without the lock, and the segments that are there by now. LOCK and the region
 * are looked at first: what they tell of was in the folder before.
 */
export function gatherEmpty(
  { storage, regionDurable }: ReadingPorts,
  dir: string,
): EmptyEvidence & { readonly segments: readonly ListedSegment[] } {
  const opened = wasOpened(storage, dir);
  const region = regionDurable(dir, undefined);
  const meta = readMeta(storage, dir);
  const acknowledgement = acknowledgedWithoutSegments(storage, dir, meta);
  const { segments } = listLog(storage, dir);
  return { meta, region, acknowledgement, wasOpened: opened, segments };
}

/** What consumers prove where no segment is left: without a wal.meta those of any log. */
export function acknowledgedWithoutSegments(
  storage: Storage,
  dir: string,
  meta: MetaReading,
): number | undefined {
  const logId = meta.status === 'present' ? meta.meta.logId : undefined;
  return highestAcknowledged(readConsumers(storage, dir, logId));
}

/** The highest id that anything calls durable where no segment is left; 0 for none. */
export const lostWithAll = ({ meta, region, acknowledgement }: EmptyEvidence): number =>
  Math.max(
    meta.status === 'present' ? meta.meta.durableEventId : 0,
    region ?? 0,
    acknowledgement ?? 0,
  );

/** What is wrong with a folder that has no segment; undefined: nothing was ever written. */
export function emptyError(dir: string, evidence: EmptyEvidence): WalError | undefined {
  const { meta } = evidence;
  const metaPath = join(dir, META_FILE);
  const segmentIndex = meta.status === 'present' ? meta.meta.segmentIndex : 0;
  const durable = lostWithAll(evidence);
  if (durable > 0 || segmentIndex > 0) {
    const named =
      segmentIndex > 0 ? ` (according to wal.meta there were segments up to ${segmentIndex})` : '';
    const told =
      evidence.acknowledgement === durable
        ? " (a consumer's acknowledgement: its file is in the folder)"
        : '';
    const message =
      `${dir} contains no segment, but events up to ${durable} were durable${told}: all of them ` +
      `are lost${named}. Put the files back.`;
    return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path: dir });
  }
  const toDo = beginAnewAdvice;
  if (meta.status === 'damaged') {
    const message =
      `${meta.message} ${dir} contains no segment: whether there were any cannot be ` +
      `determined. ${toDo}`;
    return new WalError('ERR_FLASHSTRIKE_UNDECIDABLE', message, { path: metaPath });
  }
  if (meta.status !== 'missing' || !evidence.wasOpened) return undefined;
  const message =
    `${dir} contains neither a segment nor wal.meta, but LOCK shows that a log was opened here: ` +
    `whether it had events cannot be determined. ${toDo}`;
  return new WalError('ERR_FLASHSTRIKE_UNDECIDABLE', message, { path: dir });
}

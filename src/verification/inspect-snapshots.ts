// What the headers of a machine's snapshots tell.
import { join } from 'node:path';
import { WalError } from '../errors.js';
import { SnapshotFile } from '../reading/snapshot-file.js';
import { parseSnapshotFileName } from '../segment/file-names.js';
import type { Storage } from '../storage/storage.js';
import type { SnapshotInspection } from './inspection.js';

/** Those that went meanwhile are left out. */
export const inspectSnapshots = (
  storage: Storage,
  dir: string,
  names: readonly string[],
  logId: bigint | undefined,
): readonly SnapshotInspection[] =>
  names.flatMap((name) => inspectSnapshot(storage, dir, name, logId) ?? []);

function inspectSnapshot(
  storage: Storage,
  dir: string,
  file: string,
  logId: bigint | undefined,
): SnapshotInspection | undefined {
  const eventId = parseSnapshotFileName(file) ?? 0;
  const unknown = { contentBytes: undefined, version: undefined, createdTsNs: undefined };
  try {
    const opened = SnapshotFile.open(storage, join(dir, file));
    if (opened === undefined) return undefined;
    opened.close();
    const { contentBytes, stateVersion: version, createdTsNs, ...header } = opened.header;
    const isOurs = header.logId === logId && header.eventId === eventId;
    const defect = isOurs ? undefined : 'of another log or event';
    return { file, eventId, contentBytes, version, createdTsNs, defect };
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    return { file, eventId, ...unknown, defect: error.message };
  }
}

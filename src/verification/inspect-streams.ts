// What is known, without asking them, of the streams that a log was fed to.
import {
  isStreamFed,
  readStreamReports,
  type StreamReportFile,
} from '../reading/stream-reports.js';
import type { Storage } from '../storage/storage.js';
import type { StreamInspection } from './inspection.js';

const NOTHING = {
  isOwner: undefined,
  ownerLogId: undefined,
  epoch: undefined,
  confirmedEventId: undefined,
  reportedTsNs: undefined,
};

export const inspectStreams = (
  storage: Storage,
  dir: string,
  logId: bigint | undefined,
): readonly StreamInspection[] =>
  readStreamReports(storage, dir, logId).map((file) => ({
    stream: file.stream,
    isFed: isStreamFed(storage, dir, file.stream),
    ...told(file),
  }));

function told({ report, damaged }: StreamReportFile): Omit<StreamInspection, 'stream' | 'isFed'> {
  if (report === undefined) return { ...NOTHING, damage: damaged };
  const { logId, ownerLogId, epoch, confirmedEventId, timestampNs } = report;
  const isOwned = ownerLogId !== 0n;
  return {
    isOwner: isOwned ? ownerLogId === logId : undefined,
    ownerLogId: isOwned ? ownerLogId : undefined,
    epoch: isOwned ? epoch : undefined,
    confirmedEventId,
    reportedTsNs: timestampNs,
    damage: undefined,
  };
}

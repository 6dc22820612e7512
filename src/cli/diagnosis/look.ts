// What `top` knows of a log at one moment: a copy that stands still while the next one is taken.

import { dirname } from 'node:path';
import { WalError } from '../../errors.js';
import { type ConsumerStatus, listConsumers } from '../../index.js';
import { type AttachedTelemetry, recorder, recovery, type Stall } from '../../telemetry.js';
import { hexOf64 } from '../../units.js';
import { logFolders } from '../../verification/inspect.js';

/** How long what has not ended yet lasts, in nanoseconds; 0 where there is no such thing. */
interface Lasting {
  /** An append that waits for room in the ring. */
  readonly ringStallNs: number;
  /** The oldest call of durable() that has not settled. */
  readonly durableWaitNs: number;
  /** The writer thread waits for a segment. */
  readonly nextSegmentNs: number;
  /** The oldest event that is appended and not durable. */
  readonly durableLagNs: number;
  /** The oldest event that is written and not durable. */
  readonly unsyncedNs: number;
  /** The oldest event that was sent to a stream and is not confirmed. */
  readonly replicationLagNs: number;
  /** The engine of a stream does not do what it is asked. */
  readonly engineWaitNs: number;
  /** The last commit, of which no header on disk tells yet. */
  readonly unwatermarkedNs: number;
}

export interface Look
  extends Pick<
    AttachedTelemetry,
    | 'directory'
    | 'path'
    | 'pid'
    | 'build'
    | 'status'
    | 'state'
    | 'uptimeNs'
    | 'takenAtNs'
    | 'appendedEventId'
    | 'writtenEventId'
    | 'durableEventId'
    | 'ringBytes'
    | 'ringCapacityBytes'
    | 'waitingBytes'
    | 'threads'
    | 'incomplete'
    | 'recorder'
    | 'recovery'
  > {
  readonly lasting: Lasting;
  /** Folders of the logs at which threads of this one are, by log id, as far as they are found. */
  readonly folders: Readonly<Record<string, string>>;
  /** By name, from their files; none where these cannot be read. */
  readonly consumers: readonly ConsumerStatus[];
  /** Of the last hour, the oldest first. */
  readonly stalls: readonly RecentStall[];
}

/** A wait that took long, and when it ended. */
export interface RecentStall extends Stall {
  readonly agoMs: number;
}

const HOUR_MS = 3_600_000;

/** Reads files of the log's folder; who looks often reads them less often. */
export function takeLook(
  telemetry: AttachedTelemetry,
  list: typeof consumersOf = consumersOf,
): Look {
  const recorderCopy = new recorder.Telemetry();
  const recoveryCopy = new recovery.Telemetry();
  telemetry.recorder.copyTo(recorderCopy);
  telemetry.recovery.copyTo(recoveryCopy);
  return {
    directory: telemetry.directory,
    path: telemetry.path,
    pid: telemetry.pid,
    build: telemetry.build,
    status: telemetry.status,
    state: telemetry.state,
    uptimeNs: telemetry.uptimeNs,
    takenAtNs: telemetry.takenAtNs,
    appendedEventId: telemetry.appendedEventId,
    writtenEventId: telemetry.writtenEventId,
    durableEventId: telemetry.durableEventId,
    ringBytes: telemetry.ringBytes,
    ringCapacityBytes: telemetry.ringCapacityBytes,
    waitingBytes: telemetry.waitingBytes,
    threads: telemetry.threads,
    incomplete: telemetry.incomplete,
    recorder: recorderCopy,
    recovery: recoveryCopy,
    lasting: lastingOf(recorderCopy),
    folders: foldersOf(telemetry),
    consumers: list(telemetry.directory, recorderCopy),
    stalls: recentStalls(telemetry, Date.now()),
  };
}

function recentStalls(telemetry: AttachedTelemetry, nowMs: number): readonly RecentStall[] {
  return telemetry.readStalls().flatMap((stall) => {
    const agoMs = nowMs - stall.startMs - stall.durationMs;
    return agoMs <= HOUR_MS ? [{ ...stall, agoMs: Math.max(0, agoMs) }] : [];
  });
}

function lastingOf(metrics: recorder.Telemetry): Lasting {
  const { manager, segmentWriter, segmentPreparer, replication } = metrics;
  return {
    replicationLagNs: replication.lagAge,
    engineWaitNs: replication.engineWaitAge,
    ringStallNs: manager.ringStallAge,
    durableWaitNs: manager.durableWaitAge,
    nextSegmentNs: segmentPreparer.getNextSegmentAge,
    durableLagNs: segmentWriter.durableLagAge,
    unsyncedNs: segmentWriter.unsyncedAge,
    unwatermarkedNs: segmentWriter.unwatermarkedAge,
  };
}

/** The telemetry counts them, and only their files tell which they are. */
export function consumersOf(
  directory: string,
  { consumers: { activeConsumers, droppedConsumers } }: recorder.Telemetry,
): readonly ConsumerStatus[] {
  if (activeConsumers + droppedConsumers === 0) return [];
  try {
    return listConsumers(directory);
  } catch (error) {
    // The folder may be gone, or be none of this user's: the counts are shown without names.
    if (error instanceof WalError) return [];
    throw error;
  }
}

/** Their regions lie beside that of this one, and tell it. */
function foldersOf({ threads, path }: AttachedTelemetry): Record<string, string> {
  const ids = Object.values(threads).flatMap(({ elsewhere }) => elsewhere?.logId ?? []);
  const folders: Record<string, string> = {};
  if (ids.length === 0) return folders;
  for (const [logId, folder] of logFolders(dirname(path))) {
    const id = hexOf64(logId);
    if (ids.includes(id)) folders[id] = folder;
  }
  return folders;
}

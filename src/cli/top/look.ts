// What `top` knows of a log at one moment: a copy that stands still while the next one is taken.

import { type AttachedTelemetry, recorder, recovery } from '../../telemetry.js';

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
    | 'waitingBytes'
    | 'threads'
    | 'incomplete'
    | 'recorder'
    | 'recovery'
  > {}

export function takeLook(telemetry: AttachedTelemetry): Look {
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
    waitingBytes: telemetry.waitingBytes,
    threads: telemetry.threads,
    incomplete: telemetry.incomplete,
    recorder: recorderCopy,
    recovery: recoveryCopy,
  };
}

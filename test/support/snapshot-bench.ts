// Snapshots of a machine's state beside a log on a simulated disk, written step by step.
import { join } from 'node:path';
import {
  type SnapshotRequest,
  SnapshotWriter,
  type WrittenSnapshot,
} from '../../src/machine/snapshot-writer.js';
import { listLog } from '../../src/reading/log-directory.js';
import { judgeSnapshot, type UnfitSnapshot } from '../../src/replay/snapshot-fitness.js';
import type { Storage } from '../../src/storage/storage.js';
import { LONG, portsOf, SOURCE } from './backup-bench.js';

/** Of each state: a part of a chunk. */
const STATE_BYTES = 50_000;

export function stateAt(eventId: number): Uint8Array {
  const state = new Uint8Array(STATE_BYTES);
  for (let at = 0; at < state.length; at++) state[at] = (eventId * 31 + at) & 0xff;
  return state;
}

/** Writes a snapshot of the state at that event; what fails is abandoned, as the thread does. */
export function writeSnapshot(
  storage: Storage,
  logId: bigint,
  eventId: number,
  request: Partial<SnapshotRequest> = {},
): WrittenSnapshot {
  let writer: SnapshotWriter | undefined;
  try {
    writer = new SnapshotWriter(portsOf(storage), {
      dir: SOURCE,
      logId,
      eventId,
      stateVersion: 1,
      stateHash: undefined,
      salt: BigInt(eventId) * 0x9e37_79b9n,
      createdTsNs: 1n,
      keep: 2,
      versions: [1],
      passedOver: [],
      unfit: [],
      ...request,
    });
    const state = stateAt(eventId);
    for (let at = 0; at < state.length; at += 30_000) writer.write(state.slice(at, at + 30_000));
    return writer.finish();
  } catch (error) {
    writer?.abandon();
    throw error;
  }
}

/** The snapshots that can be used, by event, each read to its end and compared; and the others. */
export function snapshotsOn(
  storage: Storage,
  logId: bigint,
  lastEventId = LONG,
  dir = SOURCE,
): { readonly sound: readonly number[]; readonly unfit: readonly UnfitSnapshot[] } {
  const sound: number[] = [];
  const unfit: UnfitSnapshot[] = [];
  for (const name of listLog(storage, dir).snapshots) {
    const judged = judgeSnapshot(portsOf(storage), dir, name, logId, lastEventId);
    if ('reason' in judged) {
      unfit.push(judged);
      continue;
    }
    const { file } = judged;
    const { eventId } = file.header;
    try {
      const chunks: Uint8Array[] = [];
      for (let chunk = file.next(); chunk !== undefined; chunk = file.next()) chunks.push(chunk);
      const isSame = Buffer.compare(Buffer.concat(chunks), stateAt(eventId)) === 0;
      if (!isSame) throw new Error(`snapshot ${eventId} holds another state`);
      sound.push(eventId);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      unfit.push({ file: name, eventId, reason: 'damaged', message });
    } finally {
      file.close();
    }
  }
  return { sound, unfit };
}

/** Turns one bit of a file around. */
export function flipBit(storage: Storage, name: string, offset: number): void {
  const fd = storage.open(join(SOURCE, name), 'write');
  const byte = new Uint8Array(1);
  storage.read(fd, byte, offset);
  byte[0] = (byte[0] ?? 0) ^ 4;
  storage.write(fd, [byte], offset);
  storage.sync(fd);
  storage.close(fd);
}

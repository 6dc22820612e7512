// What `verify` says of the snapshots of a machine's state that lie beside a log: each is read
// whole and compared with the log. None of it is a problem of the log: its events are what counts,
// and a snapshot only spares applying them again. Unless they were removed.
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WalError } from '../errors.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import type { SnapshotFile } from '../reading/snapshot-file.js';
import { judgeSnapshot, type UnfitSnapshot } from '../replay/snapshot-fitness.js';
import { parseSnapshotFileName } from '../segment/file-names.js';
import type { SnapshotCheck } from './verify-report.js';

/** Chunks, of 1 MiB, between two turns of the event loop. */
const TURN_CHUNKS = 16;

/** What is known of the log. */
interface CheckedLog {
  readonly logId: bigint;
  readonly firstEventId: number;
  readonly lastEventId: number;
}

/**
 * @param names as they were listed before the log was read to its end
 * @throws the reason of `signal` when that is aborted
 */
export async function checkSnapshots(
  ports: ReadingPorts,
  dir: string,
  names: readonly string[],
  log: CheckedLog,
  signal?: AbortSignal,
): Promise<readonly SnapshotCheck[]> {
  const checks: SnapshotCheck[] = [];
  for (const name of names) {
    const check = await checkSnapshot(ports, dir, name, log, signal);
    // Removed meanwhile: a newer one is there.
    if (check.problem !== undefined && !isThere(ports, dir, name)) continue;
    checks.push(check);
  }
  return checks;
}

function isThere({ storage }: ReadingPorts, dir: string, name: string): boolean {
  return storage.statusAt(join(dir, name)) !== undefined;
}

async function checkSnapshot(
  ports: ReadingPorts,
  dir: string,
  name: string,
  { logId, lastEventId }: CheckedLog,
  signal: AbortSignal | undefined,
): Promise<SnapshotCheck> {
  let judged: { readonly file: SnapshotFile } | UnfitSnapshot;
  try {
    judged = judgeSnapshot(ports, dir, name, logId, lastEventId);
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    return unsound(name, `whether ${name} belongs to the log cannot be said: ${error.message}`);
  }
  if ('reason' in judged) return unsound(name, judged.message);
  const { file } = judged;
  try {
    for (let chunks = 1; file.next() !== undefined; chunks++) {
      if (chunks % TURN_CHUNKS !== 0) continue;
      await nextTurn();
      signal?.throwIfAborted();
    }
    const { eventId, contentBytes, stateVersion: version } = file.header;
    return { file: name, eventId, contentBytes, version, problem: undefined };
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    return unsound(name, error.message);
  } finally {
    file.close();
  }
}

const unsound = (file: string, problem: string): SnapshotCheck => ({
  file,
  eventId: parseSnapshotFileName(file) ?? 0,
  contentBytes: undefined,
  version: undefined,
  problem,
});

/** A sentence each. */
export function snapshotNotes(
  dir: string,
  checks: readonly SnapshotCheck[],
  unfinished: readonly string[],
  { firstEventId }: CheckedLog,
): string[] {
  const notes = checks.flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
  for (const name of unfinished) {
    notes.push(`${name} is being written, or was left behind by a crash.`);
  }
  const isSound = checks.some(({ problem }) => problem === undefined);
  if (checks.length > 0 && !isSound && firstEventId > 1) {
    notes.push(
      `${dir} begins with event ${firstEventId} and has no sound snapshot: the state machine ` +
        'that it belongs to cannot be opened. Put a snapshot back from a backup.',
    );
  }
  return notes;
}

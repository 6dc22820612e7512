// A log on a simulated disk in states of its life, and backups of it, step by step.
import {
  type BackupReport,
  type BackupRequest,
  backupSteps,
} from '../../src/backup/backup-steps.js';
import { assert } from '../../src/errors.js';
import { FILE_PORTS, type ReadingPorts } from '../../src/judgement/reading-ports.js';
import { replayThrough } from '../../src/replay/replay.js';
import { compressedPath, META_FILE } from '../../src/segment/file-names.js';
import { encodeMeta, type WalMeta } from '../../src/segment/wal-meta.js';
import type { Storage } from '../../src/storage/storage.js';
import { verifyThrough } from '../../src/verification/verify.js';
import { LogBuilder } from './log-builder.js';
import { frameOf, withoutRoom } from './lz4-frames.js';

export const SOURCE = '/source';
export const TARGET = '/target';
/** Of the longer log: after these events its segments end. */
export const ENDS = [20, 40, 60, 80, 90] as const;
/** What the shorter log has. */
export const SHORT = 50;
export const LONG = 90;

export const portsOf = (storage: Storage): ReadingPorts => ({ ...FILE_PORTS, storage });

/** Puts a file on a disk, durably. */
export function putFile(storage: Storage, path: string, bytes: Uint8Array): void {
  if (storage.statusAt(path) !== undefined) storage.unlink(path);
  const fd = storage.open(path, 'create');
  storage.write(fd, [bytes], 0);
  storage.sync(fd);
  storage.close(fd);
  storage.syncDirectory(path.slice(0, path.lastIndexOf('/')) || '/');
}

/** A log of five segments, and as it was before half of it was written. */
export class BackedUpLog {
  readonly logId: bigint;
  readonly #short: ReadonlyMap<number, Uint8Array>;
  readonly #long: ReadonlyMap<number, Uint8Array>;
  readonly #ends = new Map<number, { readonly offset: number; readonly index: number }>();

  /** @param dir a folder that nothing is written to */
  constructor(dir: string) {
    const builder = new LogBuilder(dir, { payloadBytes: 100 });
    this.logId = builder.logId;
    const note = (): void => {
      const { offset, bytes, segmentIndex: index } = builder.blocks.at(-1) ?? assertNever();
      this.#ends.set(builder.lastEventId, { offset: offset + bytes, index });
    };
    builder.segment().events(10).events(10).seal().segment().events(5).events(15).seal();
    builder.segment().events(10);
    note();
    this.#short = copied(builder);
    builder.events(10).seal().segment().events(20).seal().segment().events(10);
    note();
    this.#long = copied(builder);
  }

  meta(last: typeof SHORT | typeof LONG, fields: Partial<WalMeta> = {}): Uint8Array {
    const { offset, index: segmentIndex } = this.#ends.get(last) ?? assertNever();
    const { logId } = this;
    return encodeMeta({
      cleanlyClosed: true,
      segmentIndex,
      offset,
      lastEventId: last,
      logId,
      durableEventId: last,
      firstKeptEventId: 0,
      ...fields,
    });
  }

  /** Writes the log as it was with `last` events. */
  write(storage: Storage, last: typeof SHORT | typeof LONG, dir = SOURCE): void {
    storage.makeDirectory(dir);
    const files = last === SHORT ? this.#short : this.#long;
    for (const [index, bytes] of files) putFile(storage, pathOf(index, dir), bytes);
    putFile(storage, `${dir}/${META_FILE}`, this.meta(last));
    storage.syncDirectory('/');
  }

  /** As the maintainer does it. */
  compress(storage: Storage, index: number): void {
    const path = pathOf(index);
    if (storage.statusAt(path) === undefined) return;
    putFile(
      storage,
      compressedPath(path),
      frameOf(withoutRoom(this.#long.get(index) ?? assertNever())),
    );
    storage.unlink(path);
    storage.syncDirectory(SOURCE);
  }

  /** As retention does it: segments up to `index` go. */
  trim(storage: Storage, index: number, last: typeof SHORT | typeof LONG): void {
    const firstKeptEventId = (ENDS[index - 1] ?? 0) + 1;
    putFile(storage, `${SOURCE}/${META_FILE}`, this.meta(last, { firstKeptEventId }));
    for (let each = 1; each <= index; each++) {
      for (const path of [pathOf(each), compressedPath(pathOf(each))]) {
        if (storage.statusAt(path) !== undefined) storage.unlink(path);
      }
      storage.syncDirectory(SOURCE);
    }
  }
}

function assertNever(): never {
  assert(false, 'the log was built');
}

const copied = ({ files }: LogBuilder): Map<number, Uint8Array> =>
  new Map([...files].map(([index, bytes]) => [index, bytes.slice()]));

export const pathOf = (index: number, dir = SOURCE): string =>
  `${dir}/${String(index).padStart(10, '0')}.wal`;

export const stepsOf = (storage: Storage, options: Partial<BackupRequest> = {}) =>
  backupSteps(portsOf(storage), {
    source: SOURCE,
    target: TARGET,
    prune: false,
    lock: 'none',
    ...options,
  });

/** A backup from its first to its last step; `between` is called before each of them. */
export function makeBackup(
  storage: Storage,
  options: Partial<BackupRequest> = {},
  between: (step: number) => void = () => {},
): BackupReport {
  const steps = stepsOf(storage, options);
  for (let step = 1; ; step++) {
    between(step);
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** The first and the last event of a log that is sound; undefined for one that is refused. */
export async function heldBy(
  storage: Storage,
  dir = TARGET,
): Promise<{ readonly first: number; readonly last: number } | undefined> {
  const { ok, firstEventId, lastEventId } = await verifyThrough(portsOf(storage), dir);
  if (!ok) return undefined;
  const ids = [...replayThrough(portsOf(storage), dir)].map(({ eventId }) => eventId);
  const all = Array.from({ length: lastEventId - firstEventId + 1 }, (_, at) => firstEventId + at);
  assert(`${ids}` === `${all}`, `${ids} are read, ${all} were verified`);
  return { first: firstEventId, last: lastEventId };
}

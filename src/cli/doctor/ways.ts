// The ways of committing that are compared, each on files of its own in the trial's folder. All but
// the product's own block the thread: nothing then stands between the call and the clock.
import {
  closeSync,
  constants,
  fdatasyncSync,
  fsyncSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { WalError } from '../../errors.js';
import { Wal } from '../../index.js';
import { KIB, MIB } from '../../units.js';
import type { LogTrial, WayName } from './measurements.js';

export interface Way {
  readonly name: WayName;
  readonly eventsPerCommit: number;
  commit(): void | Promise<void>;
  close(): void | Promise<void>;
}

/** An order event: 24 bytes of frame, and 40 of payload. */
const PAYLOAD_BYTES = 40;
const EVENT_BYTES = 24 + PAYLOAD_BYTES;
const BLOCK_HEADER_BYTES = 64;
const BATCH_EVENTS = 1000;
const PREPARED_BYTES = 4 * MIB;
const CHUNK_BYTES = 256 * KIB;

const blockOf = (events: number): Uint8Array =>
  new Uint8Array(BLOCK_HEADER_BYTES + events * EVENT_BYTES).fill(0xa5);

/** A file whose blocks are there, written and synced: what the product prepares ahead. */
export function prepareFile(path: string): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    const zeros = new Uint8Array(CHUNK_BYTES);
    for (let at = 0; at < PREPARED_BYTES; at += CHUNK_BYTES) writeWhole(fd, zeros, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeWhole(fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, at + done);
  }
}

/** Blocks one behind the other, as a log has them; at the end of `bytes` from the start again. */
function blocks(fd: number, events: number, bytes: number): () => void {
  const block = blockOf(events);
  let at = 0;
  return () => {
    if (at + block.length > bytes) at = 0;
    writeWhole(fd, block, at);
    at += block.length;
  };
}

function inFile(name: WayName, path: string, { flags, events, bytes, sync }: FileWay): Way {
  const fd = openSync(path, flags, 0o600);
  const write = blocks(fd, events, bytes);
  return {
    name,
    eventsPerCommit: events,
    commit() {
      write();
      if (sync) fdatasyncSync(fd);
    },
    close() {
      closeSync(fd);
      // A log that found the disk full goes on, and can be closed, once there is room.
      rmSync(path, { force: true });
    },
  };
}

interface FileWay {
  readonly flags: number;
  readonly events: number;
  readonly bytes: number;
  readonly sync: boolean;
}

const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;

/** What opens each way in `folder`; `prepared` is there already. */
export const fileWays = (
  folder: string,
  prepared: string,
): readonly (readonly [WayName, () => Way])[] => {
  const existing = { bytes: PREPARED_BYTES, flags: constants.O_RDWR };
  const dsync = constants.O_RDWR | constants.O_DSYNC;
  return [
    ['overwrite', () => inFile('overwrite', prepared, { ...existing, events: 1, sync: true })],
    [
      'grow',
      () =>
        inFile('grow', join(folder, 'growing'), {
          flags: CREATE,
          events: 1,
          bytes: Number.POSITIVE_INFINITY,
          sync: true,
        }),
    ],
    [
      'dsync',
      () => inFile('dsync', prepared, { ...existing, flags: dsync, events: 1, sync: false }),
    ],
    ['batch', () => inFile('batch', prepared, { ...existing, events: BATCH_EVENTS, sync: true })],
  ];
};

const LONGEST_COMMIT_MS = 15_000;
const LOOK_MS = 50;

/** On a full disk `durable()` stays pending until somebody makes room: that is told instead. */
async function within(wal: Wal, commit: Promise<unknown>): Promise<void> {
  const endMs = performance.now() + LONGEST_COMMIT_MS;
  let looks: NodeJS.Timeout | undefined;
  const givenUp = new Promise<never>((_resolve, reject) => {
    looks = setInterval(() => {
      if (wal.state === 'no-space') {
        reject(new WalError('ERR_FLASHSTRIKE_NO_SPACE', 'the log found no room on the disk'));
      } else if (performance.now() > endMs) {
        const message = `durable() was still pending after ${LONGEST_COMMIT_MS / 1000} s`;
        reject(new WalError('ERR_FLASHSTRIKE_STALLED', message));
      }
    }, LOOK_MS);
  });
  // It may reject later, when nobody waits for it any more.
  commit.catch(() => undefined);
  try {
    await Promise.race([commit, givenUp]);
  } finally {
    clearInterval(looks);
  }
}

/** A log of the product, and what it found when it was opened. */
export async function logWay(
  folder: string,
  sharedMemoryDirectory: string,
): Promise<{ readonly way: Way; readonly log: LogTrial }> {
  const open = (lock: 'flock' | 'none'): Promise<Wal> =>
    Wal.open(join(folder, 'log'), { sharedMemoryDirectory, lock });
  const wal = await open('flock').catch((error: unknown) => {
    const isUnlockable =
      error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_LOCK_UNAVAILABLE';
    if (isUnlockable) return open('none');
    throw error;
  });
  const payload = new Uint8Array(PAYLOAD_BYTES).fill(0xa5);
  const { sharedMemory, sharedMemoryReason, lock, renameNoReplace, allocate, syncDirectory } =
    wal.capabilities;
  return {
    way: {
      name: 'durable',
      eventsPerCommit: 1,
      async commit() {
        await within(wal, wal.durable(wal.append(payload)));
      },
      close: () => wal.close(),
    },
    log: { sharedMemory, sharedMemoryReason, lock, renameNoReplace, allocate, syncDirectory },
  };
}

// The file that has a consumer's name: locked, and replaced as a whole.
import { join } from 'node:path';
import { isOperational } from '../errors.js';
import { isMissing } from '../reading/read-failure.js';
import { CONSUMER_BYTES, CONSUMER_DROP_OFFSET } from '../segment/consumer-record.js';
import { consumerFileName, consumerTemporaryName } from '../segment/file-names.js';
import { tryFileLock } from '../storage/file-lock.js';
import type { FileStatus, Storage } from '../storage/storage.js';
import { inUse } from './consumer-failure.js';
import type { ConsumerPlace } from './consumer-place.js';

export interface Held {
  readonly fd: number;
  readonly status: FileStatus;
}

type FilePlace = Pick<ConsumerPlace, 'dir' | 'lock'> & {
  readonly ports: Pick<ConsumerPlace['ports'], 'storage'>;
};

export const isSameFile = (a: FileStatus, b: FileStatus): boolean =>
  a.inode === b.inode && a.device === b.device;

/**
 * Opens and locks what has that name; undefined where nothing has, or something else by then.
 * @throws WalError ERR_FLASHSTRIKE_LOCKED, _UNSAFE_FILE
 */
export function holdNamed(
  { ports: { storage }, lock }: Pick<FilePlace, 'ports' | 'lock'>,
  name: string,
  path: string,
  mode: 'rewrite' | 'open-or-create',
): Held | undefined {
  let fd: number;
  try {
    fd = storage.open(path, mode);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  let isHeld = false;
  try {
    if (lock === 'flock' && !tryFileLock(fd, path)) throw inUse(path, name);
    const status = storage.statusOf(fd);
    const named = storage.statusAt(path);
    isHeld = named !== undefined && isSameFile(named, status);
    return isHeld ? { fd, status } : undefined;
  } finally {
    if (!isHeld) storage.close(fd);
  }
}

/** An open takes what is not locked yet for a left-over, and removes it: once, or a few times. */
const ATTEMPTS = 10;

/**
 * The file beside that becomes the consumer's: this one's alone.
 * @throws WalError ERR_FLASHSTRIKE_LOCKED, _UNSAFE_FILE
 */
function holdTemporary(place: FilePlace, name: string, path: string): Held {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const held = holdNamed(place, name, path, 'open-or-create');
    if (held !== undefined) return held;
  }
  throw inUse(path, name);
}

/**
 * Writes a whole file beside, and gives it its name once it is on disk; the name itself is not yet.
 * Undefined where another one has the name by now.
 */
export async function writeWhole(
  place: FilePlace & Pick<ConsumerPlace, 'syncs'>,
  name: string,
  bytes: Uint8Array,
  kind: 'new' | 'replacement',
): Promise<Held | undefined> {
  const { storage } = place.ports;
  const path = join(place.dir, consumerFileName(name));
  const temporary = join(place.dir, consumerTemporaryName(name));
  const held = holdTemporary(place, name, temporary);
  let isTaken = false;
  try {
    isTaken = kind === 'new' && storage.statusAt(path) !== undefined;
    if (!isTaken) {
      rewrite(storage, held.fd, bytes);
      await place.syncs.sync(held.fd);
      if (kind === 'new') storage.renameNoReplace(temporary, path);
      else storage.rename(temporary, path);
    }
  } catch (error) {
    abandon(storage, held.fd, temporary);
    throw error;
  }
  if (!isTaken) return held;
  abandon(storage, held.fd, temporary);
  return undefined;
}

/** A left-over of a crash may be longer. */
function rewrite(storage: Storage, fd: number, bytes: Uint8Array): void {
  storage.truncate(fd, bytes.length);
  storage.write(fd, [bytes], 0);
}

/** Nobody was told of the file: it must not hold a log for a consumer that nobody has. */
export function abandon(storage: Storage, fd: number, path: string): void {
  try {
    storage.unlink(path);
  } catch (error) {
    // What made the file fail is what is told.
    if (!isOperational(error)) throw error;
  } finally {
    storage.close(fd);
  }
}

/**
 * Puts a mark on a consumer, on disk; false where that is gone meanwhile. What has another name as
 * well, in a snapshot by hard links, is replaced first, which needs the lock of its user.
 * @throws WalError ERR_FLASHSTRIKE_LOCKED where it is in use then; the system's errors
 */
export function putMark(place: FilePlace, name: string, mark: Uint8Array): boolean {
  const { storage } = place.ports;
  const path = join(place.dir, consumerFileName(name));
  let fd: number;
  try {
    fd = storage.open(path, 'rewrite');
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  try {
    if (storage.statusOf(fd).links <= 1) {
      storage.write(fd, [mark], CONSUMER_DROP_OFFSET);
      storage.sync(fd);
      return true;
    }
  } finally {
    storage.close(fd);
  }
  return separateWith(place, name, path, mark);
}

function separateWith(place: FilePlace, name: string, path: string, mark: Uint8Array): boolean {
  const { storage } = place.ports;
  const held = holdNamed(place, name, path, 'rewrite');
  if (held === undefined) return false;
  try {
    const bytes = new Uint8Array(CONSUMER_BYTES);
    storage.read(held.fd, bytes, 0);
    bytes.set(mark, CONSUMER_DROP_OFFSET);
    replaceNow(place, name, path, bytes);
    storage.syncDirectory(place.dir);
    return true;
  } finally {
    storage.close(held.fd);
  }
}

/** As a replacement by `writeWhole`, on a thread that may wait for the disk. */
function replaceNow(place: FilePlace, name: string, path: string, bytes: Uint8Array): void {
  const { storage } = place.ports;
  const temporary = join(place.dir, consumerTemporaryName(name));
  const held = holdTemporary(place, name, temporary);
  try {
    rewrite(storage, held.fd, bytes);
    storage.sync(held.fd);
    storage.rename(temporary, path);
  } catch (error) {
    abandon(storage, held.fd, temporary);
    throw error;
  }
  storage.close(held.fd);
}

// What LOCK says, for all who read a log without its lock.
import { join } from 'node:path';
import { reading } from '../reading/read-failure.js';
import { LOCK_FILE } from '../segment/file-names.js';
import { type ReadLockRecord, readLockRecord } from '../storage/lock-file.js';
import type { Storage } from '../storage/storage.js';

/**
 * LOCK's text; says nothing where there is no LOCK, or a damaged one.
 * @throws WalError ERR_FLASHSTRIKE_ACCESS, _IO, _UNSAFE_FILE
 */
export const lockRecordIn = (storage: Storage, dir: string): ReadLockRecord =>
  reading(join(dir, LOCK_FILE), () => readLockRecord(storage, dir));

// A process that owns a log's lock and its shared region, and then waits to be killed. Arguments:
// log folder, shared-memory folder, user id to become (optional). It tells what it made in one
// line.
import { join } from 'node:path';
import { systemCode, WalError } from '../../src/errors.js';
import { publishNumber } from '../../src/memory/sequence-latch.js';
import type { FolderIdentity } from '../../src/region/folder-identity.js';
import { createRegion } from '../../src/region/region-factories.js';
import { newRegionName } from '../../src/region/region-names.js';
import { identifyFolder } from '../../src/storage/identify-folder.js';
import { acquireLock } from '../../src/storage/lock-file.js';
import { nodeStorage } from '../../src/storage/node-storage.js';

export const CHILD_LOG_ID = 0xc0ffee_0000_0001n;
export const CHILD_RING_BYTES = 64 * 1024;
/** The latch stands at the start of the control section. */
export const CHILD_LATCH_VALUE = 2 ** 45 + 7;

export type ChildReport =
  | {
      readonly kind: 'owner';
      readonly path: string | undefined;
      readonly adapter: string;
      readonly reason: string | undefined;
    }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

/** What the child leaves in byte `at` of its ring. */
export const childRingByte = (at: number): number => (at * 31 + (at >> 8)) & 0xff;

function folderIn(path: string): FolderIdentity {
  const folder = identifyFolder(nodeStorage, path);
  if (folder === undefined) throw new RangeError(`there is no folder ${path}`);
  return folder;
}

function own(folder: string, sharedMemoryDirectory: string): ChildReport {
  const lock = acquireLock(nodeStorage, folder, 'flock');
  const path = join(sharedMemoryDirectory, newRegionName(CHILD_LOG_ID));
  const { region, fallbackReason } = createRegion('auto', path, {
    logId: CHILD_LOG_ID,
    folder: folderIn(folder),
    telemetryBytes: 4096,
    controlBytes: 4096,
    ringBytes: CHILD_RING_BYTES,
  });
  lock.write({ regions: region.path === undefined ? [] : [region.path] });
  const ring = region.ring(CHILD_RING_BYTES);
  for (let at = 0; at < CHILD_RING_BYTES; at++) ring[at] = childRingByte(at);
  const control = region.section('control').byteOffset - region.byteOffset;
  publishNumber(region.words, control / Int32Array.BYTES_PER_ELEMENT, CHILD_LATCH_VALUE);
  return { kind: 'owner', path: region.path, adapter: region.adapter, reason: fallbackReason };
}

function report(folder: string, sharedMemoryDirectory: string): ChildReport {
  try {
    return own(folder, sharedMemoryDirectory);
  } catch (error) {
    const code = error instanceof WalError ? error.code : (systemCode(error) ?? 'unknown');
    return { kind: 'refused', code, message: String(error) };
  }
}

const [folder, sharedMemoryDirectory, userId] = process.argv.slice(2);
if (folder !== undefined && sharedMemoryDirectory !== undefined) {
  if (userId !== undefined) process.seteuid?.(Number(userId));
  process.stdout.write(`${JSON.stringify(report(folder, sharedMemoryDirectory))}\n`);
  // Ends with its parent, should that die before it kills.
  process.stdin.resume().on('end', () => process.exit());
}

// A file's status by statx of libc, without its times of change. Node asks for those as well, and
// who has asked makes the next write dear: Linux (6.13 and later) then gives the file a new time,
// which ext4 without a journal writes to the disk with the next sync. Costs half of Node's call.
import { constants } from 'node:fs';
import { loadedLibc } from '../memory/libc.js';
import { TWO_POW_32 } from '../units.js';
import type { EntryKind, FileStatus } from './storage.js';

/** struct statx of <linux/stat.h>, as far as it is read. */
const STATX_BYTES = 256;
const at = Object.freeze({
  mask: 0,
  links: 16,
  owner: 20,
  mode: 28,
  inode: 32,
  bytes: 40,
  birthSeconds: 80,
  birthNs: 88,
  deviceMajor: 136,
  deviceMinor: 140,
});
const HAS_BIRTH = 0x800;
const KINDS: ReadonlyMap<number, EntryKind> = new Map([
  [constants.S_IFREG, 'file'],
  [constants.S_IFDIR, 'directory'],
  [constants.S_IFLNK, 'symlink'],
]);
const NS_PER_SECOND = 1_000_000_000n;

const bytes = new Uint8Array(STATX_BYTES);
const view = new DataView(bytes.buffer);

/** Undefined where libc is not loaded, or the call fails: Node's then tells why. */
export function nativeStatusOf(fd: number): FileStatus | undefined {
  return loadedLibc()?.statusOf(fd, bytes) === true ? toStatus() : undefined;
}

/** As `nativeStatusOf`, of a name itself. */
export function nativeStatusAt(path: string): FileStatus | undefined {
  return loadedLibc()?.statusAt(path, bytes) === true ? toStatus() : undefined;
}

const toStatus = (): FileStatus => ({
  kind: KINDS.get(view.getUint16(at.mode, true) & constants.S_IFMT) ?? 'other',
  bytes: view.getUint32(at.bytes + 4, true) * TWO_POW_32 + view.getUint32(at.bytes, true),
  device: deviceOf(view.getUint32(at.deviceMajor, true), view.getUint32(at.deviceMinor, true)),
  inode: view.getBigUint64(at.inode, true),
  links: view.getUint32(at.links, true),
  owner: view.getUint32(at.owner, true),
  birthNs: birthNs(),
});

function birthNs(): bigint | undefined {
  if ((view.getUint32(at.mask, true) & HAS_BIRTH) === 0) return undefined;
  const seconds = view.getBigInt64(at.birthSeconds, true);
  const ns = seconds * NS_PER_SECOND + BigInt(view.getUint32(at.birthNs, true));
  return ns > 0n ? ns : undefined;
}

let lastDevice = { major: 0, minor: 0, device: 0n };

/** One number as Node has it. The files of a log are on one device: it is made once for all. */
function deviceOf(major: number, minor: number): bigint {
  if (major !== lastDevice.major || minor !== lastDevice.minor) {
    lastDevice = { major, minor, device: makeDevice(BigInt(major), BigInt(minor)) };
  }
  return lastDevice.device;
}

/** makedev of libc. */
function makeDevice(high: bigint, low: bigint): bigint {
  return (
    ((high & 0xffff_f000n) << 32n) |
    ((high & 0xfffn) << 8n) |
    ((low & 0xffff_ff00n) << 12n) |
    (low & 0xffn)
  );
}

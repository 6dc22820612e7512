// The header page of a shared region: whose it is, of which boot, where its sections stand.
import { readFileSync } from 'node:fs';
import { assert, systemCode } from '../errors.js';
import { block, layout, pad, u32, u64, wordOf } from '../memory/layout.js';
import { isZero } from '../memory/zeros.js';
import { alignUp, CACHE_LINE_BYTES, MIB, PAGE_BYTES } from '../units.js';
import type { FolderIdentity } from './folder-identity.js';

/** A longer path is not written down. */
const FolderPath = block(2560, 1);

export const RegionHeaderLayout = layout('RegionHeader')
  .field(0, 'magic', u64)
  /** Stored last: a region without it was not finished. */
  .field(8, 'layoutVersion', u32)
  .field(12, 'spare0', pad(4))
  .field(16, 'logId', u64)
  .field(24, 'bootId', block(16, 8))
  .field(40, 'folderDevice', u64)
  .field(48, 'folderInode', u64)
  .field(56, 'pid', u32)
  .field(60, 'spare1', pad(4))
  .field(64, 'startTsNs', u64)
  .field(72, 'monotonicAnchorNs', u64)
  .field(80, 'unixAnchorNs', u64)
  .field(88, 'telemetryOffset', u32)
  .field(92, 'telemetryBytes', u32)
  .field(96, 'controlOffset', u32)
  .field(100, 'controlBytes', u32)
  .field(104, 'ringOffset', u32)
  .field(108, 'ringBytes', u32)
  /** 0: not known. */
  .field(112, 'folderBirthNs', u64)
  /** 0: not written down, for want of room. */
  .field(120, 'folderPathBytes', u32)
  .field(124, 'spare2', pad(388))
  /** Eight of 128 bytes each; src/telemetry/heartbeats.ts. */
  .field(512, 'heartbeats', block(1024, 64))
  /** UTF-8, zeros behind it. */
  .field(1536, 'folderPath', FolderPath)
  .end(4096, 64);

assert(RegionHeaderLayout.align === CACHE_LINE_BYTES, 'sections begin on cache lines');

const OFFSET = RegionHeaderLayout.offset;
/** The bytes `FLASHRGN`. */
const REGION_MAGIC = 0x4e47_5248_5341_4c46n;
const REGION_LAYOUT_VERSION = 2;
/** A region's largest size: offsets in it are u32, and positions of the ring count 8 bytes. */
export const MAX_REGION_BYTES = 2 ** 31;

/** Of the two sections before the ring; what they really take is a hundredth of it. */
const MAX_METRICS_BYTES = 16 * MIB;

export type SectionName = 'header' | 'telemetry' | 'control' | 'ring';

export interface Section {
  readonly byteOffset: number;
  readonly byteLength: number;
}

export type Sections = Readonly<Record<SectionName, Section>>;

/** Whose region it is. */
interface RegionIdentity {
  readonly logId: bigint;
  /** Of the log's folder, when the region was made. */
  readonly folder: FolderIdentity;
}

export interface RegionRequest extends RegionIdentity {
  readonly telemetryBytes: number;
  readonly controlBytes: number;
  /** A power of two. */
  readonly ringBytes: number;
}

export interface RegionHeader extends RegionIdentity {
  readonly layoutVersion: number;
  readonly bootId: Uint8Array;
  readonly pid: number;
  readonly startTsNs: bigint;
  readonly monotonicAnchorNs: bigint;
  readonly unixAnchorNs: bigint;
  readonly sections: Sections;
}

const pages = (bytes: number): number => alignUp(bytes, PAGE_BYTES);

/** Sections one behind the other, each at a page; offsets from the region's start. */
export function planSections(request: RegionRequest): Sections {
  const { telemetryBytes, controlBytes } = request;
  assert(telemetryBytes > 0 && controlBytes > 0, 'no section of a region is empty');
  const telemetry = { byteOffset: PAGE_BYTES, byteLength: pages(telemetryBytes) };
  const control = {
    byteOffset: telemetry.byteOffset + telemetry.byteLength,
    byteLength: pages(controlBytes),
  };
  const ring = {
    byteOffset: control.byteOffset + control.byteLength,
    byteLength: request.ringBytes,
  };
  const sections = {
    header: { byteOffset: 0, byteLength: PAGE_BYTES },
    telemetry,
    control,
    ring,
  };
  // The reading side's own rule, so that no region is made that the next open would refuse.
  const defect = sectionsDefect(sections, regionBytes(sections));
  assert(defect === undefined, `a region with a ring of ${ring.byteLength} bytes: ${defect}`);
  return sections;
}

export const regionBytes = ({ ring }: Sections): number => ring.byteOffset + ring.byteLength;

const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

let knownBootId: Uint8Array | undefined;

/** This boot of this machine, 16 bytes; zeros where the system does not tell. */
export function bootId(): Uint8Array {
  knownBootId ??= readBootId();
  return knownBootId;
}

function readBootId(): Uint8Array {
  let digits = '';
  try {
    digits = readFileSync(BOOT_ID_FILE, 'latin1').trim().replaceAll('-', '');
  } catch (error) {
    // Another system, or a container without /proc. Anything but a system error is ours.
    if (systemCode(error) === undefined) throw error;
  }
  if (!/^[0-9a-f]{32}$/.test(digits)) return new Uint8Array(16);
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

/** A region whose boot is not known cannot be told from one of another boot. */
export const isKnownBoot = (boot: Uint8Array): boolean => boot.some((byte) => byte !== 0);

/** This boot as LOCK writes it down, 32 hexadecimal digits; undefined where it is not known. */
export const bootText = (): string | undefined =>
  isKnownBoot(bootId()) ? Buffer.from(bootId()).toString('hex') : undefined;

/** Fills the header; the layout version, which makes the region valid, comes last. */
export function writeRegionHeader(
  words: Int32Array,
  request: RegionRequest,
  sections: Sections,
): void {
  const view = new DataView(words.buffer, words.byteOffset, PAGE_BYTES);
  const unixNs = BigInt(Date.now()) * 1_000_000n;
  view.setBigUint64(OFFSET.magic, REGION_MAGIC, true);
  view.setBigUint64(OFFSET.logId, request.logId, true);
  new Uint8Array(words.buffer, words.byteOffset + OFFSET.bootId, 16).set(bootId());
  writeFolder(view, request.folder);
  view.setUint32(OFFSET.pid, process.pid, true);
  view.setBigUint64(OFFSET.startTsNs, unixNs, true);
  view.setBigUint64(OFFSET.monotonicAnchorNs, process.hrtime.bigint(), true);
  view.setBigUint64(OFFSET.unixAnchorNs, unixNs, true);
  view.setUint32(OFFSET.telemetryOffset, sections.telemetry.byteOffset, true);
  view.setUint32(OFFSET.telemetryBytes, sections.telemetry.byteLength, true);
  view.setUint32(OFFSET.controlOffset, sections.control.byteOffset, true);
  view.setUint32(OFFSET.controlBytes, sections.control.byteLength, true);
  view.setUint32(OFFSET.ringOffset, sections.ring.byteOffset, true);
  view.setUint32(OFFSET.ringBytes, sections.ring.byteLength, true);
  // Sequentially consistent: whoever sees the version sees all of the header.
  Atomics.store(words, wordOf(OFFSET.layoutVersion), REGION_LAYOUT_VERSION);
}

function writeFolder(view: DataView, { device, inode, birthNs, path }: FolderIdentity): void {
  view.setBigUint64(OFFSET.folderDevice, device, true);
  view.setBigUint64(OFFSET.folderInode, inode, true);
  view.setBigUint64(OFFSET.folderBirthNs, birthNs ?? 0n, true);
  const bytes = Buffer.from(path ?? '');
  // Half a path would lead elsewhere.
  const pathBytes = bytes.length > FolderPath.size ? 0 : bytes.length;
  view.setUint32(OFFSET.folderPathBytes, pathBytes, true);
  const place = new Uint8Array(view.buffer, view.byteOffset + OFFSET.folderPath, pathBytes);
  place.set(bytes.subarray(0, pathBytes));
}

/** Undefined where its path is longer than there is room for it, or something follows it. */
function readFolder(view: DataView): FolderIdentity | undefined {
  const pathBytes = view.getUint32(OFFSET.folderPathBytes, true);
  const place = new Uint8Array(view.buffer, view.byteOffset + OFFSET.folderPath, FolderPath.size);
  if (pathBytes > place.length || !isZero(place, pathBytes, place.length)) return undefined;
  const path = Buffer.from(place.subarray(0, pathBytes));
  const birthNs = view.getBigUint64(OFFSET.folderBirthNs, true);
  return {
    device: view.getBigUint64(OFFSET.folderDevice, true),
    inode: view.getBigUint64(OFFSET.folderInode, true),
    birthNs: birthNs === 0n ? undefined : birthNs,
    path: pathBytes === 0 ? undefined : path.toString(),
  };
}

export interface RegionDefect {
  readonly status: 'damaged' | 'unsupported';
  readonly reason: string;
}

/** Decodes a header page of `fileBytes` of region; trusts nothing. */
export function decodeRegionHeader(
  page: Uint8Array,
  fileBytes: number,
): RegionHeader | RegionDefect {
  const damaged = (reason: string): RegionDefect => ({ status: 'damaged', reason });
  if (page.length < PAGE_BYTES) return damaged(`it has only ${page.length} bytes.`);
  const view = new DataView(page.buffer, page.byteOffset, PAGE_BYTES);
  if (view.getBigUint64(OFFSET.magic, true) !== REGION_MAGIC) {
    return damaged('it does not begin like a region.');
  }
  const layoutVersion = view.getUint32(OFFSET.layoutVersion, true);
  if (layoutVersion === 0) return damaged('it was never finished.');
  if (layoutVersion !== REGION_LAYOUT_VERSION) {
    return { status: 'unsupported', reason: `its layout version is ${layoutVersion}.` };
  }
  const section = (offset: number, bytes: number): Section => ({
    byteOffset: view.getUint32(offset, true),
    byteLength: view.getUint32(bytes, true),
  });
  const sections: Sections = {
    header: { byteOffset: 0, byteLength: PAGE_BYTES },
    telemetry: section(OFFSET.telemetryOffset, OFFSET.telemetryBytes),
    control: section(OFFSET.controlOffset, OFFSET.controlBytes),
    ring: section(OFFSET.ringOffset, OFFSET.ringBytes),
  };
  const wrong = sectionsDefect(sections, fileBytes);
  if (wrong !== undefined) return damaged(wrong);
  const folder = readFolder(view);
  if (folder === undefined || !spareIsZero(page)) {
    return damaged('its header has non-zero bytes where there should be zeros.');
  }
  return {
    layoutVersion,
    logId: view.getBigUint64(OFFSET.logId, true),
    bootId: page.slice(OFFSET.bootId, OFFSET.bootId + 16),
    folder,
    pid: view.getUint32(OFFSET.pid, true),
    startTsNs: view.getBigUint64(OFFSET.startTsNs, true),
    monotonicAnchorNs: view.getBigUint64(OFFSET.monotonicAnchorNs, true),
    unixAnchorNs: view.getBigUint64(OFFSET.unixAnchorNs, true),
    sections,
  };
}

const spareIsZero = (page: Uint8Array): boolean =>
  RegionHeaderLayout.fields.every(
    ({ name, offset, size }) => !name.startsWith('spare') || isZero(page, offset, offset + size),
  );

/** Sections must follow each other without a gap and fill the file; the ring is a power of two. */
function sectionsDefect(
  { telemetry, control, ring }: Sections,
  fileBytes: number,
): string | undefined {
  let end = PAGE_BYTES;
  for (const { byteOffset, byteLength } of [telemetry, control, ring]) {
    const aligned = byteLength % PAGE_BYTES === 0 && byteLength > 0;
    if (byteOffset !== end || !aligned) return `its section at ${byteOffset} is out of place.`;
    end += byteLength;
  }
  // Readers take them whole.
  if (telemetry.byteLength > MAX_METRICS_BYTES) return 'its telemetry has more than 16 MiB.';
  if (control.byteLength > MAX_METRICS_BYTES) return 'its control words have more than 16 MiB.';
  if (!Number.isInteger(Math.log2(ring.byteLength)))
    return 'the size of its ring is not a power of two.';
  if (end > MAX_REGION_BYTES) return `it claims ${end} bytes.`;
  return end === fileBytes ? undefined : `it has ${fileBytes} bytes, its sections take ${end}.`;
}

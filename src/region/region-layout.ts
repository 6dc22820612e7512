// The header page of a shared region: whose it is, of which boot, where its sections stand.
import { readFileSync } from 'node:fs';
import { unixNsOf } from '../clock/wall-clock.js';
import { assert, systemCode } from '../errors.js';
import { codecOf } from '../memory/codec.js';
import { block, layout, pad, u32, u64, wordOf } from '../memory/layout.js';
import { isZero } from '../memory/zeros.js';
import { alignUp, CACHE_LINE_BYTES, KIB, MIB, PAGE_BYTES } from '../units.js';
import type { FolderIdentity } from './folder-identity.js';

/** A longer path is not written down. */
const FolderPath = block(2560, 1);
const Heartbeats = block(1024, 64);

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
  .field(512, 'heartbeats', Heartbeats)
  /** UTF-8, zeros behind it. */
  .field(1536, 'folderPath', FolderPath)
  .end(4096, 64);

assert(RegionHeaderLayout.align === CACHE_LINE_BYTES, 'sections begin on cache lines');

const codec = codecOf(RegionHeaderLayout);
type HeaderFields = ReturnType<typeof codec.decode>;
/** The bytes `FLASHRGN`. */
const REGION_MAGIC = 0x4e47_5248_5341_4c46n;
const REGION_LAYOUT_VERSION = 3;
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

/**
 * How much of a ring is memory from the start. A log that holds little needs no more; an append
 * that fills it takes a tenth of a millisecond to double it.
 */
const FIRST_RING_BYTES = 256 * KIB;

export const firstBytesOf = ({ ring }: Sections): number =>
  Math.min(ring.byteLength, FIRST_RING_BYTES);

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
  // Of a wall clock that is before 1970, the bits.
  const unixNs = BigInt.asUintN(64, unixNsOf(Date.now));
  codec.encode(new Uint8Array(words.buffer, words.byteOffset, PAGE_BYTES), {
    magic: REGION_MAGIC,
    layoutVersion: 0,
    logId: request.logId,
    bootId: bootId(),
    ...folderFields(request.folder),
    pid: process.pid,
    startTsNs: unixNs,
    monotonicAnchorNs: process.hrtime.bigint(),
    unixAnchorNs: unixNs,
    telemetryOffset: sections.telemetry.byteOffset,
    telemetryBytes: sections.telemetry.byteLength,
    controlOffset: sections.control.byteOffset,
    controlBytes: sections.control.byteLength,
    ringOffset: sections.ring.byteOffset,
    ringBytes: sections.ring.byteLength,
    heartbeats: new Uint8Array(Heartbeats.size),
  });
  // Sequentially consistent: whoever sees the version sees all of the header.
  const versionWord = wordOf(RegionHeaderLayout.offset.layoutVersion);
  Atomics.store(words, versionWord, REGION_LAYOUT_VERSION);
}

function folderFields({ device, inode, birthNs, path }: FolderIdentity) {
  const bytes = Buffer.from(path ?? '');
  // Half a path would lead elsewhere.
  const folderPathBytes = bytes.length > FolderPath.size ? 0 : bytes.length;
  const folderPath = new Uint8Array(FolderPath.size);
  folderPath.set(bytes.subarray(0, folderPathBytes));
  return {
    folderDevice: device,
    folderInode: inode,
    folderBirthNs: birthNs ?? 0n,
    folderPathBytes,
    folderPath,
  };
}

/** Undefined where its path is longer than there is room for it, or something follows it. */
function folderOf(header: HeaderFields): FolderIdentity | undefined {
  const { folderDevice, folderInode, folderBirthNs, folderPathBytes, folderPath } = header;
  const hasRoom = folderPathBytes <= folderPath.length;
  if (!hasRoom || !isZero(folderPath, folderPathBytes, folderPath.length)) return undefined;
  const path = Buffer.from(folderPath.subarray(0, folderPathBytes)).toString();
  return {
    device: folderDevice,
    inode: folderInode,
    birthNs: folderBirthNs === 0n ? undefined : folderBirthNs,
    path: folderPathBytes === 0 ? undefined : path,
  };
}

/** When a region was made, on both clocks. */
export interface RegionStart {
  readonly startTsNs: bigint;
  readonly monotonicAnchorNs: bigint;
}

/** Of a region that is attached: its header is sound. */
export function regionStart({ bytes }: { readonly bytes: Uint8Array }): RegionStart {
  const { startTsNs, monotonicAnchorNs } = codec.decode(bytes.subarray(0, PAGE_BYTES));
  return { startTsNs, monotonicAnchorNs };
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
  const fields = codec.decode(page);
  if (fields.magic !== REGION_MAGIC) {
    return damaged('it does not begin like a region.');
  }
  const { layoutVersion } = fields;
  if (layoutVersion === 0) return damaged('it was never finished.');
  if (layoutVersion !== REGION_LAYOUT_VERSION) {
    return { status: 'unsupported', reason: `its layout version is ${layoutVersion}.` };
  }
  const sections: Sections = {
    header: { byteOffset: 0, byteLength: PAGE_BYTES },
    telemetry: { byteOffset: fields.telemetryOffset, byteLength: fields.telemetryBytes },
    control: { byteOffset: fields.controlOffset, byteLength: fields.controlBytes },
    ring: { byteOffset: fields.ringOffset, byteLength: fields.ringBytes },
  };
  const wrong = sectionsDefect(sections, fileBytes);
  if (wrong !== undefined) return damaged(wrong);
  const folder = folderOf(fields);
  if (folder === undefined || !codec.spareIsZero(page)) {
    return damaged('its header has non-zero bytes where there should be zeros.');
  }
  return {
    layoutVersion,
    logId: fields.logId,
    bootId: fields.bootId,
    folder,
    pid: fields.pid,
    startTsNs: fields.startTsNs,
    monotonicAnchorNs: fields.monotonicAnchorNs,
    unixAnchorNs: fields.unixAnchorNs,
    sections,
  };
}

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

// The telemetry section of a shared region: a header that tells whether a reader knows this layout,
// then the structs, each 128 bytes apart from those of other writers. A reader in another process
// believes nothing: it checks the header, and numbers are only numbers.
import { assert } from '../errors.js';
import { block, layout, pad, u32, u64 } from '../memory/layout.js';
import type { StructDefinition } from '../metrics/catalogue.js';
import type { RegionDefect } from '../region/region-layout.js';
import type { BuildInfo } from './build-info.js';
import { ALL_STRUCTS } from './catalogue.js';
import { ManagerLayout } from './recorder/manager-metrics.js';
import { MetaStoreLayout } from './recorder/meta-store-metrics.js';
import { SegmentWriterLayout } from './recorder/segment-writer-metrics.js';
import { SegmentMaintainerLayout } from './recorder/worker/segment-maintainer-metrics.js';
import { SegmentPreparerLayout } from './recorder/worker/segment-preparer-metrics.js';
import { ManagerLayout as RecoveryManagerLayout } from './recovery/manager-metrics.js';
import { SegmentReaderLayout as RecoverySegmentReaderLayout } from './recovery/segment-reader-metrics.js';
import { SegmentPreloaderLayout as RecoverySegmentPreloaderLayout } from './recovery/worker/segment-preloader-metrics.js';

const TEXT_BYTES = 32;

export const TelemetryHeaderLayout = layout('TelemetryHeader')
  .field(0, 'magic', u64)
  .field(8, 'fingerprint', u32)
  .field(12, 'byteLength', u32)
  .field(16, 'packageVersion', block(TEXT_BYTES, 1))
  .field(48, 'nodeVersion', block(TEXT_BYTES, 1))
  .field(80, 'spare0', pad(48))
  .end(128, 64);

export const TelemetryLayout = layout('Telemetry')
  .field(0, 'header', TelemetryHeaderLayout)
  .field(128, 'metaStore', MetaStoreLayout)
  .field(256, 'segmentWriter', SegmentWriterLayout)
  .field(43712, 'spare0', pad(64))
  .field(43776, 'segmentPreparer', SegmentPreparerLayout)
  .field(57344, 'segmentMaintainer', SegmentMaintainerLayout)
  .field(57856, 'manager', ManagerLayout)
  .field(96896, 'recoverySegmentReader', RecoverySegmentReaderLayout)
  .field(97792, 'recoverySegmentPreloader', RecoverySegmentPreloaderLayout)
  .field(97920, 'recoveryManager', RecoveryManagerLayout)
  .end(111040, 64);

for (const [name, offset] of Object.entries(TelemetryLayout.offset)) {
  assert(name.startsWith('spare') || offset % 128 === 0, `${name} shares 128 bytes with another`);
}

/** The bytes `FLASHTEL`. */
const MAGIC = 0x4c45_5448_5341_4c46n;

/** FNV-1a over all names, kinds and offsets: another layout gives another number. */
function fingerprintOf(structs: readonly StructDefinition[]): number {
  let hash = 0x811c_9dc5;
  const text = structs
    .flatMap(({ name, layout: { size, offset }, fields }) => [
      `${name} ${size}`,
      ...Object.entries(fields).map(([field, { kind, unit }]) => {
        return `${field} ${kind} ${unit} ${offset[field]}`;
      }),
    ])
    .concat(TelemetryLayout.fields.map(({ name, offset }) => `${name} ${offset}`))
    .join('\n');
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193);
  }
  return hash >>> 0;
}

const TELEMETRY_FINGERPRINT = fingerprintOf(ALL_STRUCTS.map(({ definition }) => definition));

const at = TelemetryHeaderLayout.offset;

/** Fills the header; `bytes` is the whole section. */
export function writeTelemetryHeader(bytes: Uint8Array, { version, node }: BuildInfo): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, TelemetryHeaderLayout.size);
  view.setUint32(at.fingerprint, TELEMETRY_FINGERPRINT, true);
  view.setUint32(at.byteLength, TelemetryLayout.size, true);
  const encoder = new TextEncoder();
  for (const [offset, text] of [
    [at.packageVersion, version],
    [at.nodeVersion, node],
  ] as const) {
    bytes.set(encoder.encode(text).subarray(0, TEXT_BYTES), offset);
  }
  view.setBigUint64(at.magic, MAGIC, true);
}

/**
 * The header's build info, or why the section cannot be read.
 * @param bytes the section's first, as many as the header has
 * @param sectionBytes what the section has
 */
export function readTelemetryHeader(
  bytes: Uint8Array,
  sectionBytes: number,
): BuildInfo | RegionDefect {
  if (sectionBytes < TelemetryLayout.size) {
    return { status: 'damaged', reason: `its telemetry has only ${sectionBytes} bytes.` };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, TelemetryHeaderLayout.size);
  if (view.getBigUint64(at.magic, true) !== MAGIC) {
    return { status: 'damaged', reason: 'its telemetry does not begin with the magic of one.' };
  }
  const text = (offset: number): string =>
    new TextDecoder()
      .decode(bytes.subarray(offset, offset + TEXT_BYTES))
      .replace(/\0.*$/s, '')
      .replace(/[^\w.+-]/g, '?');
  const info = { version: text(at.packageVersion), node: text(at.nodeVersion) };
  const isKnown =
    view.getUint32(at.fingerprint, true) === TELEMETRY_FINGERPRINT &&
    view.getUint32(at.byteLength, true) === TelemetryLayout.size;
  if (isKnown) return info;
  return {
    status: 'unsupported',
    reason: `its telemetry was laid out by version ${info.version}; read it with that version.`,
  };
}

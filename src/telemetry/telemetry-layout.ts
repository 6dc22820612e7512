// The telemetry section of a shared region: a header that says whether a reader knows this layout,
// then the structs in the order of the catalogue, each at a multiple of 128 bytes: two writers must
// not share a pair of cache lines, which processors fetch together. A reader in another process
// trusts nothing: it checks the header, and numbers are only numbers.
import { assert } from '../errors.js';
import { codecOf, viewOf } from '../memory/codec.js';
import { block, layout, pad, u32, u64 } from '../memory/layout.js';
import type { StructDefinition } from '../metrics/catalogue.js';
import type { RegionDefect } from '../region/region-layout.js';
import { alignUp, CACHE_LINE_BYTES } from '../units.js';
import type { BuildInfo } from './build-info.js';
import { ALL_STRUCTS } from './catalogue.js';
import { layoutNumber } from './struct-image.js';

const TEXT_BYTES = 32;

export const TelemetryHeaderLayout = layout('TelemetryHeader')
  .field(0, 'magic', u64)
  .field(8, 'fingerprint', u32)
  .field(12, 'byteLength', u32)
  .field(16, 'packageVersion', block(TEXT_BYTES, 1))
  .field(48, 'nodeVersion', block(TEXT_BYTES, 1))
  .field(80, 'spare0', pad(48))
  .end(128, 64);

const STRUCT_ALIGNMENT = 2 * CACHE_LINE_BYTES;

/** Byte offsets of all structs in the section, and where the last of them ends. */
function placeStructs(): { readonly places: Map<StructDefinition, number>; readonly end: number } {
  const places = new Map<StructDefinition, number>();
  let end: number = TelemetryHeaderLayout.size;
  for (const { definition } of ALL_STRUCTS) {
    const byteOffset = alignUp(end, STRUCT_ALIGNMENT);
    places.set(definition, byteOffset);
    end = byteOffset + definition.layout.size;
  }
  return { places, end };
}

const { places, end } = placeStructs();

/** What the header and the structs take of the section. */
export const USED_BYTES = end;

/** Where a struct begins in the section, in bytes. */
export function placeOf(definition: StructDefinition): number {
  const byteOffset = places.get(definition);
  assert(byteOffset !== undefined, `${definition.name} has a place in the telemetry section`);
  return byteOffset;
}

/** The bytes `FLASHTEL`. */
const MAGIC = 0x4c45_5448_5341_4c46n;

const TELEMETRY_FINGERPRINT = layoutNumber(
  ALL_STRUCTS.map(({ definition }) => definition),
  placeOf,
);

const headerCodec = codecOf(TelemetryHeaderLayout);

/** Fills the header; `bytes` is the whole section. The magic comes last: others may be reading. */
export function writeTelemetryHeader(bytes: Uint8Array, { version, node }: BuildInfo): void {
  headerCodec.encode(bytes, {
    magic: 0n,
    fingerprint: TELEMETRY_FINGERPRINT,
    byteLength: USED_BYTES,
    packageVersion: textBytes(version),
    nodeVersion: textBytes(node),
  });
  headerCodec.field.magic.set(viewOf(bytes), 0, MAGIC);
}

function textBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(TEXT_BYTES);
  bytes.set(new TextEncoder().encode(text).subarray(0, TEXT_BYTES));
  return bytes;
}

const textOf = (bytes: Uint8Array): string =>
  new TextDecoder()
    .decode(bytes)
    .replace(/\0.*$/s, '')
    .replace(/[^\w.+-]/g, '?');

/**
 * The header's build info, or why the section cannot be read.
 * @param bytes the section's first, as many as the header has
 * @param sectionBytes what the section has
 */
export function readTelemetryHeader(
  bytes: Uint8Array,
  sectionBytes: number,
): BuildInfo | RegionDefect {
  if (sectionBytes < USED_BYTES) {
    return { status: 'damaged', reason: `its telemetry has only ${sectionBytes} bytes.` };
  }
  const { magic, fingerprint, byteLength, packageVersion, nodeVersion } = headerCodec.decode(bytes);
  if (magic !== MAGIC) {
    return {
      status: 'damaged',
      reason: 'its telemetry section does not begin with the right magic.',
    };
  }
  const info = { version: textOf(packageVersion), node: textOf(nodeVersion) };
  const isKnown = fingerprint === TELEMETRY_FINGERPRINT && byteLength === USED_BYTES;
  if (isKnown) return info;
  return {
    status: 'unsupported',
    reason: `its telemetry has the layout of version ${info.version}; read it with that version.`,
  };
}

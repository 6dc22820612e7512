// Whether two processes mean the same by a struct's bytes, and a struct as bytes for a file that
// others read.
import { wordOf } from '../memory/layout.js';
import type { StructDefinition } from '../metrics/catalogue.js';
import { type MetricsStruct, structAccess } from '../metrics/metrics-struct.js';
import { MemorySource, type MetricSource } from '../metrics/snapshot.js';

/**
 * FNV-1a over all names, kinds and offsets: another layout gives another number.
 * @param placeOf where each begins, for structs that stand together
 */
export function layoutNumber(
  structs: readonly StructDefinition[],
  placeOf: (definition: StructDefinition) => number = () => 0,
): number {
  let hash = 0x811c_9dc5;
  const text = structs
    .flatMap((definition) => [
      `${definition.name} ${placeOf(definition)} ${definition.layout.size}`,
      ...Object.entries(definition.fields).map(([field, { kind, unit }]) => {
        return `${field} ${kind} ${unit} ${definition.layout.offset[field]}`;
      }),
    ])
    .join('\n');
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193);
  }
  return hash >>> 0;
}

/** What a struct holds; for the thread that records into it. */
export interface StructImage {
  readonly metricsLayout: number;
  readonly metrics: Uint8Array;
}

export function imageOf(struct: MetricsStruct): StructImage {
  const { definition, memory } = structAccess(struct);
  const { words, start } = memory;
  const { buffer } = words.slice(start, start + wordOf(definition.layout.size));
  return { metricsLayout: layoutNumber([definition]), metrics: new Uint8Array(buffer) };
}

/** Reads an image of such a struct; undefined where it is of another version, or none. */
export function imageSource(
  definition: StructDefinition,
  { metricsLayout, metrics }: StructImage,
): MetricSource | undefined {
  const isSame = metricsLayout === layoutNumber([definition]);
  if (!isSame || metrics.length !== definition.layout.size) return undefined;
  return new MemorySource(new Uint32Array(metrics.slice().buffer), 0);
}

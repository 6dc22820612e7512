// What was running: the versions of this package and of Node.
import { createRequire } from 'node:module';
import { isError } from '../errors.js';
import type { Collector } from '../metrics/collector.js';
import { underLabels } from '../metrics/labels.js';

/** Versions. */
export interface BuildInfo {
  /** Of this package. */
  readonly version: string;
  /** Of Node, without the `v`. */
  readonly node: string;
}

function packageVersion(): string {
  const manifest = readManifest();
  const isKnown = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return isKnown && typeof manifest.version === 'string' ? manifest.version : 'unknown';
}

function readManifest(): unknown {
  try {
    // Works from any folder that this was compiled to: a package may name itself.
    return createRequire(import.meta.url)('flashstrike/package.json');
  } catch (error) {
    // In a bundle there is no package, and where node may not read it, it might as well not be
    // there.
    if (isError(error)) return undefined;
    throw error;
  }
}

let version: string | undefined;

/** The versions that run in this process. Read when asked for: importing reads no file. */
export const buildInfo: BuildInfo = Object.freeze({
  get version() {
    version ??= packageVersion();
    return version;
  },
  node: process.versions.node,
});

/** The usual way to export versions: a gauge that is always 1, with the versions as labels. */
export function collectBuildInfo(
  prefix: string,
  { version, node }: BuildInfo,
  collector: Collector,
): void {
  const labels = [
    ['version', version],
    ['node', node],
  ] as const;
  underLabels(collector, labels, () => {
    const help = 'Versions of flashstrike and Node that run the log, as labels';
    collector.gauge({ name: `${prefix}_build_info`, help }, 1);
  });
}

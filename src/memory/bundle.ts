// Bundlers put modules into files of their own, and leave behind what those find by their place:
// the modules of threads, native parts. Why that does not work then, in one sentence.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeOf, WalError } from '../errors.js';

const PACKAGE = 'flashstrike';

const BUNDLED =
  'flashstrike was put into a bundle, where it does not find the files of its threads and its ' +
  'native parts: leave it out of the bundle, and install it beside that (esbuild: ' +
  '--external:flashstrike; rollup, rolldown: external: [/^flashstrike/]; webpack: externals: ' +
  "{ flashstrike: 'commonjs flashstrike' }).";

/** The error to throw where this package was bundled; undefined: it stands in its own files. */
export const bundledError = (cause: unknown): WalError | undefined =>
  isBundled(import.meta.url)
    ? new WalError('ERR_FLASHSTRIKE_PLATFORM', BUNDLED, { cause })
    : undefined;

/** @param url of this module; in a bundle of CommonJS it has none */
function isBundled(url: unknown): boolean {
  if (typeof url !== 'string') return true;
  for (let folder = dirname(fileURLToPath(url)); ; folder = dirname(folder)) {
    const name = packageIn(folder);
    if (name !== undefined) return name !== PACKAGE;
    if (folder === dirname(folder)) return true;
  }
}

/** The name of the package in that folder; undefined where there is none. */
function packageIn(folder: string): unknown {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return (manifest as { readonly name?: unknown } | null)?.name;
  } catch (error) {
    // What may not be read, or is no JSON, tells nothing: it is not blamed on a bundler.
    return codeOf(error) === 'ENOENT' ? undefined : PACKAGE;
  }
}

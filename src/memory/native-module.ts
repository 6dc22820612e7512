// Native modules that are loaded when they are first needed: where the binary of one is missing,
// that is a refusal with a code, and importing this package is none.
//
// What a package runs to find the binary of its machine takes 2 to 8 ms in each thread, the binary
// itself less than one. So a thread that has found one tells those that it starts where it is.
import { createRequire } from 'node:module';
import { messageOf, WalError } from '../errors.js';
import { bundledError } from './bundle.js';

/** Where the binaries of packages are that this thread has loaded, by the package's name. */
export type NativePaths = Readonly<Record<string, string>>;

const paths = new Map<string, string>();

/** For threads of this process: see `takeNativePaths`. */
export const nativePaths = (): NativePaths => Object.fromEntries(paths);

/** What another thread of the process has loaded, this one loads from the same place. */
export function takeNativePaths(taken: NativePaths): void {
  for (const [name, path] of Object.entries(taken)) paths.set(name, path);
}

/** The package's binary, as far as it is known; undefined where nothing was loaded yet. */
export const nativePath = (name: string): string | undefined => paths.get(name);

const binariesIn = (cache: NodeJS.Dict<NodeJS.Module>): string[] =>
  Object.keys(cache).filter((path) => path.endsWith('.node'));

/** @throws whatever keeps it from being loaded */
export function requireNative(name: string): unknown {
  const require = createRequire(import.meta.url);
  const known = paths.get(name);
  if (known !== undefined) return require(known);
  const before = new Set(binariesIn(require.cache));
  const loaded: unknown = require(name);
  // Only what came with it: the application may have loaded another version of the package.
  const [path, ...others] = binariesIn(require.cache).filter((binary) => !before.has(binary));
  if (path !== undefined && others.length === 0) paths.set(name, path);
  return loaded;
}

/**
 * @param purpose who needs it, in a clause
 * @throws WalError ERR_FLASHSTRIKE_PLATFORM
 */
export function loadNative(name: string, purpose: string): unknown {
  try {
    return requireNative(name);
  } catch (error) {
    const bundled = bundledError(error);
    if (bundled !== undefined) throw bundled;
    throw new WalError(
      'ERR_FLASHSTRIKE_PLATFORM',
      `The native part of ${name}, which ${purpose}, cannot be loaded ` +
        `(${messageOf(error).split(/\. |\n/, 1)[0]}). Install with optional dependencies, and ` +
        'start node with addons: without --no-addons, and with --allow-addons where --permission ' +
        'is used. Where the application is bundled, leave flashstrike out of the bundle ' +
        '(external).',
      { cause: error },
    );
  }
}

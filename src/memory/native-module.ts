// Native modules that are loaded when they are first needed: where the binary of one is missing,
// that is a refusal with a code, and importing this package is none.
import { createRequire } from 'node:module';
import { messageOf, WalError } from '../errors.js';
import { bundledError } from './bundle.js';

/**
 * @param purpose who needs it, in a clause
 * @throws WalError ERR_FLASHSTRIKE_PLATFORM
 */
export function loadNative(name: string, purpose: string): unknown {
  try {
    return createRequire(import.meta.url)(name);
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

// Clients of engines and stores are no dependencies: who uses one installs it. They are loaded when
// they are first needed.
import { codeOf, WalError } from '../errors.js';

/**
 * @param load imports the packages
 * @param what needs them, as the beginning of a sentence
 * @throws WalError ERR_FLASHSTRIKE_PACKAGE_MISSING
 */
export async function loadOptional<Packages>(
  load: () => Promise<Packages>,
  what: string,
  names: readonly string[],
): Promise<Packages> {
  try {
    return await load();
  } catch (error) {
    const isMissing = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(codeOf(error) ?? '');
    if (!isMissing) throw error;
    const count = names.length === 1 ? 'a package' : 'two packages';
    const message = `${what} needs ${count}: npm install ${names.join(' ')}`;
    throw new WalError('ERR_FLASHSTRIKE_PACKAGE_MISSING', message, { cause: error });
  }
}

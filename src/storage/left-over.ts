// Names that only this package uses for a while: what has such a name is removed or replaced, so it
// must be what this package leaves behind, a regular file. A symbolic link, a folder or a FIFO
// belongs to somebody else, and stays. Other names of the file do not matter (a snapshot made of
// hard links adds one): only the name is removed, never the content.
import { WalError } from '../errors.js';
import type { Storage } from './storage.js';

/** What a message calls a name that is no regular file. */
export const KIND_NAMES = {
  directory: 'a folder',
  symlink: 'a symbolic link',
  other: 'a FIFO, socket or device',
} as const;

/**
 * Whether there is a left-over at `path`.
 * @throws WalError ERR_FLASHSTRIKE_UNSAFE_FILE for anything that this package does not leave there
 */
export function isLeftOver(storage: Storage, path: string): boolean {
  const status = storage.statusAt(path);
  if (status === undefined) return false;
  if (status.kind === 'file') return true;
  const message =
    `${path} is ${KIND_NAMES[status.kind]}; only a regular file may have this name. ` +
    'Move it away.';
  throw new WalError('ERR_FLASHSTRIKE_UNSAFE_FILE', message, { path });
}

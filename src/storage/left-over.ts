// Names that only this package uses for a while: what stands there is removed or replaced, so it
// must be what this package leaves behind there, a plain file. A symbolic link, a folder, a FIFO
// are somebody's own, and stay. Other names of the file do not matter, a snapshot by hard links
// gives it one: what goes is the name, never the content.
import { WalError } from '../errors.js';
import type { Storage } from './storage.js';

const WHAT = { directory: 'a folder', symlink: 'a symbolic link', other: 'no file' } as const;

/**
 * Whether there is a left-over at `path`.
 * @throws WalError ERR_FLASHSTRIKE_UNSAFE_FILE for anything that this package does not leave there
 */
export function isLeftOver(storage: Storage, path: string): boolean {
  const status = storage.statusAt(path);
  if (status === undefined) return false;
  if (status.kind === 'file') return true;
  const message = `${path} is ${WHAT[status.kind]}; only a plain file is used. Move it away.`;
  throw new WalError('ERR_FLASHSTRIKE_UNSAFE_FILE', message, { path });
}

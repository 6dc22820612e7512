// Names that only this package uses for a while: what stands there is removed or replaced, so it must
// be what this package leaves behind there, a plain file with one name. A link, a folder, a FIFO are
// somebody's own, and stay.
import { WalError } from '../errors.js';
import type { FileStatus, Storage } from './storage.js';

const WHAT = { directory: 'a folder', symlink: 'a symbolic link', other: 'no file' } as const;

/**
 * Whether there is a left-over at `path`.
 * @throws WalError ERR_FLASHSTRIKE_UNSAFE_FILE for anything that this package does not leave there
 */
export function isLeftOver(storage: Storage, path: string): boolean {
  const status = storage.statusAt(path);
  if (status === undefined) return false;
  const what = whyNotOurs(status);
  if (what === undefined) return true;
  const message = `${path} is ${what}; only a plain file with one link is used. Move it away.`;
  throw new WalError('ERR_FLASHSTRIKE_UNSAFE_FILE', message, { path });
}

function whyNotOurs({ kind, links }: FileStatus): string | undefined {
  if (kind !== 'file') return WHAT[kind];
  return links > 1 ? 'a hard link' : undefined;
}

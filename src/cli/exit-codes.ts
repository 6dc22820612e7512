// What a command ends with. `usage` is the same in every command; commander's own default is 1.
import { WalError } from '../errors.js';

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  /** `verify` only: the log could not be read, so nothing can be said about it. */
  unreadable: 3,
  /** Another log has taken over the stream. */
  fenced: 10,
  /** The log and the stream have different events. */
  diverged: 11,
} as const;

/** What a command that was ended by an error ends with. */
export function exitCodeOf(error: unknown): number {
  const code = error instanceof WalError ? error.code : undefined;
  if (code === 'ERR_FLASHSTRIKE_FENCED') return EXIT.fenced;
  return code === 'ERR_FLASHSTRIKE_DIVERGED' ? EXIT.diverged : EXIT.failed;
}

/** Shells show 128 + the number of the signal that ended a command. */
export const SIGNAL_EXITS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

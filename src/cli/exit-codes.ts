// What a command ends with. `usage` is the same in every command; commander's own default is 1.

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  /** `verify` only: the log could not be read, so nothing can be said about it. */
  unreadable: 3,
} as const;

/** Shells show 128 + the number of the signal that ended a command. */
export const SIGNAL_EXITS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

// How files are opened and made that others could have put something in the place of.
import { constants } from 'node:fs';

/**
 * O_NONBLOCK: opening a FIFO or a device must not hang. On plain files it means nothing, but that
 * one on which somebody has a lease is refused (EAGAIN) until that is given back.
 */
export const SAFE = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
export const READ_SAFE = constants.O_RDONLY | SAFE;
/** Mode of a new file: for its user alone. */
export const FILE_MODE = 0o600;
export const WRITE_SAFE = constants.O_RDWR | SAFE;

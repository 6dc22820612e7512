/** Name of the lock file in a log's folder. */
export const LOCK_FILE = 'LOCK';

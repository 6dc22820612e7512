// The machine that the command runs on.
import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { availableParallelism, release, totalmem, userInfo } from 'node:os';
import { codeOf } from '../../errors.js';
import { MIB } from '../../units.js';
import type { Machine } from './machine.js';

/** What the system refuses is a gap in what is known, and no more. */
export function orUndefined<Value>(ask: () => Value): Value | undefined {
  try {
    return ask();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Files of /proc and /sys tell no size: read until nothing more comes. */
function readText(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(MIB);
    let length = 0;
    while (length < bytes.length) {
      const more = readSync(fd, bytes, length, bytes.length - length, null);
      if (more === 0) break;
      length += more;
    }
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}

export const thisMachine = (): Machine => ({
  platform: process.platform,
  release: release(),
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  userId: process.getuid?.(),
  userName: orUndefined(() => userInfo().username),
  environment: (name) => process.env[name],
  readText: (path) => orUndefined(() => readText(path)),
  list: (path) => orUndefined(() => readdirSync(path).sort()) ?? [],
  realPath: (path) => orUndefined(() => realpathSync(path)),
  statusOf: (path) =>
    orUndefined(() => {
      const status = statSync(path);
      return { kind: status.isDirectory() ? 'directory' : status.isFile() ? 'file' : 'other' };
    }),
  spaceAt: (path) =>
    orUndefined(() => {
      const { type, bsize, blocks, bavail, files, ffree } = statfsSync(path);
      return {
        type: type >>> 0,
        totalBytes: blocks * bsize,
        freeBytes: bavail * bsize,
        freeNames: files === 0 ? undefined : ffree,
      };
    }),
  mayWrite: (path) =>
    orUndefined(() => {
      accessSync(path, constants.W_OK | constants.X_OK);
      return true;
    }) ?? false,
});

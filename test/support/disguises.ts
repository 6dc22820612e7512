// What somebody else can put where a log looks for a file of its own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { linkSync, lstatSync, mkdirSync, symlinkSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

export interface Disguise {
  /** Puts it at `path`; `original` is a file of somebody else. */
  make(path: string, original: string): Promise<void> | void;
  readonly skip: string | false;
}

const isRoot = userInfo().uid === 0;
const noRoot = isRoot ? false : 'only root can make devices';
const noUnix = process.platform === 'win32' ? 'not on this system' : false;

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args);
  assert.equal(status, 0, String(stderr));
}

/** Leaves the socket's name behind, as a server does that was killed. */
async function leaveSocket(path: string): Promise<void> {
  const script =
    `require('net').createServer().listen(process.argv[1], () => ` +
    'process.kill(process.pid, 9))';
  spawnSync(process.execPath, ['-e', script, path]);
  assert.ok(lstatSync(path).isSocket());
}

export const DISGUISES: Readonly<Record<string, Disguise>> = {
  'a symbolic link': { make: (path, original) => symlinkSync(original, path), skip: noUnix },
  'a symbolic link to nothing': {
    make: (path, original) => symlinkSync(join(original, '..', 'nothing'), path),
    skip: noUnix,
  },
  'a symbolic link to itself': { make: (path) => symlinkSync(path, path), skip: noUnix },
  'a hard link': { make: (path, original) => linkSync(original, path), skip: noUnix },
  'a folder': { make: (path) => mkdirSync(path), skip: false },
  'a FIFO': { make: (path) => run('mkfifo', path), skip: noUnix },
  'a socket': { make: leaveSocket, skip: noUnix },
  'a device that never ends': {
    make: (path) => run('mknod', path, 'c', '1', '5'),
    skip: noUnix || noRoot,
  },
};

// The command line where /dev/shm takes nothing: a mount namespace of its own hides the real one.
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const HIDE = 'mount -t tmpfs -o ro flashstrike-test /dev/shm';

const unshare = (script: string, ...args: readonly string[]): string[] => [
  '--mount',
  'sh',
  '-ec',
  script,
  ...args,
];

/** Why /dev/shm cannot be hidden here, or false. */
export const noMountNamespace: string | false =
  spawnSync('unshare', unshare(HIDE)).status === 0
    ? false
    : '/dev/shm cannot be hidden here (needs root and `unshare`, Debian package util-linux)';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `flashstrike` with `args` to its end. */
export function withoutSharedMemory(args: readonly string[]): Promise<Ended> {
  const command = unshare(`${HIDE}; exec "$0" "$@"`, process.execPath, MAIN, ...args);
  return new Promise((resolve) => {
    const child = execFile('unshare', command, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

// A folder to mount file systems on. What is mounted is gone when the test is over, and also when
// the test's process is, however that ends: a shell holds the other end of a pipe, and cleans up
// once nobody holds this end.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';

const CLEAN_UP = `
while read -r line; do
  case $line in done) exit;; *) devices="$devices $line";; esac
done
umount -l "$0/disk"
for device in $devices; do losetup -d "$device"; done
rm -rf --one-file-system "$0"
`;

/** Runs a command to its end; returns what it complained about, undefined where it succeeded. */
export function refusalOf(command: string, ...args: string[]): string | undefined {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return undefined;
  return `${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`;
}

/** Runs a command that must succeed. */
export function must(command: string, ...args: string[]): void {
  const refusal = refusalOf(command, ...args);
  if (refusal !== undefined) throw new Error(refusal);
}

const RETRY_MS = 50;
const RETRIES = 1200;
const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/**
 * Tries until nothing refuses, for a minute at the most; `attempt` returns why it could not be
 * done.
 */
export function retry(attempt: () => string | undefined, retries = RETRIES): void {
  for (let left = retries; ; left--) {
    const refusal = attempt();
    if (refusal === undefined) return;
    if (left === 0) throw new Error(refusal);
    Atomics.wait(sleeper, 0, 0, RETRY_MS);
  }
}

export class MountPoint {
  /** Holds the mounted folder, and has room for files beside it, an image perhaps. */
  readonly base: string;
  /** Where the mounted file system stands. */
  readonly folder: string;
  readonly #watch: Writable;
  readonly #devices: string[] = [];
  #isMounted = false;

  /** @param parent on which file system `base` is made */
  constructor(context: { after(hook: () => void): void }, parent = tmpdir()) {
    this.base = mkdtempSync(join(parent, 'flashstrike-disk-'));
    this.folder = join(this.base, 'disk');
    mkdirSync(this.folder);
    const shell = spawn('sh', ['-c', CLEAN_UP, this.base], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    shell.unref();
    // A pipe is a socket to Node, which would keep the process.
    if (shell.stdin instanceof Socket) shell.stdin.unref();
    this.#watch = shell.stdin;
    context.after(() => this.release());
  }

  /**
   * A loop device for an image beside the folder; it stays the same for as long as this does.
   * @param retries whoever else tests on this machine may have all devices, for a while
   */
  attach(image: string, retries = RETRIES): string {
    let device = '';
    retry(() => {
      const { stdout, stderr } = spawnSync('losetup', ['--find', '--show', image], {
        encoding: 'utf8',
      });
      device = stdout.trim();
      return device === '' ? `losetup ${image}: ${stderr.trim()}` : undefined;
    }, retries);
    this.#devices.push(device);
    this.#watch.write(`${device}\n`);
    return device;
  }

  mount(...args: string[]): void {
    must('mount', ...args, this.folder);
    this.#isMounted = true;
  }

  /** @param lazily also while something on it is open; it then lives on for whoever has it open */
  unmount({ lazily = false } = {}): void {
    if (!this.#isMounted) return;
    if (lazily) must('umount', '-l', this.folder);
    // Who looks at all mounts of the machine, or at all open files, holds this one for a moment.
    else retry(() => refusalOf('umount', this.folder));
    this.#isMounted = false;
  }

  release(): void {
    this.unmount({ lazily: true });
    for (const device of this.#devices) must('losetup', '-d', device);
    rmSync(this.base, { recursive: true, force: true });
    this.#watch.end('done\n');
  }
}

/** What keeps `attempt` from succeeding on a mount point of its own, or false. */
export function whyNotMounted(attempt: (point: MountPoint) => void): string | false {
  if (process.platform !== 'linux') return 'mounting needs Linux';
  if (process.getuid?.() !== 0) return 'only root may mount';
  const point = new MountPoint({ after: () => undefined });
  try {
    attempt(point);
    return false;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    point.release();
  }
}

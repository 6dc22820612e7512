// A folder to mount file systems on. What is mounted is gone when the test is over, and also when
// the test's process is, however that ends: a shell holds the other end of a pipe, and cleans up
// once nobody holds this end.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CLEAN_UP = 'cat >/dev/null; umount -l "$0/disk" 2>/dev/null; rm -rf --one-file-system "$0"';

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

export class MountPoint {
  /** Holds the mounted folder, and has room for files beside it, an image perhaps. */
  readonly base: string;
  /** Where the mounted file system stands. */
  readonly folder: string;
  readonly #watch: { end(): void };
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
    (shell.stdin as unknown as { unref(): void }).unref();
    this.#watch = shell.stdin;
    context.after(() => this.release());
  }

  mount(...args: string[]): void {
    must('mount', ...args, this.folder);
    this.#isMounted = true;
  }

  /** @param lazily also while something on it is open; it then lives on for whoever has it open */
  unmount({ lazily = false } = {}): void {
    if (!this.#isMounted) return;
    must('umount', ...(lazily ? ['-l'] : []), this.folder);
    this.#isMounted = false;
  }

  release(): void {
    this.unmount({ lazily: true });
    rmSync(this.base, { recursive: true, force: true });
    this.#watch.end();
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

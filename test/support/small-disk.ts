// A disk of a size that a test can fill: a tmpfs of its own.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemCode } from '../../src/errors.js';

const PAGE_BYTES = 4096;
const PAGE = new Uint8Array(PAGE_BYTES);

function mount(folder: string, bytes: number): string | undefined {
  const args = ['-t', 'tmpfs', '-o', `size=${bytes}`, 'flashstrike-test', folder];
  const { status, stderr, error } = spawnSync('mount', args, { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

function unmount(folder: string): void {
  const { status, stderr, error } = spawnSync('umount', ['-l', folder], { encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(stderr);
}

function whyNot(): string | false {
  if (process.platform !== 'linux') return 'a tmpfs of its own needs Linux';
  if (process.getuid?.() !== 0) return 'only root may mount a tmpfs';
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-mount-'));
  try {
    const refusal = mount(folder, PAGE_BYTES);
    if (refusal !== undefined) return `no tmpfs can be mounted here: ${refusal}`;
    unmount(folder);
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Why no small disk can be had here, or false. */
export const cannotMount: string | false = whyNot();

export class SmallDisk {
  readonly folder: string;
  readonly #ballast: string;

  /** Gone after the test, whatever is still open on it. */
  constructor(context: TestContext, bytes: number) {
    this.folder = mkdtempSync(join(tmpdir(), 'flashstrike-disk-'));
    const refusal = mount(this.folder, bytes);
    if (refusal !== undefined) throw new Error(`mount: ${refusal}`);
    this.#ballast = join(this.folder, 'ballast');
    const release = (): void => {
      unmount(this.folder);
      rmSync(this.folder, { recursive: true, force: true });
    };
    context.after(release);
  }

  /** Fills the disk until `leftBytes` are free. */
  fill(leftBytes = 0): void {
    const fd = openSync(this.#ballast, 'a');
    try {
      for (;;) writeSync(fd, PAGE);
    } catch (error) {
      if (systemCode(error) !== 'ENOSPC') throw error;
    } finally {
      closeSync(fd);
    }
    truncateSync(this.#ballast, statSync(this.#ballast).size - leftBytes);
  }

  /** Takes the ballast away. */
  free(): void {
    if (existsSync(this.#ballast)) rmSync(this.#ballast);
  }
}

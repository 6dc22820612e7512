// A disk of a size that a test can fill: a tmpfs of its own.
import {
  closeSync,
  existsSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../src/errors.js';
import { MountPoint, whyNotMounted } from './mount-point.js';

const PAGE_BYTES = 4096;
const PAGE = new Uint8Array(PAGE_BYTES);

const tmpfsArguments = (bytes: number): string[] => [
  '-t',
  'tmpfs',
  '-o',
  `size=${bytes}`,
  'flashstrike-test',
];

/** Why no small disk can be had here, or false. */
export const cannotMount: string | false = whyNotMounted((point) =>
  point.mount(...tmpfsArguments(PAGE_BYTES)),
);

const ballastOf = (folder: string): string => join(folder, 'ballast');

/** Fills a disk until `leftBytes` are free. */
export function fillDisk(folder: string, leftBytes = 0): void {
  const ballast = ballastOf(folder);
  const fd = openSync(ballast, 'a');
  try {
    for (;;) writeSync(fd, PAGE);
  } catch (error) {
    if (systemCode(error) !== 'ENOSPC') throw error;
  } finally {
    closeSync(fd);
  }
  truncateSync(ballast, Math.max(0, statSync(ballast).size - leftBytes));
}

/** Takes the ballast away. */
export function freeDisk(folder: string): void {
  const ballast = ballastOf(folder);
  if (existsSync(ballast)) rmSync(ballast);
}

export class SmallDisk {
  readonly folder: string;

  /** Gone after the test, whatever is still open on it. */
  constructor(context: { after(hook: () => void): void }, bytes: number) {
    const point = new MountPoint(context);
    point.mount(...tmpfsArguments(bytes));
    this.folder = point.folder;
  }

  /** Fills the disk until `leftBytes` are free. */
  fill(leftBytes = 0): void {
    fillDisk(this.folder, leftBytes);
  }

  /** Takes the ballast away. */
  free(): void {
    freeDisk(this.folder);
  }
}

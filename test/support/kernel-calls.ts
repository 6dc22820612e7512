// Calls of the kernel that tests cause faults with and that neither Node nor the product has.
import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';

type Call = (...args: readonly (number | Uint32Array)[]) => number;

/** _IOR('X', 125, __u32), of ext4 and XFS alike. */
const SHUTDOWN = 0x8004587d;
const DONT_NEED = 4;
/** Wait for what is under way, write, wait for it. */
const WRITE_AND_WAIT = 1 | 2 | 4;

function bind() {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const lib = koffi.load(null);
  const bound = (prototype: string): Call => lib.func(prototype) as unknown as Call;
  return {
    ioctl: bound('int ioctl(int fd, unsigned long request, uint32_t *value)'),
    advise: bound('int posix_fadvise(int fd, int64_t offset, int64_t bytes, int advice)'),
    syncRange: bound('int sync_file_range(int fd, int64_t offset, int64_t bytes, uint flags)'),
    errno: () => koffi.errno(),
  };
}

let calls: ReturnType<typeof bind> | undefined;

const kernel = (): ReturnType<typeof bind> => {
  calls ??= bind();
  return calls;
};

/** What of the file system's own journal still reaches the disk. */
export type LastWords = 'journal' | 'nothing';

/** The file system at `folder` stops for good: no write reaches its disk any more. */
export function shutDown(folder: string, lastWords: LastWords): void {
  const fd = openSync(folder, 'r');
  try {
    const flag = new Uint32Array([lastWords === 'journal' ? 1 : 2]);
    if (kernel().ioctl(fd, SHUTDOWN, flag) !== 0) {
      throw new Error(`${folder} cannot be shut down: errno ${kernel().errno()}`);
    }
  } finally {
    closeSync(fd);
  }
}

/** Writes the dirty pages of this range, and no others, to the disk; returns whether it could. */
export const writeBack = (fd: number, offset: number, bytes: number): boolean =>
  kernel().syncRange(fd, offset, bytes, WRITE_AND_WAIT) === 0;

/** Drops the clean pages of a file from the page cache. */
export function forget(fd: number): void {
  const errno = kernel().advise(fd, 0, 0, DONT_NEED);
  if (errno !== 0) throw new Error(`posix_fadvise: errno ${errno}`);
}

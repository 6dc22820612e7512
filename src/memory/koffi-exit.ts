// koffi syncs stdout and stderr when the process ends, or when its last thread unloads it, and
// waits for itself for ever where the sync of stderr fails (docs/UPSTREAM.md): a full or broken
// disk below a redirected stderr, or a closed one. Nothing can be taken back from a library that is
// loaded. So it is never unloaded; and at the end both are tried, and where one fails, the process
// ends before koffi's turn: with its exit code, and with C's own buffers written.
import { fsyncSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import type * as Koffi from 'koffi';
import { systemCode } from '../errors.js';

const RTLD_LAZY = 1;
const RTLD_NOLOAD = 4;
const RTLD_NODELETE = 0x1000;
/** Of dlsym: any library of the process. */
const RTLD_DEFAULT = 0;
const STDOUT = 1;
const STDERR = 2;

/**
 * Pipes, sockets, terminals say EINVAL: there is nothing to sync, and koffi takes it for that too.
 */
function cannotSync(fd: number): boolean {
  try {
    fsyncSync(fd);
    return false;
  } catch (error) {
    return systemCode(error) !== 'EINVAL';
  }
}

/** What is registered last runs first: C's buffers are written, then the process ends. */
function endBeforeKoffi(koffi: typeof Koffi, exitCode: number): void {
  const lib = koffi.load(null);
  const dlsym = lib.func('uintptr_t dlsym(uintptr_t handle, const char *name)');
  const end: unknown = dlsym(RTLD_DEFAULT, '_exit');
  if (dlsym(RTLD_DEFAULT, 'on_exit')) {
    // glibc hands on the exit code as it stands then.
    lib.func('int on_exit(uintptr_t call, uintptr_t unused)')(end, 0);
  } else {
    lib.func('int __cxa_atexit(uintptr_t call, uintptr_t argument, uintptr_t library)')(
      end,
      exitCode,
      0,
    );
  }
  const flush: unknown = dlsym(RTLD_DEFAULT, 'fflush');
  lib.func('int __cxa_atexit(uintptr_t call, uintptr_t argument, uintptr_t library)')(flush, 0, 0);
}

/**
 * To be called once in each thread that has loaded koffi.
 * @param libraryPath koffi's shared library
 */
export function guardExit(koffi: typeof Koffi, libraryPath: string): void {
  if (process.platform !== 'linux') return;
  if (!isMainThread) {
    const dlopen = koffi.load(null).func('uintptr_t dlopen(const char *path, int flags)');
    dlopen(libraryPath, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    return;
  }
  process.on('exit', (exitCode) => {
    if (cannotSync(STDOUT) || cannotSync(STDERR)) endBeforeKoffi(koffi, exitCode);
  });
}

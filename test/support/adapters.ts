// A test over both adapters of the shared region, with segments and a ring so small that every log
// rolls and wraps.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { removeFolder } from '../../bench/harness/remove-folder.js';
import type { WalOptions } from '../../src/index.js';
import { libc } from '../../src/memory/libc.js';
import { whyNotMappable } from '../../src/region/mapped-region.js';
import { KIB } from '../../src/units.js';

/**
 * The smallest that there are. The ring is full all the time: a disk that stands still for longer
 * than an application would wait for is no failure of a test, but one that never goes on is.
 */
export const TINY = { segmentBytes: 64 * KIB, ringBytes: 64 * KIB, stallTimeoutMs: 300_000 };

const SHARED_MEMORY = '/dev/shm';

/** Why regions cannot be mapped here, or false. */
export const cannotMap: string | false =
  libc() === undefined || !existsSync(SHARED_MEMORY) || whyNotMappable(SHARED_MEMORY) !== undefined
    ? 'memory cannot be mapped here (Linux with koffi, and a tmpfs at /dev/shm, only)'
    : false;

export interface Variant {
  /** Of the shared region. */
  readonly adapter: 'mapped' | 'portable';
  /** Tiny sizes, the adapter, and a folder of the test's own for its regions. */
  readonly options: WalOptions & { readonly sharedMemoryDirectory: string };
}

/** A folder in shared memory that is gone after the test. */
export function regionFolder(context: TestContext): string {
  const base = existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir();
  const folder = mkdtempSync(join(base, 'flashstrike-test-'));
  context.after(() => removeFolder(folder));
  return folder;
}

export const mappedOptions = (context: TestContext): Variant['options'] => ({
  ...TINY,
  sharedMemory: 'required',
  sharedMemoryDirectory: regionFolder(context),
});

/** Declares `name` once for each adapter. `skip`: why it cannot run here at all, or false. */
export function onBothAdapters(
  name: string,
  body: (context: TestContext, variant: Variant) => Promise<void>,
  skip: string | false = false,
): void {
  test(`${name} (mapped ring)`, { skip: skip || cannotMap }, (context) =>
    body(context, { adapter: 'mapped', options: mappedOptions(context) }),
  );
  test(`${name} (portable ring)`, { skip }, (context) =>
    body(context, {
      adapter: 'portable',
      options: {
        ...TINY,
        sharedMemory: 'off',
        sharedMemoryDirectory: regionFolder(context),
      },
    }),
  );
}

/** Nothing of a log is left in shared memory. */
export function assertNoRegion(options: Variant['options']): void {
  assert.deepEqual(readdirSync(options.sharedMemoryDirectory), [], 'a region was left behind');
}

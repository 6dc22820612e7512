// Where a log is opened and crashes, on the test's own thread, with real files and mapped regions.
// A crash is all of its descriptors closed and nothing else.
import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ErrorCode, WalError } from '../../src/errors.js';
import { libc } from '../../src/memory/libc.js';
import type { WalOptions } from '../../src/recorder/threads/wal-options.js';
import { listRegions } from '../../src/region/region-file.js';
import { readLockRecord } from '../../src/storage/lock-file.js';
import { nodeStorage } from '../../src/storage/node-storage.js';
import { FaultyStorage } from './faulty-storage.js';
import { eventIdsIn, SteppedLog } from './stepped-log.js';

/** On a tmpfs where there is one: these tests are about order, not about a disk. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export class Place {
  readonly directory: string;
  readonly shared: string;

  constructor(t: TestContext) {
    const root = mkdtempSync(join(ROOT, 'flashstrike-test-'));
    t.after(() => rmSync(root, { recursive: true, force: true }));
    this.directory = join(root, 'log');
    this.shared = root;
  }

  open(
    options: WalOptions = {},
    storage = new FaultyStorage(nodeStorage),
    wallClockMs: () => number = Date.now,
  ): Opening {
    return new Opening(this, options, storage, wallClockMs);
  }

  refused(code: ErrorCode, options: WalOptions = {}): WalError {
    const storage = new FaultyStorage(nodeStorage);
    let thrown: unknown;
    try {
      this.open(options, storage);
    } catch (error) {
      thrown = error;
    }
    assert.ok(thrown instanceof WalError, String(thrown));
    assert.equal(thrown.code, code, thrown.message);
    assert.deepEqual([...storage.openFiles.values()], [], 'nothing stays open');
    return thrown;
  }

  get regions(): readonly string[] {
    return listRegions(this.shared);
  }

  get named(): readonly string[] {
    return readLockRecord(nodeStorage, this.directory).regions;
  }

  get ids(): number[] {
    return eventIdsIn(nodeStorage, this.directory);
  }
}

export class Opening {
  readonly log: SteppedLog;
  readonly #storage: FaultyStorage;

  constructor(
    { directory, shared }: Place,
    options: WalOptions,
    storage: FaultyStorage,
    wallClockMs: () => number,
  ) {
    this.#storage = storage;
    const given = {
      sharedMemory: 'required',
      sharedMemoryDirectory: shared,
      lock: 'flock',
    } as const;
    this.log = new SteppedLog({ storage, wallClockMs }, directory, { ...given, ...options });
  }

  /** The process is gone: its descriptors and locks with it. */
  crash(): void {
    for (const fd of [...this.#storage.openFiles.keys()]) this.#storage.close(fd);
    const { region } = this.log.opened.report;
    if (region.adapter !== 'mapped') return;
    // The mapping, which only the end of a process takes away, would hold the lock.
    libc()?.unlock(region.fd);
    closeSync(region.fd);
  }

  /** LOCK is another file now, and the region still has its owner. */
  loseLock(): void {
    for (const fd of [...this.#storage.openFiles.keys()]) this.#storage.close(fd);
  }

  get recovery() {
    return this.log.recovery;
  }

  fail(...fault: Parameters<FaultyStorage['fail']>): void {
    this.#storage.fail(...fault);
  }
}

export function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

// What one writes without a library: a blocking write (and sync) an event, and 20 lines that let
// all that comes in during a sync go into the next.
import { closeSync, fdatasyncSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Peer } from './peer.js';

const NAME = 'events';

/** Payloads have one size, so the size of the file tells how many there are. */
const blocking = (name: string, survives: Peer['survives'], sync: (fd: number) => void): Peer => ({
  name,
  survives,
  open(path) {
    const fd = openSync(join(path, NAME), 'a');
    let bytes = 1;
    return {
      record(payload) {
        bytes = payload.length;
        writeSync(fd, payload);
        sync(fd);
        return undefined;
      },
      recordAll(payloads) {
        bytes = payloads[0]?.length ?? 1;
        writeSync(fd, Buffer.concat(payloads));
        sync(fd);
        return undefined;
      },
      countAndClose() {
        const count = fstatSync(fd).size / bytes;
        closeSync(fd);
        return count;
      },
    };
  },
});

interface Waiting {
  readonly payload: Uint8Array;
  done(): void;
  failed(error: unknown): void;
}

/** The group commit that one writes by hand. */
export class GroupCommit {
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(readonly file: FileHandle) {}

  record(payload: Uint8Array): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ payload, done, failed });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.file.appendFile(Buffer.concat(batch.map(({ payload }) => payload)));
        await this.file.datasync();
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#isRunning = false;
  }
}

const groupCommit: Peer = {
  name: '20 lines of group commit (appendFile + datasync)',
  survives: 'power cut',
  async open(path) {
    const commit = new GroupCommit(await open(join(path, NAME), 'a'));
    let bytes = 1;
    return {
      record(payload) {
        bytes = payload.length;
        return commit.record(payload);
      },
      recordAll(payloads) {
        bytes = payloads[0]?.length ?? 1;
        return Promise.all(payloads.map((payload) => commit.record(payload)));
      },
      async countAndClose() {
        await commit.file.close();
        return statSync(join(path, NAME)).size / bytes;
      },
    };
  },
};

export const PLAIN_FILES: readonly Peer[] = [
  blocking('fs.writeSync', 'kill -9', () => undefined),
  blocking('fs.writeSync + fdatasyncSync', 'power cut', fdatasyncSync),
  groupCommit,
];

// Each call that a reader makes fails once: it says so, or does without, and leaves nothing open.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { isOperational, WalError } from '../../src/errors.js';
import { FILE_PORTS } from '../../src/judgement/reading-ports.js';
import { openCursorThrough } from '../../src/replay/open-cursor.js';
import type { ReplayPorts } from '../../src/replay/read-ahead.js';
import { replayThrough } from '../../src/replay/replay.js';
import { nodeStorage } from '../../src/storage/node-storage.js';
import { verifyThrough } from '../../src/verification/verify.js';
import { FaultyStorage } from '../support/faulty-storage.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';
import { steppedReadAhead } from '../support/stepped-read-ahead.js';

const CALLS_MAX = 2000;

type Read = (ports: ReplayPorts, dir: string) => unknown;

const readAll = (ports: ReplayPorts, dir: string): void => {
  const cursor = openCursorThrough(ports, dir);
  try {
    while (cursor.next());
  } finally {
    cursor.close();
  }
};

const READERS: Readonly<Record<string, Read>> = {
  replay: (ports, dir) => [...replayThrough(ports, dir)],
  'replay from an event': (ports, dir) => [...replayThrough(ports, dir, { from: 45 })],
  'replay from a time': (ports, dir) => [...replayThrough(ports, dir, { fromTime: 1n })],
  'replay, read ahead': (ports, dir) => [...replayThrough(ports, dir, { readAhead: true })],
  'a cursor': readAll,
  verify: (ports, dir) => verifyThrough(ports, dir),
};

/** Three segments, the last without a seal; and the same without its first. */
function logs(t: TestContext): readonly string[] {
  return [1, 2].map((first) => {
    const builder = new LogBuilder(temporaryFolder(t));
    for (let segment = 1; segment <= 3; segment++) {
      builder.segment();
      for (let block = 0; block < 4; block++) builder.events(8);
      if (segment < 3) builder.seal();
    }
    builder.meta().write();
    if (first > 1) nodeStorage.unlink(builder.pathOf(1));
    return builder.dir;
  });
}

for (const [name, read] of Object.entries(READERS)) {
  test(`${name}: each call fails once, and nothing stays open`, async (t) => {
    for (const dir of logs(t)) {
      for (let from = 1; ; from++) {
        assert.ok(from < CALLS_MAX, 'reading has an end');
        const storage = new FaultyStorage(nodeStorage);
        const armed = storage.fail({ code: 'EIO', from, times: 1 });
        const readAhead = steppedReadAhead({});
        try {
          await read({ ...FILE_PORTS, storage, readAhead, readsAhead: false }, dir);
        } catch (error) {
          assert.ok(error instanceof WalError || isOperational(error), String(error));
        }
        assert.deepEqual([...storage.openFiles.values()], [], `call ${from}`);
        if (armed.hits === 0) break;
      }
    }
  });
}

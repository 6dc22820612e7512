// What the tests of replication have in common: an engine in memory whose turns come by themselves,
// and logs of all kinds of blocks.
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { removeFolder } from '../../bench/harness/remove-folder.js';
import { openCursor, Wal, type WalOptions } from '../../src/index.js';
import type { BlockStream } from '../../src/replication/block-stream.js';
import { TINY } from '../support/adapters.js';
import { MemoryStream } from './memory-stream.js';
import { Turns } from './turns.js';

/** Calls are answered without being asked for, one after the other. */
class LiveTurns extends Turns {
  override add(job: () => void): void {
    setImmediate(job);
  }
}

export const liveStream = (maxBlockBytes = 64 * 1024): MemoryStream =>
  new MemoryStream(new LiveTurns(1), maxBlockBytes);

export const openLog = (dir: string, options: WalOptions = {}): Promise<Wal> =>
  Wal.open(dir, { ...TINY, sharedMemory: 'off', ...options });

/** Events of all sizes, every third call a batch; returns the last id. */
export function appendMixed(wal: Wal, calls: number, salt = 0): number {
  for (let call = 0; call < calls; call++) {
    const id = wal.lastEventId + 1;
    const payload = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(id + salt);
    if (call % 3 === 2) wal.appendBatch([payload(3), payload(0), payload(200)], id & 0xffff);
    else wal.append(payload((id * 37) % 900), id & 0xffff);
  }
  return wal.lastEventId;
}

/** Frame by frame: ids, types, times, batch marks and payloads. */
export function assertSame(a: string, b: string): number {
  const [x, y] = [openCursor(a), openCursor(b)];
  let events = 0;
  try {
    for (; ; events++) {
      const more = x.next();
      assert.equal(y.next(), more, `one of them ends at event ${x.eventId || y.eventId}`);
      if (!more) return events;
      const frameOf = ({ block, payloadOffset, payloadBytes }: typeof x): Buffer =>
        Buffer.from(block.subarray(payloadOffset - 24, payloadOffset + payloadBytes));
      assert.equal(Buffer.compare(frameOf(x), frameOf(y)), 0, `event ${x.eventId}`);
    }
  } finally {
    x.close();
    y.close();
  }
}

interface Closable {
  close(): Promise<unknown>;
}

/** A folder of a test: what was opened in it is closed, the last one first, before it goes. */
export class Place {
  readonly root = mkdtempSync(join(tmpdir(), 'flashstrike-'));
  readonly #open: Closable[] = [];

  constructor(t: TestContext) {
    t.after(async () => {
      for (const thing of this.#open.reverse()) await thing.close();
      removeFolder(this.root);
    });
  }

  path(name: string): string {
    return join(this.root, name);
  }

  keep<Thing extends Closable>(thing: Thing): Thing {
    this.#open.push(thing);
    return thing;
  }
}

/** Holds up who waits until it is opened, at the latest by the place that keeps it. */
export class Gate {
  open: () => void = () => {};
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });

  async close(): Promise<void> {
    this.open();
  }
}

export const streamOf = (engine: MemoryStream): BlockStream => engine.connect();

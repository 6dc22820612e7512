// Logs with finished segments, for the tests of archiving.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { openCursor, type Wal, type WalOptions } from '../../../src/index.js';
import { listLog } from '../../../src/reading/log-directory.js';
import type { BlockStream } from '../../../src/replication/block-stream.js';
import { nodeStorage } from '../../../src/storage/node-storage.js';
import { appendMixed, openLog, Place } from '../bench.js';
import type { MemoryStream } from '../memory-stream.js';

export interface RecordedLog {
  readonly place: Place;
  readonly dir: string;
  readonly wal: Wal;
}

/** An open log with so many finished segments, or some more. */
export async function recorded(
  t: TestContext,
  segments = 4,
  options: WalOptions = {},
): Promise<RecordedLog> {
  const place = new Place(t);
  const dir = place.path('log');
  const wal = place.keep(await openLog(dir, options));
  appendMixed(wal, 1);
  await wal.durable();
  await grow(wal, segments);
  return { place, dir, wal };
}

/** Appends until so many more segments are finished. */
export async function grow(wal: Wal, segments: number): Promise<void> {
  const wanted = lastIndex(wal) + segments;
  while (lastIndex(wal) < wanted) {
    appendMixed(wal, 60);
    await wal.durable();
  }
}

const indexes = (dir: string): number[] =>
  listLog(nodeStorage, dir).segments.map(({ index }) => index);

const lastIndex = (wal: Wal): number => indexes(wal.directory).at(-1) ?? 0;

/** How many segments have a successor. */
export const finishedIn = (dir: string): number => indexes(dir).length - 1;

export const firstIndexIn = (dir: string): number | undefined => indexes(dir)[0];

/** The first event of the segment that is written to. */
export function activeFirstEventId(dir: string): number {
  const index = indexes(dir).at(-1);
  const segment = listLog(nodeStorage, dir).segments.find((each) => each.index === index);
  assert.ok(segment !== undefined);
  const fd = nodeStorage.open(segment.path, 'read');
  const page = Buffer.alloc(48);
  nodeStorage.read(fd, page, 0);
  nodeStorage.close(fd);
  return Number(page.readBigUInt64LE(40));
}

/** Frames of all events, by id. */
export function framesIn(dir: string): Map<number, Buffer> {
  const frames = new Map<number, Buffer>();
  const cursor = openCursor(dir);
  try {
    while (cursor.next()) {
      const { block, payloadOffset, payloadBytes, eventId } = cursor;
      frames.set(
        eventId,
        Buffer.from(block.subarray(payloadOffset - 24, payloadOffset + payloadBytes)),
      );
    }
  } finally {
    cursor.close();
  }
  return frames;
}

/** `out` has the events `first` to `last` of `log`, and no others. */
export function assertHas(out: string, log: string, first: number, last: number): void {
  const [mine, theirs] = [framesIn(out), framesIn(log)];
  assert.deepEqual([...mine.keys()], idsBetween(first, last));
  for (const [eventId, frame] of mine) assert.deepEqual(frame, theirs.get(eventId));
}

const idsBetween = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

/** A stream that does not keep its first blocks any more, as with a limit on its size. */
export function withoutFirst(engine: MemoryStream, dropped: number): BlockStream {
  const stream = engine.connect();
  return {
    ...stream,
    position: async () => ({ ...(await stream.position()), firstSequence: dropped + 1 }),
    read: (from) => stream.read(Math.max(from, dropped + 1)),
  };
}

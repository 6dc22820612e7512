import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinedRuns, type Run } from '../../../src/replication/objects/joined-runs.js';
import { FrameKind, frameSpan } from '../../../src/segment/frame.js';
import { randomOf } from '../../crash/random.js';
import { encodeFrame } from '../../support/frames.js';
import { code } from '../../support/log-content.js';

const OURS = 0xa1n;
const THEIRS = 0xb2n;

/** Frames of events, each of some bytes that follow from its id. */
function runOf(first: number, last: number, salt = 0, logId: bigint | undefined = OURS): Run {
  const payloadOf = (eventId: number): Uint8Array =>
    new Uint8Array((eventId * 13) % 50).fill(eventId + salt);
  const sizes = Array.from({ length: last - first + 1 }, (_, at) =>
    frameSpan(24 + payloadOf(first + at).length),
  );
  const frames = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  for (let eventId = first; eventId <= last; eventId++) {
    at += encodeFrame(frames, at, {
      kind: FrameKind.event,
      type: 1,
      eventId,
      timestampNs: BigInt(eventId),
      payload: payloadOf(eventId),
    });
  }
  return { firstEventId: first, eventCount: last - first + 1, frames, logId };
}

async function* given(runs: readonly Run[]): AsyncGenerator<Run, void> {
  yield* runs;
}

/** First and last event of each run that comes. */
async function joined(
  objects: readonly Run[],
  stream: readonly Run[],
  firstEventId?: number,
): Promise<string[]> {
  const found: string[] = [];
  const logId = objects.length === 0 ? undefined : OURS;
  const all = {
    names: 'Both',
    logId,
    objects: given(objects),
    stream: given(stream),
    firstEventId,
  };
  for await (const { firstEventId: first, eventCount } of joinedRuns(all)) {
    found.push(`${first}-${first + eventCount - 1}`);
  }
  return found;
}

const diverged = code('ERR_FLASHSTRIKE_DIVERGED');
const gap = (ids: string) => code('ERR_FLASHSTRIKE_REPLICA_GAP', new RegExp(`Both lack ${ids}\\.`));

test('objects come first, then what the stream has beyond them', async () => {
  const objects = [runOf(1, 10), runOf(11, 20)];
  assert.deepEqual(await joined(objects, [runOf(5, 12), runOf(13, 25)]), [
    '1-10',
    '11-20',
    '21-25',
  ]);
  assert.deepEqual(await joined(objects, [runOf(21, 22)]), ['1-10', '11-20', '21-22']);
  assert.deepEqual(await joined(objects, [runOf(3, 3)]), ['1-10', '11-20']);
  assert.deepEqual(await joined(objects, []), ['1-10', '11-20']);
  assert.deepEqual(await joined([], [runOf(7, 9)]), ['7-9']);
  assert.deepEqual(await joined([runOf(4, 9)], [runOf(1, 2), runOf(3, 5), runOf(6, 12)]), [
    '1-2',
    '3-5',
    '6-9',
    '10-12',
  ]);
  assert.deepEqual(await joined([runOf(4, 9)], [runOf(7, 12)]), ['4-9', '10-12']);
});

test('what neither has is named', async () => {
  const objects = [runOf(1, 10)];
  await assert.rejects(joined(objects, [runOf(12, 13)]), gap('event 11'));
  await assert.rejects(joined(objects, [runOf(30, 31)]), gap('events 11 to 29'));
  await assert.rejects(joined([runOf(20, 25)], [runOf(1, 9)]), gap('events 10 to 19'));
  await assert.rejects(joined([], [runOf(5, 9)], 1), gap('events 1 to 4'));
});

test('what both have is the same, or it is told', async () => {
  const objects = [runOf(1, 10), runOf(11, 20)];
  const other = /they have different events from event 15 on/;
  await assert.rejects(
    joined(objects, [runOf(8, 14), runOf(15, 30, 1)]),
    code('ERR_FLASHSTRIKE_DIVERGED', other),
  );
  await assert.rejects(joined(objects, [runOf(20, 20, 1)]), diverged);
  await assert.rejects(joined([runOf(3, 9)], [runOf(1, 5, 1)]), diverged);
});

test('a stream of another log counts where it has shown that it is the same history', async () => {
  const objects = [runOf(1, 10)];
  const behind = [runOf(11, 12, 0, THEIRS)];
  await assert.rejects(joined(objects, behind), diverged);
  assert.deepEqual(await joined(objects, [runOf(10, 10, 0, THEIRS), ...behind]), ['1-10', '11-12']);
});

test('any two cuts of one log give that log', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomOf(seed);
    const below = (count: number): number => Math.floor(random() * count);
    const cut = (first: number, last: number): Run[] => {
      const runs: Run[] = [];
      for (let next = first; next <= last; ) {
        const end = Math.min(last, next + below(6));
        runs.push(runOf(next, end));
        next = end + 1;
      }
      return runs;
    };
    const objects = cut(1, 10 + below(20));
    const end = objects.reduce((sum, { eventCount }) => sum + eventCount, 0);
    const stream = cut(1 + below(end + 1), end + below(10));
    const found = await joined(objects, stream);
    const ids = found.flatMap((span) => span.split('-').map(Number));
    const last = Math.max(
      end,
      (stream.at(-1)?.firstEventId ?? 1) + (stream.at(-1)?.eventCount ?? 0) - 1,
    );
    assert.deepEqual([ids[0], ids.at(-1)], [1, last], `seed ${seed}`);
    for (let at = 2; at < ids.length; at += 2) assert.equal(ids[at], (ids[at - 1] ?? 0) + 1);
  }
});

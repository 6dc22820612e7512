// A seal whose checksums hold, and which is not true of the blocks before it. At the end of a log
// it proves nothing; further in it costs nothing. Whoever looks at the log says the same.
import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { follow, openCursor, replay, salvage, verify, Wal } from '../../src/index.js';
import {
  type RecoveredLog,
  type RecoveryMode,
  recoverLog,
} from '../../src/recovery/recover-log.js';
import { META_FILE } from '../../src/segment/file-names.js';
import type { WalMeta } from '../../src/segment/wal-meta.js';
import { nodeStorage } from '../../src/storage/node-storage.js';
import { inspectLog } from '../../src/verification/inspect.js';
import { eventually } from '../support/eventually.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';
import { refusalOf } from '../support/refusal-of.js';
import {
  EARLIER_FIRST_EVENT,
  forgeSeal,
  MISPLACED_SEALS,
  type SealChange,
  WRONG_ENTRIES,
  WRONG_SEALS,
} from '../support/wrong-seals.js';

const LAST = 11;
const SMALL = { segmentBytes: 65536, ringBytes: 65536, sharedMemory: 'off' } as const;
const wrongSeals = Object.entries({
  ...WRONG_SEALS,
  'an earlier first event': EARLIER_FIRST_EVENT,
});
const SOME_CHANGE = WRONG_SEALS['one watermark too many'];

/** Events 1 and 2, sealed; then 3 to 11 with a seal that is wrong, the last of the log. */
function wrongAtTheEnd(
  t: TestContext,
  change: SealChange = SOME_CHANGE,
  meta: Partial<WalMeta> = {},
) {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).seal();
  builder.segment().events(2).events(3).watermark().events(4).seal(5);
  const { offset } = builder.blockOf(2, -1);
  forgeSeal(builder, 2, change);
  builder.meta(meta).write();
  return { builder, dir: builder.dir, offset };
}

/** As {@link wrongAtTheEnd}, and one more segment with events 12 to 14. */
function wrongFurtherIn(t: TestContext, change: SealChange = SOME_CHANGE) {
  const log = wrongAtTheEnd(t, change);
  log.builder.segment().events(3).meta().write();
  return log;
}

function idsOf(events: Iterable<{ readonly eventId: number }>): {
  ids: number[];
  code: string | undefined;
} {
  const ids: number[] = [];
  const refusal = refusalOf(() => {
    for (const { eventId } of events) ids.push(eventId);
  });
  return { ids, code: refusal?.code };
}

function* cursorEvents(dir: string, from?: number): Generator<{ readonly eventId: number }> {
  const cursor = openCursor(dir, { from });
  try {
    while (cursor.next()) yield { eventId: cursor.eventId };
  } finally {
    cursor.close();
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

function recovered(dir: string, mode: RecoveryMode = 'default'): RecoveredLog {
  const log = recoverLog(nodeStorage, dir, mode, {});
  if (log.last !== undefined) nodeStorage.close(log.last.file.fd);
  return log;
}

/** What salvage gives out, and the gaps as code and number of lost events. */
function salvaged(dir: string) {
  const ids: number[] = [];
  const gaps: unknown[] = [];
  for (const item of salvage(dir)) {
    if (item.kind === 'event') ids.push(item.eventId);
    else gaps.push([item.code, item.offset]);
  }
  return { ids, gaps };
}

describe('at the end of a log', () => {
  for (const [name, change] of wrongSeals) {
    test(`${name}: a torn tail that costs no event, for all readers and the open`, async (t) => {
      const { dir, offset } = wrongAtTheEnd(t, change);
      const report = await verify(dir);
      assert.deepEqual([report.verdict, report.lastEventId], ['torn-tail', LAST]);
      assert.deepEqual([report.tornTail?.offset, report.tornTail?.droppedEvents], [offset, 0]);
      assert.match(
        report.notes.join(),
        /0000000002.wal has at offset .*\(.*seal .*\): no crash does that/,
      );
      const all = { ids: range(1, LAST), code: undefined };
      assert.deepEqual(idsOf(replay(dir)), all);
      assert.deepEqual(idsOf(cursorEvents(dir)), all);
      for (const from of range(1, LAST + 1)) {
        assert.deepEqual(idsOf(replay(dir, { from })).ids, range(from, LAST));
      }
      const { tail, segments } = inspectLog(dir);
      assert.deepEqual([tail?.verdict, tail?.offset], ['torn-tail', offset]);
      assert.deepEqual(
        segments.map(({ state, events }) => [state, events]),
        [
          ['sealed', 2],
          ['active', 9],
        ],
      );
      assert.deepEqual(salvaged(dir), {
        ids: range(1, LAST),
        gaps: [['ERR_FLASHSTRIKE_TORN_TAIL', offset]],
      });
      const log = recovered(dir);
      assert.deepEqual([log.verdict, log.nextEventId], ['torn-tail', LAST + 1]);
      assert.deepEqual([log.last?.endOffset, log.last?.canContinue], [offset, false]);
      assert.equal(log.droppedEvents, 0);
      assert.deepEqual(log.notes, report.notes);
      const refusal = refusalOf(() => recovered(dir, 'strict'));
      assert.equal(refusal?.code, 'ERR_FLASHSTRIKE_TORN_TAIL');
    });

    test(`${name}: events after it were durable: corruption`, async (t) => {
      const { dir, offset } = wrongAtTheEnd(t, change, { durableEventId: LAST + 3 });
      const code = 'ERR_FLASHSTRIKE_CORRUPT';
      const { verdict, problems } = await verify(dir);
      assert.equal(verdict, 'corruption');
      const [problem] = problems;
      assert.deepEqual([problem?.code, problem?.offset, problem?.lost], [code, offset, 3]);
      for (const events of [replay(dir), cursorEvents(dir)]) {
        assert.deepEqual(idsOf(events), { ids: range(1, LAST), code });
      }
      assert.equal(inspectLog(dir).tail?.verdict, 'corruption');
      assert.deepEqual(salvaged(dir), { ids: range(1, LAST), gaps: [[code, offset]] });
      assert.equal(refusalOf(() => recovered(dir, 'tolerate-tail'))?.code, code);
    });

    test(`${name}: without wal.meta nobody knows whether a segment followed`, async (t) => {
      const { dir, offset } = wrongAtTheEnd(t, change);
      unlinkSync(join(dir, META_FILE));
      const code = 'ERR_FLASHSTRIKE_UNDECIDABLE';
      assert.equal((await verify(dir)).verdict, 'undecidable');
      for (const events of [replay(dir), cursorEvents(dir)]) {
        assert.deepEqual(idsOf(events), { ids: range(1, LAST), code });
      }
      assert.equal(inspectLog(dir).tail?.verdict, 'undecidable');
      assert.deepEqual(salvaged(dir), { ids: range(1, LAST), gaps: [[code, offset]] });
      assert.equal(refusalOf(() => recovered(dir))?.code, code);
      assert.equal(recovered(dir, 'tolerate-tail').nextEventId, LAST + 1);
    });
  }

  test('a log goes on behind it in a new segment, and gives back all events', async (t) => {
    const { dir, offset } = wrongAtTheEnd(t);
    const wal = await Wal.open(dir, SMALL);
    assert.deepEqual([wal.recovery.verdict, wal.recovery.offset], ['torn-tail', offset]);
    assert.deepEqual([wal.recovery.droppedEvents, wal.recovery.lastEventId], [0, LAST]);
    assert.equal(wal.append(new Uint8Array(8)), LAST + 1);
    await wal.close();
    assert.deepEqual(idsOf(replay(dir)), { ids: range(1, LAST + 1), code: undefined });
    const again = await Wal.open(dir, SMALL);
    assert.equal(again.recovery.verdict, 'clean');
    await again.close();
  });

  test('a follower gives out all that is durable, and what comes in a new segment', async (t) => {
    const { dir, builder } = wrongAtTheEnd(t);
    const events = follow(dir, { signal: AbortSignal.timeout(60_000) });
    for (const eventId of range(1, LAST))
      assert.equal((await events.next()).value?.eventId, eventId);
    const next = events.next();
    builder.segment().events(1).meta().write();
    assert.equal((await next).value?.eventId, LAST + 1);
    await events.return(undefined);
  });
});

describe('further in, in a finished segment', () => {
  for (const [name, change] of [...wrongSeals, ...Object.entries(MISPLACED_SEALS)]) {
    test(`${name}: readers and the open pass it over, verify tells of it`, async (t) => {
      const { dir, offset } = wrongFurtherIn(t, change);
      const file = '0000000002.wal';
      const code = 'ERR_FLASHSTRIKE_CORRUPT';
      for (const events of [replay(dir), cursorEvents(dir)]) {
        assert.deepEqual(idsOf(events), { ids: range(1, 14), code: undefined });
      }
      assert.deepEqual(salvaged(dir), { ids: range(1, 14), gaps: [] });
      assert.equal(recovered(dir).verdict, 'clean');
      const { verdict, problems, events } = await verify(dir);
      assert.deepEqual([verdict, events], ['corruption', 14]);
      assert.deepEqual(
        problems.map((each) => [each.file, each.offset, each.code, each.lost]),
        [[file, offset, code, 0]],
      );
      assert.match(problems[0]?.message ?? '', /the seal at offset \d+ .*No event is lost/);
    });
  }

  for (const [name, change] of Object.entries(WRONG_ENTRIES)) {
    test(`${name}: a replay from any event begins with it`, (t) => {
      const { dir } = wrongFurtherIn(t, change);
      for (const from of range(1, 14)) {
        assert.deepEqual(idsOf(replay(dir, { from })).ids, range(from, 14), `from ${from}`);
        assert.deepEqual(idsOf(cursorEvents(dir, from)).ids, range(from, 14), `from ${from}`);
      }
    });
  }

  test('the options that verify the blocks of an open tell of it, too', async (t) => {
    const { dir, offset, builder } = wrongFurtherIn(t);
    const path = builder.pathOf(2);
    const code = 'ERR_FLASHSTRIKE_CORRUPT';
    await assert.rejects(Wal.open(dir, { ...SMALL, verify: 'all' }), { code, path, offset });
    const options = { ...SMALL, verify: 'all', recovery: 'accept-loss' } as const;
    const accepted = await Wal.open(dir, options);
    const [loss] = accepted.recovery.losses;
    assert.deepEqual([loss?.firstEventId, loss?.lastEventId], [LAST + 1, LAST]);
    await accepted.close();
    const wal = await Wal.open(dir, { ...SMALL, verify: 'background' });
    await eventually('the damage is found', () => wal.verification.state === 'damaged');
    await wal.close();
  });

  test('where its successor cannot be read, verify tells of both', async (t) => {
    const { dir, offset, builder } = wrongFurtherIn(t);
    builder.fileOf(3).fill(0, 0, 4096);
    builder.write();
    const { problems } = await verify(dir);
    assert.deepEqual(
      problems.map((each) => [each.file, each.offset]),
      [
        ['0000000002.wal', offset],
        ['0000000003.wal', 0],
      ],
    );
    assert.deepEqual(salvaged(dir).ids, range(1, LAST));
  });
});

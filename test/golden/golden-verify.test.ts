// The library's own readers, held to what the golden logs say of themselves.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { WalError } from '../../src/errors.js';
import { replay } from '../../src/replay/replay.js';
import { salvage } from '../../src/salvage/salvage.js';
import { verify } from '../../src/verification/verify.js';
import { layOut } from './golden-files.js';
import { goldenLogs } from './golden-logs.js';
import { EVENTS, type GoldenLog, readable } from './golden-parts.js';

/** What verify says for the words of docs/FORMAT.md; for `no-log` it throws. */
const VERDICTS: Readonly<Record<GoldenLog['outcome'], string>> = {
  clean: 'clean',
  'torn-tail': 'torn-tail',
  corrupt: 'corruption',
  unsupported: 'undecidable',
  undecidable: 'undecidable',
  'no-log': 'ERR_FLASHSTRIKE_NOT_A_LOG',
};

/** What costs no event and stops no reader, and `verify` tells all the same. */
const TOLD_BY_VERIFY: ReadonlySet<string> = new Set([
  'seal-wrong',
  'compressed-content-checksum-wrong',
]);

const contentOf = (directory: string): Record<string, Buffer> =>
  Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]),
  );

/** What verify finds; its error code instead of a verdict where it reports nothing. */
async function verified(directory: string) {
  try {
    const { problems, ...report } = await verify(directory);
    const lost = problems.flatMap(({ firstEventId }) => firstEventId ?? []);
    return { ...report, lost, codes: problems.map(({ code }) => code) };
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    const { code } = error;
    const none = { events: 0, lastEventId: 0, durableEventId: 0, lost: [] };
    return { ...none, verdict: code, ok: false, codes: [code] };
  }
}

/** Texts of the events that replay yields before it ends or fails, and the code of the failure. */
function replayed(directory: string): { texts: string[]; code: string | undefined } {
  const texts: string[] = [];
  try {
    for (const event of replay(directory)) texts.push(Buffer.from(event.payload).toString());
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    return { texts, code: error.code };
  }
  return { texts, code: undefined };
}

/** Ids that salvage gives out, and those that its gaps name, each as it should be. */
function salvaged(
  directory: string,
  { events = EVENTS }: GoldenLog,
): { given: number[]; missing: number[] } {
  const given: number[] = [];
  const missing: number[] = [];
  for (const item of salvage(directory)) {
    if (item.kind === 'event') {
      const text = events[item.eventId - 1]?.text;
      if (text !== undefined) assert.equal(Buffer.from(item.payload).toString(), text);
      given.push(item.eventId);
    } else if (item.firstEventId !== undefined) {
      const last = item.lastEventId ?? item.firstEventId;
      for (let id = item.firstEventId; id <= last; id++) missing.push(id);
    }
  }
  return { given, missing };
}

describe('verify and replay over the golden logs', () => {
  for (const log of goldenLogs()) {
    test(`${log.name}: ${log.outcome}, nothing altered is returned, no file is touched`, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'flashstrike-golden-'));
      try {
        layOut(log, directory);
        const before = contentOf(directory);
        const isSound = log.durableEventId !== undefined;
        const report = await verified(directory);
        const isTold = TOLD_BY_VERIFY.has(log.name);
        assert.equal(report.verdict, VERDICTS[isTold ? 'corrupt' : log.outcome]);
        assert.equal(report.ok, isSound && !isTold);
        const isUnsupported = report.codes.includes('ERR_FLASHSTRIKE_UNSUPPORTED');
        if (log.outcome === 'unsupported') assert.ok(isUnsupported);
        if (isSound) assert.equal(report.durableEventId, log.durableEventId);
        if (isSound) assert.equal(report.lastEventId, log.lastEventId);
        const { texts, code } = replayed(directory);
        assert.equal(code === undefined, isSound, code);
        if (log.outcome === 'unsupported') assert.equal(code, 'ERR_FLASHSTRIKE_UNSUPPORTED');
        assert.deepEqual(
          texts,
          readable(log).map(({ text }) => text),
        );
        if (isSound) assert.equal(report.events, log.readableEvents);
        // All events before the damage: up to the first that verify calls lost.
        const from = log.firstEventId ?? 1;
        if (report.lost.length > 0) assert.equal(texts.length, Math.min(...report.lost) - from);
        else assert.ok(texts.length <= report.events);
        assert.ok(isDeepStrictEqual(contentOf(directory), before), 'a file was changed');
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  }
});

const ids = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Ids that salvage misses; and the next one, where nobody tells what else there was. */
const MISSING: Readonly<Record<string, readonly number[]>> = {
  'torn-tail': [11, 12],
  'hole-not-durable': [11, 12],
  'hole-called-durable': [11, 12],
  'block-copied-to-the-end': [13],
  'last-seal-wrong': [13],
  'last-seal-index-wrong': [13],
  'seal-spare-byte': [13],
  'last-seal-wrong-no-meta': [13],
  'durable-tail-zeroed': [11, 12],
  'flip-in-finished-segment': [4, 5, 6],
  'flip-in-block-header': [11, 12],
  'finished-segment-cut-at-a-block': [7, 8],
  'header-page-zero': ids(9, 12),
  'newer-version': ids(9, 12),
  'flip-before-newer-version': [4, 5, 6, ...ids(9, 12)],
  'unknown-feature': ids(9, 12),
  'frame-spare-byte': [11, 12],
  'frame-of-kind-3': [11, 12],
  'frame-of-another-id': [11, 12],
  'batch-without-end': [11, 12],
  'block-index-skipped': [11, 12],
  'block-skips-an-id': [11, 12, 13],
  'block-calls-itself-durable': [11],
  'claim-after-the-end': [13],
  'claim-of-an-impossible-block': [13],
  'claim-behind-segment-bytes': [13],
  'claim-inside-of-a-payload': [11, 12],
  'claim-inside-of-a-torn-payload': [11, 12, 13],
  'unpinned-seal-tells': ids(7, 12),
  // Nobody tells how much segment 1 lacks; then the successor tells it.
  'unpinned-seal-not-whole': [7, ...ids(7, 12)],
  'unpinned-sealed': ids(9, 12),
  'block-over-the-pin': [7, 8],
  'block-after-a-seal': [11, 12],
  'header-spare-field': [9],
  'pin-skips-an-id': [9],
  'segment-renamed': ids(1, 8),
  'segment-of-another-log': ids(9, 12),
  'first-segment-of-another-log': ids(1, 8),
  // The end is that of another log, too: nobody tells of it.
  'vote-of-more-segments': [...ids(1, 8), 13],
  'vote-of-a-renamed-segment': ids(1, 12),
  'segment-missing-between': ids(9, 12),
  compressed: ids(1, 8),
  // Two blocks: the header page, and all else.
  'compressed-block-flipped': ids(1, 8),
  'compressed-size-flipped': ids(1, 8),
  'compressed-header-flipped': ids(1, 8),
  'compressed-cut': ids(1, 8),
  'compressed-skippable-in-front': ids(1, 8),
  'compressed-longer-than-told': ids(1, 8),
  'compressed-shorter-than-told': ids(1, 8),
  'compressed-block-missing': ids(1, 8),
  'compressed-blocks-elsewhere': ids(1, 8),
  'compressed-block-too-long': ids(1, 8),
  'compressed-longer-than-segment': ids(1, 8),
  'compressed-content-of-2-to-the-63': ids(1, 8),
  'compressed-content-of-a-page-less-one': ids(1, 8),
  'compressed-frame-version': ids(1, 8),
  'compressed-reserved-flag': ids(1, 8),
  'compressed-dictionary': ids(1, 8),
  'compressed-linked-blocks': ids(1, 8),
  'compressed-without-content-size': ids(1, 8),
  'compressed-without-block-checksums': ids(1, 8),
  'compressed-blocks-of-64-kib': ids(1, 8),
  'last-segment-missing': [9],
  'first-segment-deleted': ids(1, 8),
  'no-meta-sealed': [9],
  'no-meta-seal-torn': [9],
  'no-meta-empty': [9],
  'no-meta-unreadable': [9],
  'no-segments': ids(1, 12),
  'no-segments-meta-flipped': [1],
  'lock-alone': [1],
  trimmed: ids(1, 8),
  'trimmed-up-to-the-last-segment': ids(1, 12),
  'trimmed-and-one-more-lost': ids(1, 12),
  'trimmed-meta-flipped': ids(1, 8),
  'trimmed-first-header-zero': ids(1, 8),
  'large-block-not-told': [11],
};

/** Ids that it gives out, where those are not all up to 12 but for the missing ones. */
const GIVEN: Readonly<Record<string, readonly number[]>> = {
  // A block stands behind the hole.
  'hole-not-durable': [...ids(1, 10), 13],
  'hole-called-durable': [...ids(1, 10), 13],
  'claim-inside-of-a-payload': [...ids(1, 10), 13],
  // Nobody tells of event 12.
  'large-block-not-told': ids(1, 10),
  'block-calls-itself-durable': ids(1, 10),
  'last-segment-cut': ids(1, 10),
  // Nobody tells of a second segment with events.
  'meta-old-last-segment-empty': ids(1, 8),
  'header-spare-field': ids(1, 8),
  'last-segment-missing': ids(1, 8),
  'first-segment-deleted': [],
  'no-meta-sealed': ids(1, 8),
  'no-meta-seal-torn': ids(1, 8),
  'no-meta-seal-erased': ids(1, 8),
  'no-meta-empty': ids(1, 8),
  'no-meta-unreadable': ids(1, 8),
  'no-segments-meta-flipped': [],
  'no-segments-yet': [],
  'lock-alone': [],
  'lock-alone-empty': [],
};

describe('salvage over the golden logs', () => {
  for (const log of goldenLogs()) {
    test(`${log.name}: all that can be proven, nothing else, no file touched`, () => {
      const directory = mkdtempSync(join(tmpdir(), 'flashstrike-golden-'));
      try {
        layOut(log, directory);
        const before = contentOf(directory);
        if (log.outcome === 'no-log') {
          assert.throws(() => salvaged(directory, log), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' });
          return;
        }
        const { given, missing } = salvaged(directory, log);
        assert.deepEqual(missing, MISSING[log.name] ?? []);
        const whole = ids(1, (log.events ?? EVENTS).length).filter((id) => !missing.includes(id));
        assert.deepEqual(given, GIVEN[log.name] ?? whole);
        assert.ok(isDeepStrictEqual(contentOf(directory), before), 'a file was changed');
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  }
});

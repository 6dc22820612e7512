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
import { EVENTS, goldenLogs, type Outcome } from './golden-logs.js';

const VERDICTS: Readonly<Record<Outcome, string>> = {
  clean: 'clean',
  'torn-tail': 'torn-tail',
  corrupt: 'corruption',
  unsupported: 'undecidable',
  undecidable: 'undecidable',
};

const contentOf = (directory: string): Record<string, Buffer> =>
  Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]),
  );

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
function salvaged(directory: string): { ids: number[]; missing: number[] } {
  const ids: number[] = [];
  const missing: number[] = [];
  for (const item of salvage(directory)) {
    if (item.kind === 'event') {
      assert.equal(
        Buffer.from(item.payload).toString(),
        EVENTS[item.eventId - 1]?.text ?? 'thirteen',
      );
      ids.push(item.eventId);
    } else if (item.firstEventId !== undefined) {
      const last = item.lastEventId ?? item.firstEventId;
      for (let id = item.firstEventId; id <= last; id++) missing.push(id);
    }
  }
  return { ids, missing };
}

describe('verify and replay over the golden logs', () => {
  for (const log of goldenLogs()) {
    test(`${log.name}: ${log.outcome}, nothing altered is returned, no file is touched`, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'flashstrike-golden-'));
      try {
        layOut(log, directory);
        const before = contentOf(directory);
        const isSound = log.outcome === 'clean' || log.outcome === 'torn-tail';
        const report = await verify(directory);
        assert.equal(report.verdict, VERDICTS[log.outcome]);
        assert.equal(report.ok, isSound);
        assert.equal(report.problems.length > 0, !isSound);
        const { texts, code } = replayed(directory);
        assert.equal(code === undefined, isSound, code);
        const expected = EVENTS.map(({ text }) => text);
        assert.deepEqual(texts, expected.slice(0, texts.length));
        if (isSound) {
          assert.equal(report.events, log.readableEvents);
          assert.equal(texts.length, log.readableEvents);
        } else {
          // All events before the damage: up to the first that verify calls lost.
          const lost = report.problems.flatMap(({ firstEventId }) => firstEventId ?? []);
          if (lost.length > 0) assert.equal(texts.length, Math.min(...lost) - 1);
          else assert.ok(texts.length <= report.events);
        }
        assert.ok(isDeepStrictEqual(contentOf(directory), before), 'a file was changed');
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  }
});

/** Ids that salvage misses; and 13, where a block with it stands behind a hole. */
const MISSING: Readonly<Record<string, readonly number[]>> = {
  'torn-tail': [11, 12],
  'hole-not-durable': [11, 12],
  'hole-called-durable': [11, 12],
  // Bytes behind the end, whose ids nobody tells.
  'block-copied-to-the-end': [13],
  'durable-tail-zeroed': [11, 12],
  'flip-in-finished-segment': [4, 5, 6],
  'flip-in-block-header': [11, 12],
  'finished-segment-cut-at-a-block': [7, 8],
  'header-page-zero': [9, 10, 11, 12],
  'segment-of-another-log': [9, 10, 11, 12],
  'newer-version': [9, 10, 11, 12],
  'unknown-feature': [9, 10, 11, 12],
};

describe('salvage over the golden logs', () => {
  for (const log of goldenLogs()) {
    test(`${log.name}: all that can be proven, nothing else, no file touched`, () => {
      const directory = mkdtempSync(join(tmpdir(), 'flashstrike-golden-'));
      try {
        layOut(log, directory);
        const before = contentOf(directory);
        const { ids, missing } = salvaged(directory);
        assert.deepEqual(missing, MISSING[log.name] ?? []);
        const all = EVENTS.map((_, index) => index + 1).filter((id) => !missing.includes(id));
        if (log.name.startsWith('hole-')) all.push(13);
        assert.deepEqual(ids, all);
        assert.ok(isDeepStrictEqual(contentOf(directory), before), 'a file was changed');
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  }
});

// The library's own readers, held to what the golden logs say of themselves.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { WalError } from '../../src/errors.js';
import { replay } from '../../src/recovery/replay.js';
import { verify } from '../../src/recovery/verify.js';
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
          assert.ok(texts.length <= log.readableEvents, `${texts.length} events`);
        }
        assert.ok(isDeepStrictEqual(contentOf(directory), before), 'a file was changed');
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  }
});

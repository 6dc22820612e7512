import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { layOut, repositoryRoot } from './golden-files.js';
import { goldenLogs } from './golden-logs.js';
import { FIRST, type GoldenLog, readable, SECOND } from './golden-parts.js';
import { LogReader } from './independent-reader.js';
import { type ReadEvent, Refusal } from './independent-segment.js';
import { START_NS } from './segment-image.js';

interface Reading {
  readonly events: readonly ReadEvent[];
  readonly outcome: string;
  readonly lastEventId: number;
  readonly durableEventId?: number;
}

/** Reads all of a folder; `outcome` is how it ends, or the word of the refusal. */
function read(directory: string): Reading {
  const events: ReadEvent[] = [];
  const log = new LogReader();
  const reader = log.read(directory);
  try {
    let step = reader.next();
    for (; step.done !== true; step = reader.next()) events.push(step.value);
    const { word: outcome, durableEventId } = step.value;
    return { events, outcome, lastEventId: log.lastEventId, durableEventId };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { events, outcome: error.word, lastEventId: log.lastEventId };
  }
}

function withFolder(log: GoldenLog, use: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'flashstrike-golden-'));
  try {
    layOut(log, directory);
    use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const logs = goldenLogs();
const [sound] = logs as readonly [GoldenLog];

describe('independent reader', () => {
  test('imports nothing of Flashstrike', () => {
    const folder = join(repositoryRoot(), 'test/golden');
    const names = ['independent-reader.ts', 'independent-segment.ts', 'independent-frame.ts'];
    const imported = names.flatMap((name) => {
      const source = readFileSync(join(folder, name), 'utf8');
      return Array.from(source.matchAll(/(?:from|import)\s*\(?'([^']+)'/g), (match) => match[1]);
    });
    const own = ['./independent-frame.js', './independent-segment.js'];
    const allowed = [...own, '@node-rs/xxhash', 'node:fs', 'node:path'];
    assert.deepEqual([...new Set(imported)].sort(), allowed);
  });

  for (const log of logs) {
    test(`${log.name} is ${log.outcome}, with ${log.readableEvents} events`, () => {
      withFolder(log, (directory) => {
        const { events, outcome, lastEventId, durableEventId } = read(directory);
        assert.deepEqual(
          [outcome, lastEventId, durableEventId],
          [log.outcome, log.lastEventId, log.durableEventId],
        );
        assert.deepEqual(
          events.map(({ payload, ...event }) => ({ ...event, text: payload.toString() })),
          readable(log).map(({ text, type = 0 }, index) => {
            const eventId = index + (log.firstEventId ?? 1);
            return { text, type, eventId, timestampNs: START_NS + BigInt(eventId) * 1000n };
          }),
        );
      });
    });
  }

  test('a log whose last segment is gone while wal.meta names it is corrupt', () => {
    withFolder(sound, (directory) => {
      unlinkSync(join(directory, SECOND));
      assert.deepEqual(read(directory).outcome, 'corrupt');
    });
  });

  test('a log without wal.meta is read; an empty last segment, or a sealed one, is then undecidable', () => {
    withFolder(sound, (directory) => {
      unlinkSync(join(directory, 'wal.meta'));
      assert.equal(read(directory).outcome, 'clean');
      unlinkSync(join(directory, SECOND));
      assert.equal(read(directory).outcome, 'undecidable', 'it ends with a seal');
      const first = readFileSync(join(directory, FIRST));
      writeFileSync(join(directory, FIRST), first.fill(0, 4096));
      assert.equal(read(directory).outcome, 'undecidable');
    });
  });

  test('each flipped bit of what was durable is corruption, and never a shorter log', () => {
    // A sample of bits in both segments; the unit tests of each structure flip them all.
    withFolder(sound, (directory) => {
      for (const name of [FIRST, SECOND]) {
        const bytes = readFileSync(join(directory, name));
        const end = name === FIRST ? 4096 + 64 : 4096 + 5 * 64;
        for (let bit = 3; bit < end * 8; bit += bit < 1024 || bit > 4096 * 8 ? 37 : 4001) {
          const byte = bit >> 3;
          const original = bytes[byte] ?? 0;
          bytes[byte] = original ^ (1 << (bit & 7));
          writeFileSync(join(directory, name), bytes);
          const { outcome } = read(directory);
          bytes[byte] = original;
          assert.notEqual(outcome, 'torn-tail', `bit ${bit} of ${name}`);
          assert.notEqual(outcome, 'clean', `bit ${bit} of ${name}`);
        }
        writeFileSync(join(directory, name), bytes);
      }
      assert.equal(read(directory).outcome, 'clean');
    });
  });
});

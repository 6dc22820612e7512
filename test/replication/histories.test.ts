import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HistoryFacts, runHistory } from './history.js';

const HISTORIES = 10_000;

test('ten thousand histories: each event is in the stream once and in order', async (t) => {
  // Failures are told by the thousand, and nobody reads where they come from.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  t.after(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });
  const total = new Map<string, number>();
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const facts: HistoryFacts = await runHistory(seed);
    for (const [name, count] of Object.entries(facts)) {
      total.set(name, (total.get(name) ?? 0) + Number(count));
    }
  }
  t.diagnostic(JSON.stringify(Object.fromEntries(total)));
  for (const [name, count] of total) assert.ok(count > 100, `${name}: ${count}`);
});

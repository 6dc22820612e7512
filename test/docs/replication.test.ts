// The failures of docs/REPLICATION.md: each has a state, a metric, a message and tests that there
// are.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ERROR_CODES } from '../../src/errors.js';
import type { ReplicaState } from '../../src/replication.js';
import { recorder } from '../../src/telemetry.js';

const PATH = new URL('../../../docs/REPLICATION.md', import.meta.url);
const FAILURES = [
  'engine unreachable',
  'no quorum',
  'full stream',
  'lost acknowledgement',
  'zombie: an append that was given up comes late',
  'change of leaders',
  'second writer',
  'stream thrown back',
  'diverged',
  'damaged message',
  'old server',
  'two replicators',
];
const STATES: Readonly<Record<ReplicaState, true>> = {
  claiming: true,
  'catching-up': true,
  following: true,
  waiting: true,
  fenced: true,
  failed: true,
  stopped: true,
};

const [, table = ''] = readFileSync(PATH, 'utf8').split(
  '| failure | state | metric | told by | test |\n|---|---|---|---|---|\n',
);
const [lines = ''] = table.split('\n\n');
const rows = lines.split('\n').map((line) => line.slice(2, -2).split(' | '));
const named = (text = ''): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

test('each failure has a row', () => {
  assert.deepEqual(
    rows.map(([failure]) => failure),
    FAILURES,
  );
});

test('each row names what there is', () => {
  const metrics = new Set(Object.keys(new recorder.Telemetry().replication.toJSON()));
  for (const [failure = '', state = '', metric = '', told = '', tests = ''] of rows) {
    for (const name of named(state)) assert.ok(name in STATES, `${failure}: ${name}`);
    for (const name of named(metric)) assert.ok(metrics.has(name), `${failure}: ${name}`);
    for (const name of named(told)) {
      const isKnown =
        ['lastTrouble', 'counts', 'notes'].includes(name) || Object.hasOwn(ERROR_CODES, name);
      assert.ok(isKnown, `${failure}: ${name}`);
    }
    const references = [...tests.matchAll(/\[[^\]]+\]\(([^)]+)\) “([^”]+)”/g)];
    assert.ok(references.length > 0, failure);
    for (const [, link = '', title = ''] of references) {
      const text = readFileSync(fileURLToPath(new URL(link, PATH)), 'utf8');
      assert.ok(text.includes(title), `${failure}: no “${title}” in ${link}`);
    }
  }
});

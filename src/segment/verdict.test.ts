import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Behind, casesOf, judge, TAIL_CASES, type TailFacts } from './verdict.js';

const BOOLEANS = [false, true];
const BEHIND: readonly Behind[] = ['nothing', 'bytes', 'blocks', 'seal'];

function* allFacts(): Generator<TailFacts> {
  for (const behind of BEHIND)
    for (const durableLost of BOOLEANS)
      for (const laterSegment of BOOLEANS)
        for (const sealed of BOOLEANS)
          for (const witnessed of BOOLEANS)
            for (const vouched of BOOLEANS)
              for (const copied of BOOLEANS)
                yield { behind, durableLost, laterSegment, sealed, witnessed, vouched, copied };
}

const all = [...allFacts()];

test('each combination of facts is exactly one case', () => {
  assert.equal(all.length, 256);
  for (const facts of all) {
    const labels = casesOf(facts).map((tailCase) => tailCase.label);
    assert.equal(labels.length, 1, `${JSON.stringify(facts)}: ${labels.join(' | ')}`);
  }
});

test('no case is without a combination', () => {
  const met = new Set(all.map((facts) => judge(facts).label));
  assert.deepEqual([...met].sort(), TAIL_CASES.map((tailCase) => tailCase.label).sort());
});

test('a lost durable event or later segment is corruption, whatever else holds, but for a copy', () => {
  for (const facts of all.filter((each) => each.durableLost || each.laterSegment)) {
    assert.equal(judge(facts).verdict, facts.copied ? 'live-copy' : 'corruption');
  }
});

test('a copy that lacks nothing is judged as any log', () => {
  for (const facts of all.filter((each) => !each.durableLost && !each.laterSegment)) {
    assert.equal(judge(facts), judge({ ...facts, copied: !facts.copied }));
  }
});

test('corruption is never called without a durable event or a segment that is missing', () => {
  for (const facts of all.filter((each) => !each.durableLost && !each.laterSegment)) {
    assert.notEqual(judge(facts).verdict, 'corruption');
  }
});

const SOUND: TailFacts = {
  behind: 'nothing',
  durableLost: false,
  laterSegment: false,
  sealed: false,
  witnessed: true,
  vouched: true,
  copied: false,
};

const expected: readonly [string, Partial<TailFacts>, string][] = [
  ['zeros behind the last event: clean', {}, 'clean'],
  ['other bytes that nobody calls durable: torn tail', { behind: 'bytes' }, 'torn-tail'],
  ['valid blocks behind a hole: torn tail', { behind: 'blocks' }, 'torn-tail'],
  ['zeros where durable events were: corruption', { durableLost: true }, 'corruption'],
  ['a seal without successor, nothing durable missing: clean', { sealed: true }, 'clean'],
  [
    'a seal without successor, later events durable: corruption',
    { sealed: true, durableLost: true },
    'corruption',
  ],
  [
    'a seal without successor, and nothing to tell whether there was one: undecidable',
    { sealed: true, vouched: false },
    'undecidable',
  ],
  [
    'the same with bytes behind the seal: undecidable',
    { sealed: true, vouched: false, behind: 'bytes' },
    'undecidable',
  ],
  [
    'nothing validates and nobody knows: undecidable',
    { behind: 'bytes', witnessed: false },
    'undecidable',
  ],
  ['an empty segment and nobody knows: undecidable', { witnessed: false }, 'undecidable'],
];
for (const [name, facts, verdict] of expected) {
  test(name, () => assert.equal(judge({ ...SOUND, ...facts }).verdict, verdict));
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeRegion, REGION_CASES, regionCasesOf } from './region-verdict.js';

const WHOSE = ['ours', 'another', 'uncertain'] as const;
const CONTENT = ['nothing', 'events', 'unreadable'] as const;
const CHOICES = ['refuse', 'take', 'leave'] as const;

type RegionFacts = Parameters<typeof judgeRegion>[0];

const ALL: RegionFacts[] = [];
for (const whose of WHOSE) {
  for (const content of CONTENT) {
    for (const choice of CHOICES) {
      for (const isAlive of [true, false]) {
        for (const isMissed of [true, false]) {
          ALL.push({ whose, content, choice, isAlive, isMissed });
        }
      }
    }
  }
}

test('each combination of facts is exactly one case, and no case is empty', () => {
  const used = new Set<string>();
  for (const facts of ALL) {
    const cases = regionCasesOf(facts);
    assert.equal(cases.length, 1, JSON.stringify({ facts, cases: cases.map((c) => c.label) }));
    used.add(cases[0]?.label ?? '');
  }
  assert.deepEqual(
    REGION_CASES.map(({ label }) => label).filter((label) => !used.has(label)),
    [],
  );
});

const verdicts = (only: (facts: RegionFacts) => boolean): string[] =>
  [...new Set(ALL.filter(only).map(judgeRegion))].sort();

test('what another folder made is never touched', () => {
  assert.deepEqual(
    verdicts(({ whose }) => whose === 'another'),
    ['note'],
  );
});

test('what lives is never taken', () => {
  assert.deepEqual(
    verdicts(({ isAlive }) => isAlive),
    ['locked', 'note'],
  );
});

test('what is ours is taken by itself, what may be ours only on demand', () => {
  const isDead = ({ isAlive }: RegionFacts): boolean => !isAlive;
  assert.deepEqual(
    verdicts((facts) => isDead(facts) && facts.whose === 'ours'),
    ['take'],
  );
  const doubt = (facts: RegionFacts): boolean => isDead(facts) && facts.whose === 'uncertain';
  for (const choice of ['refuse', 'leave'] as const) {
    const found = verdicts((facts) => doubt(facts) && facts.choice === choice);
    assert.ok(!found.includes('take'), choice);
  }
  const take = (facts: RegionFacts): boolean => doubt(facts) && judgeRegion(facts) === 'take';
  assert.deepEqual(
    ALL.filter(take).map(({ content, isMissed }) => [content, isMissed]),
    [['events', true]],
  );
});

test('nothing that nobody misses keeps a log from being opened', () => {
  const harmless = (facts: RegionFacts): boolean =>
    facts.whose === 'uncertain' &&
    !facts.isAlive &&
    (!facts.isMissed || facts.content === 'nothing');
  assert.deepEqual(verdicts(harmless), ['note']);
});

test('events that may be lost are not passed over without a choice', () => {
  const atRisk = (facts: RegionFacts): boolean =>
    facts.whose === 'uncertain' &&
    !facts.isAlive &&
    facts.isMissed &&
    facts.content !== 'nothing' &&
    facts.choice === 'refuse';
  assert.deepEqual(verdicts(atRisk), ['refuse']);
});

// Each finding on a machine that is made up for it; that machine has no other fault.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { projectRoot } from '../../../test/project-root.js';
import { examine, RULES } from './examine.js';
import { collectFacts } from './facts.js';
import { type Case, group, log, queue } from './fake-cases.js';
import { DISK_CASES } from './fake-disk-cases.js';
import { FOLDER_CASES } from './fake-folder-cases.js';
import { fakeMachine, fakeMeasurements, LOG } from './fake-machine.js';
import { SYSTEM_CASES } from './fake-system-cases.js';

const CASES: readonly Case[] = [...FOLDER_CASES, ...DISK_CASES, ...SYSTEM_CASES];

function findingsOf({ machine = {}, measured, refused, sharedMemoryDirectory }: Partial<Case>) {
  const facts = collectFacts(fakeMachine(machine), LOG, sharedMemoryDirectory ?? '/dev/shm');
  const trial = refused === undefined ? (measured ?? fakeMeasurements()) : undefined;
  return examine({ facts, measured: trial, refused }).findings;
}

describe('findings of doctor', () => {
  it('there are none on a good machine', () => {
    assert.deepEqual(findingsOf({}), []);
  });

  for (const { id, when, level, says, remedy, also = [], ...rest } of CASES) {
    it(`${id}${when === undefined ? '' : `: ${when}`}`, () => {
      const findings = findingsOf(rest);
      const ids = findings.map((finding) => finding.id).sort();
      assert.deepEqual(ids, [id, ...also].sort());
      const found = findings.find((finding) => finding.id === id);
      assert.equal(found?.level, level);
      assert.match(found?.what ?? '', says);
      assert.match(found?.remedy ?? '', remedy);
    });
  }

  it('each has a machine here, a name of its own, and a line in docs/DOCTOR.md', () => {
    const ids = RULES.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual([...new Set(CASES.map(({ id }) => id))].sort(), ids.toSorted());
    const document = readFileSync(join(projectRoot(), 'docs/DOCTOR.md'), 'utf8');
    const told = [...document.matchAll(/^\| `([a-z-]+)` \| (problem|warning|note)/gm)];
    assert.deepEqual(told.map(([, id]) => id).sort(), ids.toSorted());
  });

  it('the worst come first', () => {
    const machine = {
      files: { ...queue({ scheduler: '[bfq]' }).files, ...group({ 'cpu.max': '1 2' }).files },
    };
    const levels = findingsOf({ machine, measured: log({ lock: 'none' }) }).map(
      (each) => each.level,
    );
    assert.deepEqual(levels, ['problem', 'warning', 'note']);
  });
});

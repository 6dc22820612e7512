// docs/DURABILITY.md says which test causes which fault: each fault stands there once, and each
// test that it names exists. Faults 58 to 85 come from public reports of other systems.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PATH = new URL('../../../docs/DURABILITY.md', import.meta.url);
const FAULTS = [
  ...Array.from({ length: 57 }, (_, index) => String(index + 1)),
  '22b',
  '33b',
  '45b',
];
/** Not a row yet: no test of the suite causes them. */
const FROM_REPORTS = Array.from({ length: 33 }, (_, index) => String(index + 58));
const REFERENCE = /\[[^\]]+\]\(([^)]+)\) “([^”]+)”/g;

const rows = readFileSync(PATH, 'utf8')
  .split('\n')
  .map((line) => /^\| (\d+b?) \| ([^|]+) \| (.*) \|$/.exec(line))
  .filter((row) => row !== null)
  .map(([, fault = '', words = '', tests = '']) => ({ fault, words, tests }));

test('each fault stands in docs/DURABILITY.md exactly once', () => {
  const faults = rows.map(({ fault }) => fault);
  assert.equal(new Set(faults).size, faults.length, 'none stands there twice');
  const known = new Set([...FAULTS, ...FROM_REPORTS]);
  for (const fault of faults) assert.ok(known.has(fault), `there is no fault ${fault}`);
  const required = [...FAULTS, ...FROM_REPORTS];
  for (const fault of required) assert.ok(faults.includes(fault), `fault ${fault} is missing`);
});

test('each names tests that there are, or says why there is none yet', () => {
  let references = 0;
  for (const { fault, tests } of rows) {
    const named = [...tests.matchAll(REFERENCE)];
    if (named.length === 0) assert.match(tests, /^not yet: .{20}/, `fault ${fault}`);
    assert.equal(
      named.map(([whole]) => whole).join('<br>'),
      named.length === 0 ? '' : tests,
      `fault ${fault}: nothing but references`,
    );
    for (const [, link = '', name = ''] of named) {
      const file = fileURLToPath(new URL(link, PATH));
      assert.ok(existsSync(file), `fault ${fault}: there is no ${link}`);
      assert.ok(
        readFileSync(file, 'utf8').includes(name),
        `fault ${fault}: no “${name}” in ${link}`,
      );
      references++;
    }
  }
  assert.ok(references > 100);
});

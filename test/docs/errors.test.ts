// docs/ERRORS.md is generated from the table in src/errors.ts; the argument `--write` does that.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { ERROR_CODES } from '../../src/errors.js';

const PATH = new URL('../../../docs/ERRORS.md', import.meta.url);

function document(): string {
  const rows = Object.entries(ERROR_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return [
    '# Error codes',
    '',
    'Every failure of an operation is a `WalError` with one of these in `code`. `path` and',
    '`offset` say where, `cause` is the underlying error, `message` says what to do. This file is',
    'generated from `src/errors.ts`.',
    '',
    '| code | meaning |',
    '|---|---|',
    ...rows,
    '',
  ].join('\n');
}

if (process.argv.includes('--write')) writeFileSync(PATH, document());

test('docs/ERRORS.md lists every code of src/errors.ts', () => {
  assert.equal(readFileSync(PATH, 'utf8'), document());
});

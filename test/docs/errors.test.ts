// docs/ERRORS.md is made from the table in src/errors.ts; `--write` as an argument makes it anew.
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
    'Every operating failure is a `WalError` with one of these in `code`. `path` and `offset` say',
    'where, `cause` is what lies beneath, `message` says what to do. Made from `src/errors.ts`.',
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

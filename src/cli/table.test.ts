import assert from 'node:assert/strict';
import { it } from 'node:test';
import { formatTable } from './table.js';

it('a table is as wide as its widest cells, without blanks at the end of a line', () => {
  const columns = [
    { title: 'name', align: 'left' },
    { title: 'n', align: 'right' },
    { title: 'state', align: 'left' },
  ] as const;
  assert.deepEqual(
    formatTable(columns, [
      ['a', '1', 'x'],
      ['longer', '1,234', ''],
    ]),
    ['name        n  state', 'a           1  x', 'longer  1,234'],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatJson, formatJsonLine } from './json.js';

test('what a terminal obeys is spelt, and stays what it is for a parser', () => {
  const value = { file: 'a\u001b[2J\u007f\u0085\u009b\u200b\u202e\u2028\ufeff\u{e0041}\ud800é' };
  for (const text of [formatJson(value), formatJsonLine(value)]) {
    assert.deepEqual(JSON.parse(text), value);
    assert.match(text.trimEnd(), /^[\n -~é]*$/);
  }
});

test('64-bit values are decimal strings', () => {
  assert.equal(
    formatJsonLine({ logId: 2n ** 63n, id: 7 }),
    '{"logId":"9223372036854775808","id":7}\n',
  );
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { fitted } from './help-text.js';

describe('help text', () => {
  it('is filled to the width: paragraphs as a whole, columns behind each other', () => {
    const text = [
      'Exit code: 0 success, 1 failure, 2 usage error, and so on, and',
      'so on.',
      '',
      'Sync:',
      '  interval    at most ten to twenty ms after',
      '  $ flashstrike record ./log --input access.log.gz',
      '',
    ];
    assert.deepEqual(fitted(text.join('\n'), 30).split('\n'), [
      'Exit code: 0 success, 1',
      'failure, 2 usage error, and so',
      'on, and so on.',
      '',
      'Sync:',
      '  interval    at most ten to',
      '              twenty ms after',
      '  $ flashstrike record ./log --input access.log.gz',
      '',
    ]);
    assert.equal(fitted('a\n', 80), 'a\n');
  });

  it('keeps every word, in order, and no line is longer than it must be', () => {
    const word = fc.constantFrom('a', 'to', 'word', 'paragraph', 'a  b');
    const line = fc.tuple(fc.nat({ max: 6 }), fc.array(word, { minLength: 1, maxLength: 20 }));
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 30, max: 100 }), (lines, columns) => {
        const text = lines
          .map(([indent, words]) => ' '.repeat(indent) + words.join(' '))
          .join('\n');
        const fit = fitted(text, columns);
        assert.deepEqual(fit.split(/\s+/), text.split(/\s+/));
        for (const each of fit.split('\n')) assert.ok(each.length <= columns, each);
      }),
    );
  });
});

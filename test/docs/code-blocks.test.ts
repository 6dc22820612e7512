// Code in the documents is run (test/system/code-blocks.test.ts and recipes.test.ts), or it says
// beside it why not. What is not code is output, a picture or configuration, and must not look like
// anything to type.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { projectRoot } from '../project-root.js';
import {
  blocksIn,
  blocksRunHere,
  codeBlocks,
  documents,
  PROGRAMS,
} from '../support/code-blocks.js';
import { RUNS } from './code-runs.js';

/** What these are: nothing that can be run. */
const OTHERS: Readonly<Record<string, string>> = {
  '': 'what a program prints, or a picture of lines and bytes',
  yaml: 'the configuration of another program',
  json: 'what stands in a file',
};
const LOOKS_LIKE_A_PROGRAM =
  /^ *(?:(?:\$ )?(?:npx|npm|node|cd|apt-get) (?!\d)|import .* from '|const \w+ = await )/m;
const SHORTEST_REASON = 20;

test('code in documents is run, or stands beside a reason why not, or is no program', () => {
  const blocks = documents().flatMap(codeBlocks);
  assert.ok(blocks.length > 60, `${blocks.length} blocks were found`);
  for (const { path, line, language, code, whyNotRun } of blocks) {
    const place = `${path}:${line}`;
    if (whyNotRun !== undefined) {
      assert.ok(whyNotRun.length >= SHORTEST_REASON, `${place}: a reason, in words`);
    } else if (!PROGRAMS.has(language)) {
      assert.ok(OTHERS[language] !== undefined, `${place}: what is ${language}?`);
      assert.doesNotMatch(code, LOOKS_LIKE_A_PROGRAM, `${place}: name its language`);
    }
  }
  const names = blocksRunHere().map(({ name }) => name);
  assert.deepEqual(names.sort(), Object.keys(RUNS).sort(), 'test/docs/code-runs.ts has each');
});

describe('blocks', () => {
  const FENCE = '`'.repeat(3);

  test('are found by heading, with language, line and the reason beside them', () => {
    const text = [
      '# Title',
      `${FENCE}js`,
      'one',
      FENCE,
      '## With `code`',
      '<!-- not run here: because -->',
      `${FENCE}sh`,
      'two',
      FENCE,
      '- in a list:',
      `  ${FENCE}`,
      '  three',
      `  ${FENCE}`,
      '',
    ].join('\n');
    assert.deepEqual(
      blocksIn('docs/A.md', text).map((block) => Object.values(block)),
      [
        ['docs/A.md', 'A.md Title', 2, 'js', 'one\n', undefined],
        ['docs/A.md', 'A.md With code', 6, 'sh', 'two\n', 'because'],
        ['docs/A.md', 'A.md With code 2', 11, '', '  three\n', undefined],
      ],
    );
  });

  test('in the documents are as many as there are fences', () => {
    for (const path of documents()) {
      const found = codeBlocks(path).length;
      assert.equal(fencesIn(path), 2 * found, path);
    }
  });
});

function fencesIn(path: string): number {
  const text = readFileSync(join(projectRoot(), path), 'utf8');
  return [...text.matchAll(/^ *`{3}/gm)].length;
}

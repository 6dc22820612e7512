// The screens of docs/TOP.md, and the picture of one, are made from looks at a log that there is
// not; the argument `--write` does that and leaves the text around them alone.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../project-root.js';
import { MARKING, pictureOf, plainText } from './top-picture.js';
import { HEALTHY, type Scene, shown, TROUBLES } from './top-scenes.js';

const PATH = join(projectRoot(), 'docs', 'TOP.md');
/** For README: a log that is well, and all that there is to see of it. */
const PICTURE = join(projectRoot(), 'docs', 'images', 'top.svg');
const [COLUMNS, ROWS] = [80, 30];
const BEGIN = '<!-- made by `npm run docs`; changes here are overwritten -->\n';
const END = '<!-- end of what is made -->\n';

const screen = (scene: Scene, columns: number, rows?: number): string =>
  `\`\`\`\n${shown(scene, columns, rows)
    .map((line) => line.trimEnd())
    .join('\n')}\n\`\`\`\n`;

function screens(): string {
  const widths = [60, 120, 200].map(
    (columns) => `On ${columns} columns:\n\n${screen(HEALTHY, columns)}`,
  );
  const troubles = TROUBLES.map(
    (scene) => `### ${scene.name}\n\n${scene.text}\n\n${screen(scene, 80)}`,
  );
  return [
    `## A log that is well\n\n${screen(HEALTHY, 80)}`,
    ...widths,
    `And with room for everything:\n\n${screen(HEALTHY, 80, 34)}`,
    '## A log in trouble\n',
    ...troubles,
  ].join('\n');
}

/** The document with the screens of now. */
function updated(document: string): string {
  const [before, rest, ...more] = document.split(BEGIN);
  const [, after, ...behind] = rest?.split(END) ?? [];
  assert.ok(before !== undefined && after !== undefined, 'both marks are there');
  assert.equal(more.length + behind.length, 0, 'each mark is there once');
  return `${before}${BEGIN}\n${screens()}\n${END}${after}`;
}

const painted = shown(HEALTHY, COLUMNS, ROWS, MARKING);
const picture = pictureOf(painted, COLUMNS, 'flashstrike top, on a log that is well');

if (process.argv.includes('--write')) {
  writeFileSync(PATH, updated(readFileSync(PATH, 'utf8')));
  writeFileSync(PICTURE, picture);
}

const document = readFileSync(PATH, 'utf8');

test('docs/TOP.md shows what flashstrike top shows', () => {
  assert.equal(document, updated(document));
});

test('docs/images/top.svg is the same screen, in colours', () => {
  assert.equal(readFileSync(PICTURE, 'utf8'), picture);
  assert.deepEqual(plainText(painted), shown(HEALTHY, COLUMNS, ROWS));
  assert.match(picture, /<title>flashstrike top/);
});

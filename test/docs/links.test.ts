// Links in the documents lead somewhere: each file is there, each anchor is a heading of it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, test } from 'node:test';
import { projectRoot } from '../project-root.js';
import { documents } from '../support/code-blocks.js';

interface Link {
  readonly line: number;
  readonly target: string;
}

/** Without fenced blocks and code between backticks, whose brackets are no links. */
const proseOf = (text: string): string =>
  text
    .replace(/^ *```.*?^ *```$/gms, (block) => block.replace(/[^\n]/g, ''))
    .replace(/`[^`\n]*`/g, (code) => 'x'.repeat(code.length));

function linksIn(text: string): Link[] {
  const prose = proseOf(text);
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ({ 1: target = '', index }) => ({
    line: prose.slice(0, index).split('\n').length,
    target,
  }));
}

/** As GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  const counts = new Map<string, number>();
  const plain = text.replace(/^ *```.*?^ *```$/gms, '');
  for (const [, heading = ''] of plain.matchAll(/^#{1,6} +(.*)$/gm)) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  for (const [, id = ''] of plain.matchAll(/<a id="([^"]+)">/g)) anchors.add(id);
  return anchors;
}

/** What is wrong with a link, or undefined. */
function defectOf(path: string, { target }: Link): string | undefined {
  if (/^(?:https?|mailto):/.test(target)) return undefined;
  const [file = '', anchor] = target.split('#', 2);
  const name = file === '' ? path : normalize(join(dirname(path), file));
  if (!existsSync(join(projectRoot(), name))) return `there is no ${name}`;
  if (anchor === undefined || !name.endsWith('.md')) return undefined;
  const anchors = anchorsOf(readFileSync(join(projectRoot(), name), 'utf8'));
  return anchors.has(anchor) ? undefined : `${name} has no #${anchor}`;
}

describe('links', () => {
  test('in the documents lead to files and headings that are there', () => {
    const dead: string[] = [];
    let links = 0;
    for (const path of documents()) {
      for (const link of linksIn(readFileSync(join(projectRoot(), path), 'utf8'))) {
        links++;
        const defect = defectOf(path, link);
        if (defect !== undefined) dead.push(`${path}:${link.line} ${link.target}: ${defect}`);
      }
    }
    assert.deepEqual(dead, []);
    assert.ok(links > 300, `${links} links were followed`);
  });

  test('lead from README to every guide, by one step or two', () => {
    const targets = (path: string): string[] =>
      linksIn(readFileSync(join(projectRoot(), path), 'utf8'))
        .map(({ target }) => normalize(join(dirname(path), target.split('#', 1)[0] ?? '')))
        .filter((name) => name.endsWith('.md'));
    const near = new Set(targets('README.md'));
    const found = new Set([
      ...near,
      ...[...near].filter((name) => existsSync(join(projectRoot(), name))).flatMap(targets),
    ]);
    const index = new Set(targets('docs/README.md'));
    for (const path of documents().filter((name) => /^docs\/[A-Z-]+\.md$/.test(name))) {
      assert.ok(found.has(path), `README leads to ${path}`);
      if (path !== 'docs/README.md') assert.ok(index.has(path), `docs/README.md has ${path}`);
    }
  });

  test('are seen in prose, with their lines, and not in code', () => {
    const text = 'a [b](c.md#d)\n`[e](f)` ![g](h.svg)\n```\n[i](j)\n```\n[k](#l)\n';
    assert.deepEqual(linksIn(text), [
      { line: 1, target: 'c.md#d' },
      { line: 2, target: 'h.svg' },
      { line: 6, target: '#l' },
    ]);
    assert.equal(
      defectOf('README.md', { line: 1, target: 'docs/NOWHERE.md' }),
      'there is no docs/NOWHERE.md',
    );
    assert.match(
      defectOf('README.md', { line: 1, target: '#nowhere' }) ?? '',
      /README\.md has no #nowhere/,
    );
  });

  test('to headings are named as GitHub names them', () => {
    const text =
      '# A `b` & C\n## A `b` & C\n### See [x](y.md), *now*!\n<a id="own"></a>\n```\n# no\n```\n';
    assert.deepEqual([...anchorsOf(text)], ['a-b--c', 'a-b--c-1', 'see-x-now', 'own']);
  });
});

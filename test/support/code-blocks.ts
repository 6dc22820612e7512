// The fenced blocks of the documents, with what is said about each.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root.js';

export interface CodeBlock {
  /** Of the document, from the root of the project. */
  readonly path: string;
  /** `EVENTS.md Reading`; the second one below the same heading ends with ` 2`. */
  readonly name: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** Of `<!-- not run here: why -->` on the line before. */
  readonly whyNotRun: string | undefined;
}

/** The languages of blocks that can be run. */
export const PROGRAMS: ReadonlySet<string> = new Set(['js', 'cjs', 'ts', 'sh']);

/** Their programs take arguments and signals: recipes.test.ts has a test of each. */
export const RUN_WITH_SIGNALS: readonly string[] = ['docs/RECIPES.md', 'docs/NODE.md'];

/** All that users and contributors read, from the root of the project. */
export function documents(): string[] {
  const deeper = ['docs', 'examples', 'contrib'].flatMap((folder) =>
    readdirSync(join(projectRoot(), folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(folder, name),
    ),
  );
  return [...readdirSync(projectRoot()), ...deeper].filter((path) => path.endsWith('.md')).sort();
}

const HEADING = '^#+ +(?<heading>[^\\n]*)$';
const REASON = '(?:<!-- not run here: (?<why>[^\\n]*?) -->\\n)?';
const FENCED = '(?<indent> *)```(?<language>[^\\n]*)\\n(?<code>.*?)^\\k<indent>```$';
const PART = new RegExp(`${HEADING}|^${REASON}${FENCED}`, 'gms');

export function codeBlocks(path: string): CodeBlock[] {
  return blocksIn(path, readFileSync(join(projectRoot(), path), 'utf8'));
}

/** For tests of this as well. */
export function blocksIn(path: string, text: string): CodeBlock[] {
  const document = path.slice(path.lastIndexOf('/') + 1);
  const blocks: CodeBlock[] = [];
  const counts = new Map<string, number>();
  let heading = '';
  for (const { index, groups = {} } of text.matchAll(PART)) {
    if (groups['heading'] !== undefined) {
      heading = groups['heading'].replaceAll('`', '');
      continue;
    }
    const place = `${document} ${heading}`;
    const count = (counts.get(place) ?? 0) + 1;
    counts.set(place, count);
    blocks.push({
      path,
      name: count === 1 ? place : `${place} ${count}`,
      line: text.slice(0, index).split('\n').length,
      language: groups['language'] ?? '',
      code: groups['code'] ?? '',
      whyNotRun: groups['why'],
    });
  }
  return blocks;
}

/** The programs of all documents but those that have a test of their own. */
export const blocksRunHere = (): CodeBlock[] =>
  documents()
    .filter((path) => !RUN_WITH_SIGNALS.includes(path))
    .flatMap(codeBlocks)
    .filter(({ language, whyNotRun }) => PROGRAMS.has(language) && whyNotRun === undefined);

// The documents as pages of the site: the same files, with what a page needs in addition. Links
// between documents stay as they are; links to code and folders lead to the repository.
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

const INDEX = 'docs/README.md';
const LINK = /(\]\()([^)\s]+)(\))/g;
const BLOCK = /(^ *```.*?^ *```$)/ms;
const CODE = /(^ *```.*?^ *```$|`[^`\n]*`)/ms;

const outside = (code) => (text, change) =>
  text
    .split(code)
    .map((part, at) => (at % 2 === 0 ? change(part) : part))
    .join('');
/** The rest of the text stays as it is: brackets in code are no links. */
const outsideCode = outside(CODE);
const outsideBlocks = outside(BLOCK);

/** As GitHub names the anchor of a heading. */
const slugOf = (heading) =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-');

/** `<a id="…"></a>` above a heading → the anchor of the heading, which typedoc knows. */
function ownAnchors(text) {
  const found = text.matchAll(/^<a id="([^"]+)"><\/a>\s+#+ +(.*)$/gm);
  return new Map(Array.from(found, ([, id, heading]) => [id, slugOf(heading)]));
}

/** typedoc leaves code in a heading out of its anchor. */
const plainHeadings = (text) => text.replace(/^#+ .*$/gm, (heading) => heading.replaceAll('`', ''));

/** In the order of docs/README.md, by the title of its table. */
export function guides(project) {
  const index = readFileSync(join(project, INDEX), 'utf8');
  const pages = new Map();
  let group = '';
  for (const line of index.split('\n')) {
    const title = /^\| (\w+) \| \|$/.exec(line);
    if (title !== null) group = title[1][0].toUpperCase() + title[1].slice(1);
    for (const [, , target] of line.matchAll(LINK)) {
      const path = normalize(join(dirname(INDEX), target));
      if (path.endsWith('.md') && !pages.has(path)) pages.set(path, group);
    }
  }
  return pages;
}

/** Writes the pages below `folder`, and returns their paths: README first, which is the start. */
export function writePages(project, folder, repository) {
  const pages = new Map([['README.md', ''], ...guides(project)]);
  const target = (from, link) => {
    if (/^[a-z]+:/.test(link)) return link;
    const [file, anchor] = link.split('#', 2);
    const path = file === '' ? from : normalize(join(dirname(from), file));
    // The list of all guides is what stands beside each page.
    if (path === INDEX) return `${relative(dirname(from), 'README.md')}#documents`;
    if (/\.(?:svg|png)$/.test(path)) return link;
    if (pages.has(path)) {
      if (anchor === undefined) return link;
      const anchors = ownAnchors(readFileSync(join(project, path), 'utf8'));
      return `${file}#${anchors.get(anchor) ?? anchor}`;
    }
    if (!existsSync(join(project, path))) throw new Error(`${from}: there is no ${path}`);
    const kind = statSync(join(project, path)).isDirectory() ? 'tree' : 'blob';
    return `${repository}/${kind}/main/${path}${anchor === undefined ? '' : `#${anchor}`}`;
  };
  for (const [path, group] of pages) {
    const content = readFileSync(join(project, path), 'utf8');
    // The start has the title of the site above it.
    const text = group === '' ? content.replace(/^# .*\n/, '') : content;
    const title = /^# (.*)$/m.exec(text)?.[1]?.replaceAll('`', '') ?? path;
    const linked = outsideCode(text, (part) =>
      part.replace(LINK, (_, before, link, after) => before + target(path, link) + after),
    );
    const head =
      group === '' ? '' : `---\ntitle: ${JSON.stringify(title)}\ngroup: ${group}\n---\n\n`;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), head + outsideBlocks(linked, plainHeadings));
  }
  for (const name of ['images', 'benchmarks']) {
    cpSync(join(project, 'docs', name), join(folder, 'docs', name), { recursive: true });
  }
  return [...pages.keys()];
}

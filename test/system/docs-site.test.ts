// The site that `npm run docs` makes: without a warning, every guide and every entry in it, no dead
// link, and looked at in a browser.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join, normalize, relative, sep } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { projectRoot } from '../project-root.js';
import { cannotBrowse, launch, openPage } from '../support/chromium.js';
import { documents } from '../support/code-blocks.js';
import { temporaryFolder } from '../support/log-builder.js';

const ROOT = projectRoot();
const skip = existsSync(join(ROOT, 'node_modules', 'typedoc'))
  ? false
  : 'typedoc is not installed here: npm ci';
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

const htmlFiles = (site: string): string[] =>
  readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));
const decoded = (text: string): string => decodeURIComponent(text.replaceAll('&amp;', '&'));

/** What is wrong with a link in a page of the site, or undefined. */
function defectOf(site: string, page: string, link: string, anchors: Anchors): string | undefined {
  if (/^(?:https?:|mailto:|data:)/.test(link)) return undefined;
  const [file = '', anchor = ''] = decoded(link).split('#', 2);
  const path = file === '' ? page : normalize(join(dirname(page), file));
  if (path.startsWith('..') || !existsSync(join(site, path))) return `no ${path}`;
  if (anchor === '' || !path.endsWith('.html')) return undefined;
  return anchors(path).has(anchor) ? undefined : `${path} has no #${anchor}`;
}

type Anchors = (page: string) => ReadonlySet<string>;

/** The ids of a page, read once. */
function anchorsIn(site: string): Anchors {
  const known = new Map<string, ReadonlySet<string>>();
  return (page) => {
    const html = known.has(page) ? '' : readFileSync(join(site, page), 'utf8');
    const ids =
      known.get(page) ??
      new Set(Array.from(html.matchAll(/ (?:id|name)="([^"]+)"/g), ([, id = '']) => decoded(id)));
    known.set(page, ids);
    return ids;
  };
}

/** The site by HTTP, as a server of static files would have it. */
async function serve(site: string, hook: { after(hook: () => void): void }): Promise<string> {
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://localhost');
    const file = join(site, pathname === '/' ? 'index.html' : decodeURIComponent(pathname));
    const isInside = !relative(site, file).startsWith('..');
    if (pathname === '/favicon.ico') response.writeHead(204).end();
    else if (!isInside || !existsSync(file)) response.writeHead(404).end();
    else {
      response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
      response.end(readFileSync(file));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  hook.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the site', { skip, timeout: 900_000 }, () => {
  const folder = temporaryFolder({ after });
  const site = join(folder, 'site');
  let told = '';

  before(() => {
    const made = spawnSync(process.execPath, [join(ROOT, 'scripts', 'docs.mjs'), site], {
      encoding: 'utf8',
    });
    told = `${made.stdout}${made.stderr}`;
    assert.equal(made.status, 0, told);
  });

  test('is made without a warning', () => {
    assert.equal(told, `docs: ${join(site, 'index.html')}\n`);
  });

  test('has a page of each guide, each entry, and the classes of them', () => {
    const pages = htmlFiles(site);
    const guides = documents().filter((path) => !/README\.md$/.test(path));
    assert.equal(pages.filter((page) => page.startsWith(`documents${sep}`)).length, guides.length);
    const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      exports: Readonly<Record<string, unknown>>;
    };
    for (const entry of Object.keys(exports).filter((name) => !name.endsWith('.json'))) {
      const name = `flashstrike${entry.slice(1).replace('/', '_')}.html`;
      assert.ok(pages.includes(join('modules', name)), `there is a page of ${entry}`);
    }
    for (const name of ['Wal', 'WalError']) {
      assert.ok(pages.includes(join('classes', `flashstrike.${name}.html`)), name);
    }
  });

  test('has no dead link', () => {
    const anchors = anchorsIn(site);
    const dead: string[] = [];
    let links = 0;
    for (const page of htmlFiles(site)) {
      const html = readFileSync(join(site, page), 'utf8');
      for (const [, link = ''] of html.matchAll(
        /<(?:a|img|link|script)\b[^>]* (?:href|src)="([^"]*)"/g,
      )) {
        links++;
        const defect = defectOf(site, page, link, anchors);
        if (defect !== undefined) dead.push(`${page}: ${link}: ${defect}`);
      }
    }
    assert.deepEqual(dead, []);
    for (const [link, defect] of [
      ['documents/Nowhere.html', `no documents${sep}Nowhere.html`],
      ['#nowhere', 'index.html has no #nowhere'],
      ['../outside.html', `no ..${sep}outside.html`],
    ] as const) {
      assert.equal(defectOf(site, 'index.html', link, anchors), defect);
    }
    assert.ok(links > 5000, `${links} links were followed`);
  });

  test('opens in a browser: pictures, a guide by a click, a name by search', {
    skip: cannotBrowse,
  }, async (context) => {
    const url = await serve(site, context);
    const browser = await launch();
    context.after(() => browser.close());
    const { page, complaints, asked } = await openPage(await browser.newContext(), url);
    assert.match(await page.title(), /Flashstrike/);
    const width = await page
      .locator('img[src$="top.svg"]')
      .evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth);
    assert.ok(width > 0, 'the picture of top is there');

    await page.locator('.tsd-typography a', { hasText: 'tuning' }).first().click();
    await page.waitForURL(/Tuning\.html$/);
    assert.equal(await page.locator('h1').first().innerText(), 'Tuning');

    await page.locator('#tsd-search-trigger').click();
    await page.locator('#tsd-search-input').fill('tryAppend');
    await page.locator('#tsd-search-results li a', { hasText: 'tryAppend' }).first().click();
    await page.waitForURL(/flashstrike\.Wal\.html#tryappend/);

    assert.deepEqual(complaints, []);
    assert.deepEqual(
      asked.filter((request) => !request.startsWith(url)),
      [],
      'nothing is asked of others',
    );
  });
});

// The page of `flashstrike dashboard` in a real browser, over logs that other processes have open.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { replicate } from '../../src/replication.js';
import { liveStream, Place, streamOf } from '../replication/bench.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { temporaryLog } from '../support/attached-log.js';
import { Script } from '../support/child-script.js';
import { cannotBrowse, launch, openPage, type WatchedPage } from '../support/chromium.js';
import { release, SLEEPS_IN_ITS_CODE } from '../support/sleeping-application.js';
import { cannotTrace, Strace } from '../support/strace.js';
import { serve } from '../system/served.js';

/** The limit only ends a test that hangs. */
const LIMIT = { timeout: 120_000 };
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Appends little by little, and waits until it is durable; on request more than is prepared. */
const RECORDER = `
const { hurried, ...walOptions } = options;
const wal = await Wal.open(directory, walOptions);
const timer = setInterval(() => {
  for (let count = 0; count < 20; count++) wal.append(Buffer.alloc(200));
  wal.durable().catch(() => undefined);
}, 20);
wal.append(Buffer.alloc(200));
await wal.durable();
tell('open');
await told();
// Segments are used up faster than they are made.
const hurry = setInterval(() => {
  for (let count = 0; count < 50; count++) wal.tryAppend(Buffer.alloc(1000));
}, 5);
tell('hurries');
await told();
clearInterval(timer);
clearInterval(hurry);
await wal.close();
`;

interface Recorded {
  readonly directory: string;
  readonly script: Script;
  readonly pid: number;
}

async function record(
  context: TestContext,
  directory = temporaryLog(context),
  options: object = mappedOptions(context),
): Promise<Recorded> {
  const script = Script.start(context, RECORDER, directory, options);
  await script.tells('open');
  return { directory, script, pid: script.child.pid ?? 0 };
}

const textOf = (page: Page, selector: string): Promise<string> =>
  page.locator(selector).innerText();

/** Waits until an element has text that matches, and returns it. */
async function untilText(page: Page, selector: string, pattern: RegExp): Promise<string> {
  await page.locator(selector).filter({ hasText: pattern }).first().waitFor(LIMIT);
  return textOf(page, selector);
}

describe('the dashboard in a browser', {
  skip: cannotBrowse || cannotMap,
  timeout: 900_000,
}, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser.close();
  });

  async function open(
    context: TestContext,
    directories: string | readonly string[],
    options: BrowserContextOptions = {},
  ): Promise<WatchedPage> {
    const { url } = await serve(context, 'dashboard', directories);
    const opened = await browser.newContext(options);
    context.after(() => opened.close());
    return await openPage(opened, url);
  }

  test('loads without a complaint, asks nobody else, and its numbers move', async (context) => {
    const { directory } = await record(context);
    const { page, complaints, asked } = await open(context, directory);
    await untilText(page, '#verdict', /./);
    await untilText(page, '#connection', /live/);
    const appended = page.locator('#positions dd').first();
    await appended.filter({ hasNotText: await appended.innerText() }).waitFor(LIMIT);
    await untilText(page, '#numbers', /[1-9][\d.]*(?: k)?\/s/);
    await untilText(page, '#segments-note', /writing to segment/);
    assert.notEqual(await page.locator('#segments .active').count(), 0);
    const figures = page.locator('#latency .readout').first();
    await figures.filter({ hasText: /p50 \d/ }).waitFor(LIMIT);
    assert.deepEqual(complaints, []);
    const { origin } = new URL(page.url());
    for (const url of asked)
      assert.ok(url.startsWith(`${origin}/`) || url.startsWith('data:'), url);
  });

  test('a preparer that is held back is seen and named while the writer waits', {
    skip: cannotTrace,
  }, async (context) => {
    const { directory, script, pid } = await record(context);
    const { page } = await open(context, directory);
    await untilText(page, '#verdict', /./);
    const args = ['-e', 'trace=fallocate', '-e', 'inject=fallocate:delay_enter=3000000'];
    const strace = await Strace.attach(context, pid, { args });
    const started = performance.now();
    script.tell();
    await untilText(page, '#troubles', /the writer has been waiting for a segment for/i);
    const namedMs = Math.round(performance.now() - started);
    assert.match(await textOf(page, '#troubles'), /more preparedSegments/i, 'with what to do');
    await untilText(page, '.wait', /the writer waits for a segment now/);
    await untilText(page, '#outcomes', /waited\s*[1-9]/);
    await untilText(page, '#incidents', /waiting for a segment/);
    // While it is held back: on a busy machine more than that keeps a log waiting.
    const recorded = page.locator('#stalls tbody tr').filter({ hasText: /preparer \d/ });
    await recorded.first().waitFor(LIMIT);
    assert.match(await recorded.first().innerText(), /durable.*preparer [\d.]+ m?s \(\d+ %\)/s);
    await strace.detach();
    assert.ok(strace.calls.some((call) => call.includes('fallocate(')));
    assert.equal(await page.locator('#no-stalls').isVisible(), false);
    context.diagnostic(`named ${namedMs} ms after the load began that uses up what is prepared`);
  });

  test('a process that is stopped is seen and named', async (context) => {
    const { directory, pid } = await record(context);
    const { page } = await open(context, directory);
    await untilText(page, '#verdict', /./);
    process.kill(pid, 'SIGSTOP');
    const stoppedAt = performance.now();
    await untilText(page, '#troubles', new RegExp(`no thread of process ${pid} has moved`, 'i'));
    context.diagnostic(`named ${Math.round(performance.now() - stoppedAt)} ms after SIGSTOP`);
    process.kill(pid, 'SIGCONT');
    // Not that all is well: a disk that is busy has warnings of its own.
    await page
      .locator('#troubles')
      .filter({ hasNotText: /has moved/ })
      .waitFor({
        ...LIMIT,
        state: 'attached',
      });
    // Where somebody waited meanwhile, as is so about half of the time, what it was is kept.
    const kept = page.locator('#stalls td b').filter({ hasText: /stopped/ });
    const deadline = performance.now() + LIMIT.timeout;
    while ((await kept.count()) === 0 && performance.now() < deadline) {
      process.kill(pid, 'SIGSTOP');
      await sleep(1500);
      process.kill(pid, 'SIGCONT');
      await sleep(2500);
    }
    await kept.first().waitFor(LIMIT);
  });

  test('an application that sleeps in its own code is seen, and told afterwards', async (context) => {
    const directory = temporaryLog(context);
    const script = Script.start(context, SLEEPS_IN_ITS_CODE, directory, mappedOptions(context));
    await script.tells('ready');
    const { page } = await open(context, directory);
    await untilText(page, '#verdict', /./);
    script.tell();
    await untilText(page, '#troubles', /the application's event loop is blocked, for /i);
    release(context, directory);
    const recorded = page.locator('#stalls tbody tr').filter({ hasText: /application \d/ });
    await recorded.first().waitFor(LIMIT);
    const text = await recorded.first().innerText();
    assert.match(text, /durable.*application.*application [\d.]+ m?s \(\d+ %\)/s);
    assert.match(text, /\. Find what runs there without an await: node --cpu-prof\./);
  });

  test('a log that is killed stays, and the page goes on with its next opening', async (context) => {
    const directory = temporaryLog(context);
    const options = mappedOptions(context);
    const { script } = await record(context, directory, options);
    const { page, complaints } = await open(context, directory);
    await untilText(page, '#state', /running, open/);
    await script.kill();
    await untilText(page, '#state', /ended, not closed/);
    await untilText(page, '#troubles', /ended without closing/);
    await untilText(page, '#announcement', /ended without closing/);
    const again = await record(context, directory, options);
    await untilText(page, '#process', new RegExp(`process ${again.pid},`));
    await untilText(page, '#incidents', /ended without closing/);
    assert.deepEqual(complaints, []);
  });

  test('several logs are on one page, and all of it can be used by keys', async (context) => {
    const logs = [await record(context), await record(context)];
    const { page } = await open(
      context,
      logs.map(({ directory }) => directory),
      { reducedMotion: 'reduce' },
    );
    await page.locator('#logs button').nth(1).waitFor(LIMIT);
    await untilText(page, '#process', new RegExp(`process ${logs[0]?.pid},`));
    await page.keyboard.press('Tab');
    assert.equal(await textOf(page, ':focus'), 'Skip to the log');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await untilText(page, '#process', new RegExp(`process ${logs[1]?.pid},`));
    const plot = page.locator('#latency [role=slider]').first();
    await plot.focus();
    await page.keyboard.press('ArrowLeft');
    assert.match((await plot.getAttribute('aria-valuetext')) ?? '', /^\d\d:\d\d:\d\d: p50 /);
    await page.keyboard.press('Escape');
    await page.locator('input[name=range]:checked').focus();
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.locator('input[name=range]:checked').inputValue(), '3600');
    const freeze = page.locator('#freeze');
    await freeze.focus();
    await page.keyboard.press('Space');
    assert.equal(await freeze.getAttribute('aria-pressed'), 'true');
    const frozen = await textOf(page, '#positions');
    await untilText(page, '#connection', /frozen/);
    assert.equal(await textOf(page, '#positions'), frozen);
    await page.keyboard.press('Space');
    await untilText(page, '#connection', /live/);
  });

  test('a log that is fed to a stream has a panel for it, any other has none', async (context) => {
    const place = new Place(context);
    const other = await record(context);
    const directory = place.path('fed');
    const { script } = await record(context, directory);
    const engine = liveStream();
    const replica = place.keep(await replicate(directory, { stream: streamOf(engine) }));
    const { page, complaints } = await open(context, [directory, other.directory], {
      bypassCSP: true,
    });
    await page.evaluate(AXE);
    await untilText(page, '#replication', /Replication/);
    await untilText(page, '#replication-now', /confirmed up to\s*[1-9]/);
    await untilText(page, '#replication-now', /epoch 1/);
    await untilText(page, '#replication-now', /half in [\d.]+ [nµm]?s, longest/);
    await untilText(page, '#replication-charts', /Confirmed in/);
    await untilText(page, '#resyncs', /claims\s*1/);
    engine.trouble = 200;
    await untilText(page, '#replication-state', /the engine is waited for/);
    await untilText(page, '#resyncs', /(?:time-outs|unavailable)\s*[1-9]/);
    await untilText(page, '#replication-now', /behind\s*[1-9]/);
    assert.deepEqual(await violationsIn(page), []);
    engine.trouble = 0;
    await untilText(page, '#replication-state', /^(?!.*waited for)/);
    await page.locator('#logs button').nth(1).click();
    await untilText(page, '#process', new RegExp(`process ${other.pid},`));
    await page.locator('#replication').waitFor({ ...LIMIT, state: 'hidden' });
    assert.deepEqual(complaints, []);
    await replica.close();
    await script.kill();
  });

  const looks: readonly (readonly [string, BrowserContextOptions])[] = [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['on a phone', { viewport: { width: 360, height: 740 }, colorScheme: 'light' }],
  ];
  for (const [name, options] of looks) {
    test(`axe has nothing to complain of, ${name}`, async (context) => {
      const logs = [await record(context), await record(context)];
      // One in trouble, one that is well.
      process.kill(logs[0]?.pid ?? 0, 'SIGSTOP');
      const dirs = logs.map(({ directory }) => directory);
      const { page } = await open(context, dirs, { ...options, bypassCSP: true });
      await page.evaluate(AXE);
      await untilText(page, '#troubles', /no thread of process/i);
      assert.deepEqual(await violationsIn(page), []);
      await page.locator('#logs button').nth(1).click();
      await untilText(page, '#process', new RegExp(`process ${logs[1]?.pid},`));
      await page.locator('summary').click();
      assert.deepEqual(await violationsIn(page), []);
      await page
        .locator('#latency .readout')
        .first()
        .filter({ hasText: /p50 \d/ })
        .waitFor(LIMIT);
      assert.ok(Number(await page.evaluate(COLOURS_DRAWN)) > 10, 'the heat map is drawn');
      const overflow = 'document.documentElement.scrollWidth - innerWidth';
      assert.equal(await page.evaluate(overflow), 0, 'nothing stands out of the page');
    });
  }
});

/** How many values the heat map's pixels have: axes and lines alone have few. */
const COLOURS_DRAWN = `(() => {
  const canvas = document.querySelector('#latency canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return new Set(data).size;
})()`;

/** What axe finds, of any weight: a line each. */
async function violationsIn(page: Page): Promise<readonly string[]> {
  const found = `axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) =>
    impact + ' ' + id + ': ' + nodes.map(({ target }) => target.join(' ')).join(', ')))`;
  return await page.evaluate<readonly string[]>(found);
}

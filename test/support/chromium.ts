// A real browser, driven from outside. One for all tests of a file: it takes a second to start.
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = PATHS.find((path) => existsSync(path));

async function whyNot(): Promise<string | false> {
  if (executablePath === undefined) return 'there is no chromium here (Debian package chromium)';
  try {
    await (await launch()).close();
    return false;
  } catch (error) {
    return `chromium does not start here: ${String(error).split('\n', 1)[0]}`;
  }
}

export const launch = (): Promise<Browser> =>
  chromium.launch({
    ...(executablePath !== undefined && { executablePath }),
    // Its sandbox refuses to be root's.
    args: ['--no-sandbox'],
  });

/** Why no browser can be used here, or false. */
export const cannotBrowse: string | false = await whyNot();

/** A page, and what it complained of and asked for meanwhile. */
export interface WatchedPage {
  readonly page: Page;
  readonly complaints: string[];
  readonly asked: string[];
}

export async function openPage(browser: BrowserContext, url: string): Promise<WatchedPage> {
  const page = await browser.newPage();
  // It only ends a test that hangs.
  page.setDefaultTimeout(300_000);
  const complaints: string[] = [];
  const asked: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'log') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(url);
  return { page, complaints, asked };
}

// Commands that serve something on this machine, and what they answer.
import { once } from 'node:events';
import { request } from 'node:http';
import type { TestContext } from 'node:test';
import { RunningCommand } from './cli-process.js';

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Asks for `path` of the server, by default for what `url` names. */
export async function ask(
  url: string,
  { method = 'GET', path, headers = {}, body }: Ask = {},
): Promise<Answer> {
  const target = path === undefined ? new URL(url) : new URL(path, url);
  const asked = request(target, { method, headers, agent: false });
  asked.end(body);
  const [response] = await once(asked, 'response');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, headers: response.headers, text };
}

export interface Served {
  readonly command: RunningCommand;
  readonly url: string;
}

const SERVES = /(?:serving|dashboard at) (\S+), until Ctrl-C/;

/** Starts `command` for the folders on any free port; resolves once it serves. */
export async function serve(
  context: TestContext,
  command: 'metrics' | 'dashboard',
  directories: string | readonly string[],
  ...args: string[]
): Promise<Served> {
  const dirs = [directories].flat();
  const running = new RunningCommand([command, ...dirs, '--listen', '0', ...args]);
  context.after(() => running.child.kill('SIGKILL'));
  await running.until((_stdout, stderr) => SERVES.test(stderr));
  return { command: running, url: SERVES.exec(running.stderr)?.[1] ?? '' };
}

// Who looks at a log all day: a dashboard with a page open, and a Prometheus that scrapes. Each is
// a process of its own, as in use.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type ThreadTimes, threadTimes } from '../harness/processor-time.js';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const WATCHER = fileURLToPath(new URL('watcher.js', import.meta.url));
const SERVES = /(?:serving|dashboard at) (\S+), until Ctrl-C/;

export class Observers {
  /** The commands, whose time is what looking costs; who asks them is none of the product. */
  readonly #commands: readonly ChildProcess[];
  readonly #watcher: ChildProcess | undefined;

  private constructor(commands: readonly ChildProcess[], watcher?: ChildProcess) {
    this.#commands = commands;
    this.#watcher = watcher;
  }

  /** Resolves once, if they are asked, the page was told something, and metrics were scraped. */
  static async start(directory: string, areAsked: boolean): Promise<Observers> {
    const dashboard = await serve('dashboard', directory);
    const metrics = await serve('metrics', directory);
    if (!areAsked) return new Observers([dashboard.child, metrics.child]);
    const watcher = fork(WATCHER, [dashboard.url, metrics.url]);
    await Promise.race([
      once(watcher, 'message'),
      once(watcher, 'exit').then(([code]) => {
        throw new Error(`the one that looks ended with ${code}`);
      }),
    ]);
    return new Observers([dashboard.child, metrics.child], watcher);
  }

  times(): readonly ThreadTimes[] {
    return this.#commands.map(({ pid }) => threadTimes(pid));
  }

  async stop(): Promise<void> {
    const all = [...this.#commands, ...(this.#watcher === undefined ? [] : [this.#watcher])];
    const ended = all.map((child) => once(child, 'exit'));
    for (const child of all) child.kill('SIGKILL');
    await Promise.all(ended);
  }
}

async function serve(command: string, directory: string) {
  const args = [MAIN, command, directory, '--listen', '0'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  for await (const chunk of child.stderr) {
    said += String(chunk);
    const url = SERVES.exec(said)?.[1];
    if (url === undefined) continue;
    child.stderr.resume();
    return { child, url };
  }
  throw new Error(`flashstrike ${command} did not serve: ${said}`);
}

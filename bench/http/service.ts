// The service as its clients' computer sees it: a process with a port, and what its threads cost.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { threadTimes, usedNs } from '../harness/processor-time.js';
import type { Ended, Started } from './server.js';

const SERVER = fileURLToPath(new URL('server.js', import.meta.url));

export class Service {
  readonly #child: ChildProcess;
  readonly #roles: ReadonlyMap<string, string>;
  #answered = 0;

  private constructor(
    child: ChildProcess,
    readonly port: number,
    roles: ReadonlyMap<string, string>,
  ) {
    this.#child = child;
    this.#roles = roles;
  }

  static async start(peer: string, folder: string): Promise<Service> {
    const child = fork(SERVER, [peer, mkdtempSync(join(folder, 'http-'))], { execArgv: [] });
    const { port, threads } = (await messageOf(child)) as Started;
    return new Service(child, port, new Map(threads));
  }

  /** What `work` costs this process, in nanoseconds, by the role of each thread. */
  async used<T extends { readonly requests: number }>(
    work: () => Promise<T>,
  ): Promise<[T, Map<string, number>]> {
    const pid = this.#child.pid ?? Number.NaN;
    const before = threadTimes(pid);
    const result = await work();
    this.#answered += result.requests;
    return [
      result,
      usedNs(before, threadTimes(pid), (thread) => this.#roles.get(thread) ?? 'runtime'),
    ];
  }

  /** @throws Error if what is found is not what was recorded, or less than was answered */
  async end(): Promise<void> {
    const ended = messageOf(this.#child);
    const exited = once(this.#child, 'exit');
    this.#child.send('end');
    const { recorded, found } = (await ended) as Ended;
    await exited;
    if (found !== recorded || found < this.#answered) {
      throw new Error(`${this.#answered} answered, ${recorded} recorded, ${found} found`);
    }
  }
}

function messageOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`the service ended: ${code}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message);
    });
  });
}

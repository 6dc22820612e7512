// System calls of a running script, watched or made to fail. Strace is attached once the script has
// come to where the test wants it, so that nobody counts the calls of an open.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Resolves once `tracer` has attached, with undefined, or has ended, with what it said. */
async function attached(tracer: ChildProcess): Promise<string | undefined> {
  let said = '';
  return await new Promise((resolve) => {
    tracer.once('error', (error) => resolve(error.message));
    tracer.once('close', () => resolve(said.trim()));
    tracer.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (/Process \d+ attached/.test(said)) resolve(undefined);
    });
  });
}

const start = (args: readonly string[]): ChildProcess =>
  spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });

async function whyNot(): Promise<string | false> {
  if (process.platform !== 'linux') return 'strace needs Linux';
  const sleeper = spawn('sleep', ['3600'], { stdio: 'ignore' });
  const tracer = start(['-o', '/dev/null', '-p', String(sleeper.pid)]);
  const refusal = await attached(tracer);
  tracer.kill('SIGINT');
  // A tracer that lets go just then may lose any signal but this one.
  sleeper.kill('SIGKILL');
  return refusal === undefined ? false : `strace cannot attach here: ${refusal}`;
}

/** Why system calls cannot be traced here, or false. */
export const cannotTrace: string | false = await whyNot();

export interface TraceOptions {
  /** Only this thread of the process: the one with its process id. */
  readonly mainThreadOnly?: boolean;
  /** Arguments of strace that choose calls and inject faults. */
  readonly args: readonly string[];
}

export class Strace {
  readonly #tracer: ChildProcess;
  readonly #output: string;
  readonly #ended: Promise<unknown>;

  private constructor(tracer: ChildProcess, output: string) {
    this.#tracer = tracer;
    this.#output = output;
    this.#ended = once(tracer, 'close');
  }

  /** Attaches to a process; resolves once all its calls are seen. */
  static async attach(context: TestContext, pid: number, options: TraceOptions): Promise<Strace> {
    const folder = mkdtempSync(join(tmpdir(), 'flashstrike-strace-'));
    const output = join(folder, 'calls');
    const threads = options.mainThreadOnly === true ? [] : ['-f'];
    const args = [...threads, '-o', output, ...options.args, '-p', String(pid)];
    const tracer = start(args);
    const strace = new Strace(tracer, output);
    context.after(async () => {
      await strace.detach();
      rmSync(folder, { recursive: true, force: true });
    });
    assert.equal(await attached(tracer), undefined, 'strace attaches');
    return strace;
  }

  /** Injected faults end, the process goes on untraced. */
  async detach(): Promise<void> {
    this.#tracer.kill('SIGINT');
    await this.#ended;
  }

  /**
   * In place of `detach` for a process that was killed in a call that is delayed: of that thread
   * the tracer lets go only when the delay is over, and until then the process has not ended.
   */
  async abandon(): Promise<void> {
    this.#tracer.kill('SIGKILL');
    await this.#ended;
  }

  /** The calls so far, a line each; all of them once the process or the tracer has ended. */
  get calls(): string[] {
    return readFileSync(this.#output, 'utf8').split('\n').filter(Boolean);
  }
}

/** Whether a call, as strace tells it, was made to fail. */
export const isInjected = (call: string): boolean => call.includes('(INJECTED)');

/**
 * `strace` arguments that make call `call` fail with `error`, on `path` only where one is given.
 */
export function failing(
  call: string,
  error: string,
  { path, when = '1+' }: { path?: string; when?: string } = {},
): string[] {
  const only = path === undefined ? [] : ['-P', path];
  return [...only, '-e', `trace=${call}`, '-e', `inject=${call}:error=${error}:when=${when}`];
}

/** Between these is the number of the descriptor by which a log reaches its folder. */
const FOLDER_FDS = { first: 10, last: 50 };

/**
 * `strace` arguments for calls on these files of a log only. Calls by a path name it as the log
 * does, through its folder's descriptor; those by a file's descriptor are told by the path it
 * stands for.
 */
export function onlyFiles(directory: string, names: readonly string[]): string[] {
  const folders = [directory];
  for (let fd = FOLDER_FDS.first; fd <= FOLDER_FDS.last; fd++) folders.push(`/proc/self/fd/${fd}`);
  return folders.flatMap((folder) => names.flatMap((name) => ['-P', `${folder}/${name}`]));
}

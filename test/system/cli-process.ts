// Runs the command line as a user's shell does: a process of its own, its real streams and codes.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { removeFolder } from '../../bench/harness/remove-folder.js';

export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A running command: `finished` resolves when it has ended and all its output was read. */
export class RunningCommand {
  readonly child: ChildProcessWithoutNullStreams;
  readonly finished: Promise<Finished>;
  #stdout: Buffer[] = [];
  #stderr = '';

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv = {}, cwd?: string) {
    const env = { ...process.env, NODE_NO_WARNINGS: '1', ...environment };
    this.child = spawn(process.execPath, [MAIN, ...args], { env, cwd });
    this.child.stdout.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    // A command that ends before it has read everything closes its stdin: not the test's failure.
    this.child.stdin.on('error', () => undefined);
    this.finished = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.#stderr });
      });
    });
  }

  /** What was printed so far. */
  get stdout(): Buffer {
    return Buffer.concat(this.#stdout);
  }
  get stderr(): string {
    return this.#stderr;
  }

  /** Resolves when `isReached`; rejects when the command ends before. */
  async until(isReached: (stdout: Buffer, stderr: string) => boolean): Promise<void> {
    let ended = false;
    const end = this.finished.then(() => {
      ended = true;
    });
    while (!isReached(this.stdout, this.#stderr)) {
      if (ended) throw new Error(`it ended too early: ${this.#stderr}`);
      const more = new Promise((resolve) => {
        this.child.stdout.once('data', resolve);
        this.child.stderr.once('data', resolve);
      });
      await Promise.race([end, more]);
    }
  }
}

/** Runs a command to its end with `input` as its stdin. */
export function flashstrike(
  args: readonly string[],
  input: Uint8Array | string = '',
  environment: NodeJS.ProcessEnv = {},
  cwd?: string,
): Promise<Finished> {
  const command = new RunningCommand(args, environment, cwd);
  command.child.stdin.end(input);
  return command.finished;
}

/** A log appears, or its recorder ends, before that: the limit only ends a test that hangs. */
const LIMIT_MS = 300_000;

/** Resolves once readers find event `eventId` in `log`; rejects where its recorder ends before. */
export async function untilRecorded(
  log: string,
  eventId: number,
  recorder: RunningCommand,
): Promise<void> {
  let complaint = '';
  const deadline = performance.now() + LIMIT_MS;
  while (performance.now() < deadline) {
    // Until there is a log, the follower says so and ends: ask again.
    const follower = new RunningCommand(['replay', log, '--follow', '--to', String(eventId)]);
    const recorderEnds = recorder.finished.then(() => undefined);
    const seen = await Promise.race([follower.finished, recorderEnds]);
    if (seen?.code === 0) return;
    if (seen === undefined) {
      follower.child.kill('SIGKILL');
      throw new Error(`the recorder ended too early: ${recorder.stderr}`);
    }
    complaint = seen.stderr;
  }
  throw new Error(`event ${eventId} did not come: ${complaint}`);
}

/** A folder of the test's own, removed behind it. */
export function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-cli-'));
  context.after(() => removeFolder(folder));
  return folder;
}

// A program of examples/ as a process of its own, as a user would start it.
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** An example that runs; `lines` are those that it has printed so far. */
export class Example {
  readonly lines: string[] = [];
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcessWithoutNullStreams;
  #rest = '';
  #stderr = '';

  constructor(t: TestContext, name: string, args: readonly string[], options: ExampleOptions) {
    const { cwd, nodeArguments = [], env = process.env } = options;
    const program = join(EXAMPLES, `${name}.js`);
    const given = { cwd, env, detached: true };
    this.#child = spawn(process.execPath, [...nodeArguments, program, ...args], given);
    t.after(() => this.#killAll());
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const parts = (this.#rest + text).split('\n');
      this.#rest = parts.pop() ?? '';
      this.lines.push(...parts);
    });
    this.ended = once(this.#child, 'close').then(([code, signal]) => ({
      code,
      signal,
      lines: this.lines,
      stderr: this.#stderr,
    }));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** With what it has started, which is of its group. */
  #killAll(): void {
    const { pid } = this.#child;
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
    }
  }

  /** Resolves with the first line that `isSought`, of those from the `from`th on. */
  async until(isSought: (line: string) => boolean, from = 0): Promise<string> {
    let hasEnded = false;
    const end = this.ended.then(() => {
      hasEnded = true;
    });
    for (;;) {
      const found = this.lines.slice(from).find(isSought);
      if (found !== undefined) return found;
      assert.ok(!hasEnded, `it ended too early: ${this.lines.join('\n')}\n${this.#stderr}`);
      const more = new AbortController();
      const signal = more.signal;
      const printed = once(this.#child.stdout, 'data', { signal }).catch(() => undefined);
      await Promise.race([printed, end]);
      more.abort();
    }
  }

  /** Its lines, once it has ended well. */
  async success(): Promise<readonly string[]> {
    const { code, signal, lines, stderr } = await this.ended;
    assert.deepEqual([code, signal], [0, null], `${lines.join('\n')}\n${stderr}`);
    assert.equal(stderr, '');
    return lines;
  }
}

export interface ExampleOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly nodeArguments?: readonly string[];
}

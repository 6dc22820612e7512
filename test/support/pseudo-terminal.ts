// A command in a terminal of its own, by `script` of util-linux: what it shows is what a person's
// terminal is sent, and keys reach it as a person types them.
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** Why there is no pseudo terminal here, or false. */
export const noTerminal: string | false =
  spawnSync('script', ['--version']).status === 0 && spawnSync('stty', ['--version']).status === 0
    ? false
    : 'there is no `script` or `stty` here (Debian packages bsdutils, coreutils)';

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** How the terminal's line discipline is set: raw while keys are read, else as it was. */
const SETTINGS = 'settings: ';

export class PseudoTerminal {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #pidFile: string;
  readonly #closed: Promise<unknown>;
  #output = '';
  /** It has ended, and all that it sent was read. */
  #isClosed = false;

  /** Runs `flashstrike` with `args`. */
  constructor(
    context: TestContext,
    folder: string,
    args: readonly string[],
    { columns, rows }: TerminalSize,
    environment: NodeJS.ProcessEnv = {},
  ) {
    this.#pidFile = join(folder, 'pid');
    const command = [process.execPath, MAIN, ...args].map(quoted).join(' ');
    // Ctrl-C goes to the shell as well, which has to outlive the command, to tell of it.
    const text =
      `trap : INT; stty cols ${columns} rows ${rows}; sh -c ` +
      `${quoted(`echo $$ > ${quoted(this.#pidFile)}; exec ${command}`)}; code=$?; printf ` +
      `'${SETTINGS}%s\\n' "$(stty -a | tr '\\n' ' ')"; exit $code`;
    const own = { TERM: 'xterm', SHELL: '/bin/sh', NODE_NO_WARNINGS: '1' };
    const env = { ...process.env, ...own, ...environment };
    this.#child = spawn('script', ['-qefc', text, '/dev/null'], { env });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      this.#child.emit('more');
    });
    this.#child.stdin.on('error', () => undefined);
    this.#closed = once(this.#child, 'close').then(() => {
      this.#isClosed = true;
      this.#child.emit('more');
    });
    context.after(() => this.#child.kill('SIGKILL'));
  }

  /** All that the terminal was sent so far. */
  get output(): string {
    return this.#output;
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** Sends a signal to the command itself. */
  signal(name: NodeJS.Signals): void {
    process.kill(Number(readFileSync(this.#pidFile, 'utf8')), name);
  }

  /** Resolves once what was sent matches. */
  async shows(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#output)) {
      assert.ok(!this.#isClosed, `it ended before ${pattern}: ${this.#output}`);
      await once(this.#child, 'more');
    }
  }

  /** The exit code, once it has ended by itself. */
  async ended(): Promise<number | null> {
    await this.#closed;
    return this.#child.exitCode;
  }

  /** Whether the terminal reads lines and echoes them, after the command. */
  get isSane(): boolean {
    const settings = this.#output.split(SETTINGS)[1] ?? '';
    return / icanon /.test(settings) && / echo /.test(settings);
  }
}

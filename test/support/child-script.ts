// A script of a few lines as a process of its own, the way a user would write it: the text is the
// module, the library is imported from its entry, and nothing of the test runner is in it.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const INDEX = new URL('../../src/index.js', import.meta.url).href;

/**
 * What every script begins with. `tell` writes a line at once, with nothing of Node's in between.
 */
const PRELUDE = `
import { writeSync } from 'node:fs';
const [directory, given] = process.argv.slice(1);
const options = JSON.parse(given);
const tell = (text) => writeSync(1, text + '\\n');
const told = () => new Promise((resolve) => {
  process.stdin.ref().once('data', () => { process.stdin.unref(); resolve(); });
});
`;
const IMPORT = `import { defineEvent, Wal, replay } from '${INDEX}';\n`;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Lines that the script told. */
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** A script that hangs is killed: the test then fails by what it says, not by its own hanging. */
const LIMIT_MS = 600_000;

export interface ScriptOptions {
  /** Command and arguments that are to run node: strace, setpriv. */
  readonly under?: readonly string[];
  readonly nodeOptions?: readonly string[];
  /** Without `Wal`: the script imports from `INDEX` itself, when it has patched something. */
  readonly bare?: boolean;
}

export class Script {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';
  /** It has ended, and all that it told was read. */
  #isClosed = false;

  /** @param given is `options` in the script */
  private constructor(text: string, directory: string, given: object, options: ScriptOptions = {}) {
    const { under = [], nodeOptions = [], bare = false } = options;
    const module = bare ? `const INDEX = '${INDEX}';${PRELUDE}${text}` : IMPORT + PRELUDE + text;
    const node = [process.execPath, ...nodeOptions, '--input-type=module', '--eval', module];
    const [command = '', ...args] = [...under, ...node, directory, JSON.stringify(given)];
    this.child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    // A script that ends without reading closes its stdin: not the test's failure.
    this.child.stdin?.on('error', () => undefined);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.child.emit('told');
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      this.#isClosed = true;
      this.child.emit('told');
      return { code, signal, lines: this.lines, stderr: this.#stderr };
    });
  }

  /** A script that ends with the test at the latest. */
  static start(
    context: { after(hook: () => void): void },
    text: string,
    directory: string,
    given: object,
    options?: ScriptOptions,
  ): Script {
    const script = new Script(text, directory, given, options);
    context.after(() => {
      script.child.kill('SIGKILL');
    });
    return script;
  }

  /** Runs a script to its end. */
  static run(
    text: string,
    directory: string,
    given: object,
    options?: ScriptOptions,
  ): Promise<Ended> {
    return new Script(text, directory, given, options).ended;
  }

  get lines(): string[] {
    return this.#stdout.split('\n').slice(0, -1);
  }

  /** Resolves with the rest of the first line that begins with `word`. */
  async tells(word: string): Promise<string> {
    for (;;) {
      const line = this.lines.find((each) => each === word || each.startsWith(`${word} `));
      if (line !== undefined) return line.slice(word.length + 1);
      // Not its exit code: that may be known before its last lines were read.
      const { exitCode, signalCode } = this.child;
      assert.ok(
        !this.#isClosed,
        `the script ended (${exitCode ?? signalCode}) before it told ${word}:\n${this.#stderr}`,
      );
      await once(this.child, 'told');
    }
  }

  /** Ends a pending `await told()`. */
  tell(): void {
    this.child.stdin?.write('go\n');
  }

  /** kill -9; resolves once it is gone. */
  async kill(): Promise<Ended> {
    this.child.kill('SIGKILL');
    return await this.ended;
  }
}

/** Runs a script that must end with 0 and without complaint; returns the lines that it told. */
export async function runSound(
  text: string,
  directory: string,
  given: object,
  options?: ScriptOptions,
): Promise<readonly string[]> {
  const { code, signal, lines, stderr } = await Script.run(text, directory, given, options);
  assert.equal(stderr, '');
  assert.equal(code ?? signal, 0);
  return lines;
}

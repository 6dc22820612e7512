// A program in a file of a project of its own, in which flashstrike is installed, run by node.
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { projectRoot } from '../project-root.js';
import { temporaryFolder } from './log-builder.js';

export interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with flashstrike, and what else is named, in its node_modules. */
export function projectWith(context: TestContext, packages: readonly string[] = []): string {
  const folder = temporaryFolder(context);
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  symlinkSync(projectRoot(), join(modules, 'flashstrike'));
  for (const name of packages) install(folder, name);
  writeFileSync(join(folder, 'package.json'), '{ "name": "program" }');
  return folder;
}

/** Links a package of this project into another one. */
export function install(folder: string, name: string): void {
  const link = join(folder, 'node_modules', name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(join(projectRoot(), 'node_modules', name), link);
}

/** What runs the file, and its options. */
export type Command = readonly [program: string, ...options: string[]];
const NODE: Command = [process.execPath, '--no-warnings'];

export class Program {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';
  #isClosed = false;

  /** Ends with the test at the latest. */
  constructor(
    context: TestContext,
    file: string,
    args: readonly string[],
    { cwd, command = NODE }: { readonly cwd?: string; readonly command?: Command } = {},
  ) {
    const [program, ...options] = command;
    const child = spawn(program, [...options, file, ...args], { cwd });
    this.child = child;
    context.after(() => child.kill('SIGKILL'));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      child.emit('more');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.#isClosed = true;
      child.emit('more');
      return { code: code ?? signal, stdout: this.#stdout, stderr: this.#stderr };
    });
  }

  /** Resolves with what the group of `pattern` matches, once it has printed that. */
  async prints(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#stdout);
      if (found !== null) return found[1] ?? '';
      assert.ok(!this.#isClosed, `it ended before ${pattern}: ${this.#stdout}${this.#stderr}`);
      await once(this.child, 'more');
    }
  }

  /** Resolves with what it printed, once it has ended by itself and without complaint. */
  async output(): Promise<string> {
    const { code, stdout, stderr } = await this.ended;
    assert.deepEqual([code, stderr], [0, '']);
    return stdout;
  }
}

// The parent's end of a process that is killed: what it says, what it tells in a file, its end.
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ChildPlan, TOLD_BYTES } from './child-plan.js';

const CHILD = fileURLToPath(new URL('./recorder-child.js', import.meta.url));
/** A child that neither goes on nor ends is killed: the round fails by what is missing. */
const LIMIT_MS = 300_000;

export class ChildProcess {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #toldPath: string;
  readonly #closed: Promise<unknown>;
  #heard = '';
  #complaint = '';

  /**
   * @param script that is run, with `args`
   * @param toldPath where it tells doubles, `toldBytes` of them; zeros before it does
   */
  constructor(script: string, args: readonly string[], toldPath: string, toldBytes: number) {
    writeFileSync(toldPath, new Uint8Array(toldBytes));
    this.#toldPath = toldPath;
    this.#child = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    this.#child.stdout.on('data', (text: Buffer) => {
      this.#heard += text.toString();
      this.#child.emit('heard');
    });
    this.#child.stderr.on('data', (text: Buffer) => {
      this.#complaint += text.toString();
    });
    this.#closed = once(this.#child, 'close');
    this.#child.once('close', () => this.#child.emit('heard'));
  }

  /** Resolves once the child has said `word`, or has ended. */
  async hears(word: string): Promise<void> {
    while (!this.#lines.includes(word) && !this.hasEnded) await once(this.#child, 'heard');
  }

  /** Resolves once it has appended, and so many events behind that are written, or it has ended. */
  async writes(count: number): Promise<void> {
    let first = 0;
    while (!this.hasEnded) {
      const [appended = 0, written = 0] = this.told;
      if (first === 0) first = appended;
      if (first > 0 && written >= first + count) return;
      await delay(1);
    }
  }

  /** kill -9, and it was alive and content until then. */
  async kill(): Promise<void> {
    const isAlive = !this.hasEnded;
    this.#child.kill('SIGKILL');
    await this.#closed;
    assert.equal(this.#complaint, '', 'the child complained');
    assert.ok(isAlive, `ended before it was killed: ${this.#heard}`);
    assert.equal(this.#child.signalCode, 'SIGKILL', `ended before it was killed: ${this.#heard}`);
  }

  /** Gone, whatever it did. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  /** Resolves, with the error's code, once the log has refused and the child ended by itself. */
  async refusal(): Promise<string> {
    await this.#closed;
    assert.equal(this.#complaint, '', 'the child complained');
    assert.equal(this.#child.exitCode, 0, `ended by ${this.#child.signalCode}: ${this.#heard}`);
    const line = this.#lines.find((each) => each.startsWith('refused '));
    assert.ok(line !== undefined, `nothing was refused: ${this.#heard}`);
    return line.slice('refused '.length);
  }

  /** As the child last told. */
  get told(): Float64Array {
    return new Float64Array(Uint8Array.from(readFileSync(this.#toldPath)).buffer);
  }

  get #lines(): string[] {
    return this.#heard.split('\n');
  }

  /** By itself, or by a kill. */
  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

/** That of recorder-child.ts, which tells ids appended, written and durable. */
export class RecorderProcess extends ChildProcess {
  constructor(directory: string, toldPath: string, plan: ChildPlan) {
    super(CHILD, [directory, toldPath, JSON.stringify(plan)], toldPath, TOLD_BYTES);
  }
}

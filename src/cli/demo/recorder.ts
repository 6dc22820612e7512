// The parent's side of the recording process: starts it, hears how far it is, kills it.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { assert } from '../../errors.js';
import { MESSAGE_FD, MessageReader, type RecorderMessage } from './recorder-message.js';
import type { RecorderSettings } from './recorder-settings.js';

const SCRIPT = fileURLToPath(new URL('./recorder-process.js', import.meta.url));

/** It ended by itself; `message` is what it said on stderr. */
export class RecorderEnded extends Error {
  override readonly name = 'RecorderEnded';
}

export class Recorder {
  readonly #child: ChildProcess;
  readonly #messages = new MessageReader();
  readonly #ended: Promise<void>;
  #hasEnded = false;
  #complaint = '';

  constructor(settings: RecorderSettings) {
    this.#child = spawn(process.execPath, [SCRIPT, JSON.stringify(settings)], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    const pipe = this.#child.stdio[MESSAGE_FD] as Readable | null | undefined;
    assert(pipe !== null && pipe !== undefined, 'the child has a pipe');
    pipe.on('data', (chunk: Buffer) => this.#messages.push(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#complaint += chunk.toString();
    });
    // `close` comes after the pipes were read to their end: no message is missed.
    this.#ended = new Promise<void>((resolve) => {
      this.#child.once('close', () => resolve());
      this.#child.once('error', (error) => {
        this.#complaint += error.message;
        resolve();
      });
    }).then(() => {
      this.#hasEnded = true;
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it told last; undefined before it has opened the log. */
  get last(): RecorderMessage | undefined {
    return this.#messages.last;
  }

  /** @throws RecorderEnded once it is no longer there */
  check(): void {
    if (this.#hasEnded) throw new RecorderEnded(this.#complaint.trim());
  }

  /** SIGKILL; resolves when the process is gone and all it told was read. Idempotent. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

// Where the demo's log lives: a temporary folder, or one that the user names and that must be
// empty, because everything in it is removed at the end.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { WalError } from '../../errors.js';
import { toWalError } from '../report-error.js';

export class DemoFolder {
  readonly path: string;
  readonly #existed: boolean;

  /** @throws WalError where `path` holds something or cannot be made */
  constructor(path: string | undefined) {
    this.#existed = path !== undefined && existsSync(path);
    try {
      this.path = path ?? mkdtempSync(join(tmpdir(), 'flashstrike-demo-'));
      if (this.#existed) this.#refuseContents();
      else if (path !== undefined) make(resolve(path));
    } catch (error) {
      throw toWalError(error, path ?? tmpdir());
    }
  }

  #refuseContents(): void {
    if (readdirSync(this.path).length === 0) return;
    throw new WalError(
      'ERR_FLASHSTRIKE_INVALID_ARGUMENT',
      `${this.path} is not empty; the demo removes its folder at the end, so give it a new one`,
      { path: this.path },
    );
  }

  /** Everything that the demo made; a folder that was there before stays, empty. */
  remove(): void {
    if (!this.#existed) {
      rmSync(this.path, { recursive: true, force: true });
      return;
    }
    for (const name of readdirSync(this.path)) {
      rmSync(join(this.path, name), { recursive: true, force: true });
    }
  }
}

/** One by one: Node's own way to make all of them never ends below /proc, up to Node 24. */
function make(path: string): void {
  const above = dirname(path);
  if (!existsSync(above)) make(above);
  mkdirSync(path);
}

// The folder in which the trials write. However the command ends, but by SIGKILL, it is gone then.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TRIAL_PREFIX } from './facts.js';

export class TrialFolder {
  readonly path: string;
  readonly #remove = (): void => rmSync(this.path, { recursive: true, force: true });

  /** @throws the system's error where nothing can be made there */
  constructor(parent: string) {
    this.path = mkdtempSync(join(parent, TRIAL_PREFIX));
    // A second Ctrl-C ends the process where it stands.
    process.on('exit', this.#remove);
  }

  /** To be called once all that works in it is open: what ends at the exit still finds it. */
  goLast(): void {
    process.removeListener('exit', this.#remove);
    process.on('exit', this.#remove);
  }

  remove(): void {
    process.removeListener('exit', this.#remove);
    this.#remove();
  }
}

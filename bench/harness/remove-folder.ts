// The end of a folder in which a log may still be open: its threads make files of their own accord.
import { rmSync } from 'node:fs';
import { systemCode } from '../../src/errors.js';

/** Removes a folder and all in it; what is made between listing it and removing it goes as well. */
export function removeFolder(path: string): void {
  for (;;) {
    try {
      rmSync(path, { recursive: true, force: true });
      return;
    } catch (error) {
      if (systemCode(error) !== 'ENOTEMPTY') throw error;
    }
  }
}

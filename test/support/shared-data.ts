// Real data, which stands beside the repository and is no part of it.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root.js';

/** Why a test that needs it is skipped. */
export const NO_SHARED_DATA = 'no ../shared/data here';

/** The file of `shared/data` that begins so; undefined where there is none. */
export function sharedData(beginning: string): string | undefined {
  for (const up of ['../', '../../']) {
    const folder = join(projectRoot(), up, 'shared/data');
    const names = existsSync(folder) ? readdirSync(folder) : [];
    const name = names.find((each) => each.startsWith(beginning));
    if (name !== undefined) return join(folder, name);
  }
  return undefined;
}

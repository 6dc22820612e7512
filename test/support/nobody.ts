// Another user, one without any rights, to run scripts as.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const NOBODY_ID = 65534;

/** Command and arguments that run what follows as that user. */
export const NOBODY = [
  'setpriv',
  `--reuid=${NOBODY_ID}`,
  `--regid=${NOBODY_ID}`,
  '--clear-groups',
  '--',
];

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return 'only root may become another user';
  const [command = '', ...args] = NOBODY;
  const read = `require('fs').readFileSync(${JSON.stringify(fileURLToPath(import.meta.url))})`;
  const { status, error, stderr } = spawnSync(command, [...args, process.execPath, '-e', read], {
    encoding: 'utf8',
  });
  return status === 0
    ? false
    : `user ${NOBODY_ID} cannot run this build: ${error?.message ?? stderr}`;
}

/** Why nobody cannot be asked to open a log here, or false. */
export const cannotBeNobody: string | false = whyNot();

// Running the tools that scripts/test-support.mjs tries.
import { spawnSync } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIMIT_MS = 300_000;

export const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const tools = join(project, '.matrix', 'support');
const bin = join(tools, 'node_modules', '.bin');

/** Runs it; everything that it prints, and how it ended. */
export function run(cwd, command, ...args) {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: LIMIT_MS,
    env: {
      ...process.env,
      PATH: `${bin}${delimiter}${process.env.PATH}`,
      NODE_PATH: '',
      CI: 'true',
      YARN_ENABLE_TELEMETRY: '0',
      YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
    },
  });
  return { ended: error?.code ?? status, text: `${stdout ?? ''}${stderr ?? ''}` };
}

export function must(cwd, command, ...args) {
  const { ended, text } = run(cwd, command, ...args);
  if (ended !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${ended}: ${text}`);
  return text;
}

/** Shows what it printed where that is not what was expected. */
export function told(name, ended, text, isExpected) {
  if (!isExpected) console.error(`${name} ended with ${ended}: ${text.slice(0, 3000)}`);
  return isExpected;
}

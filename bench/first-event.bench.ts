// From `npm install` to the first event on disk, as a newcomer waits for it: the packed package in
// an empty project, with what it needs from the registry or from npm's cache, then a program of
// four lines until it says that its event is durable.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { scale, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import type { Sample } from './harness/turns.js';

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = `import { Wal } from 'flashstrike';
const wal = await Wal.open('./log');
await wal.durable(wal.append(Buffer.from('event')));
console.log('durable');
await wal.close();
`;
/** A registry that does not answer is told, not waited for. */
const LIMIT_MS = 120_000;

async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', args, { cwd, timeout: LIMIT_MS });
  return stdout;
}

/** Why nothing can be installed; undefined when it can. */
async function noRegistry(): Promise<string | undefined> {
  try {
    await npm(PACKAGE, 'view', 'koffi', 'version');
    return undefined;
  } catch {
    return 'npm has no registry here';
  }
}

/** Milliseconds until the program in `project` has said that its event is durable. */
async function firstEvent(project: string): Promise<number> {
  const startMs = performance.now();
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const child = spawn(process.execPath, ['first.mjs'], { cwd: project, stdio: [...stdio] });
  const closed = once(child, 'close');
  let text = '';
  let durableMs = Number.NaN;
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (Number.isNaN(durableMs) && text.includes('durable\n')) {
      durableMs = performance.now() - startMs;
    }
  });
  const [code] = await closed;
  if (code !== 0 || Number.isNaN(durableMs)) throw new Error(`first.mjs ended with ${code}`);
  return durableMs;
}

await benchmark('first-event', (run) =>
  withFolder(async (folder) => {
    const missing = await noRegistry();
    const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
    const tarball = missing === undefined ? join(folder, (await npm(PACKAGE, ...pack)).trim()) : '';
    const filled = join(folder, 'cache');
    let projects = 0;

    async function install(...options: readonly string[]): Promise<Sample> {
      const project = join(folder, `project-${++projects}`);
      mkdirSync(project);
      writeFileSync(join(project, 'package.json'), '{ "name": "newcomer", "private": true }\n');
      writeFileSync(join(project, 'first.mjs'), PROGRAM);
      const startMs = performance.now();
      await npm(project, 'install', '--no-audit', '--no-fund', ...options, tarball);
      const installMs = performance.now() - startMs;
      const firstMs = await firstEvent(project);
      const values = { 'npm install': installMs, 'first event': firstMs };
      return { values: { ...values, together: installMs + firstMs } };
    }

    // What fills the cache is no turn of its own. Small runs have the cache of this user.
    const cached = scale < 1 ? ['--prefer-offline'] : ['--offline', '--cache', filled];
    if (missing === undefined && scale >= 1) await install('--cache', filled);
    await run.compare(
      'from `npm install` of the packed package to the first durable event',
      (['npm install', 'first event', 'together'] as const).map((name) => ({ name, unit: 'ms' })),
      [
        {
          name: 'dependencies from the registry',
          missing: missing ?? (scale < 1 ? 'a small run' : undefined),
          run: (round) => install('--cache', join(folder, `empty-${round}`)),
        },
        { name: 'dependencies from npm’s cache', missing, run: () => install(...cached) },
      ],
    );
  }),
);

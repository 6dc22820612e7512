// Uses the packed package under other runtimes, package managers, test runners and bundlers, each
// from the npm registry, and prints a table: what docs/SUPPORT.md says of them. Ends with 1 if one
// of them is not as that page says. Needs the registry, and a build before it.
//
//     npm run test:support              all of them
//     npm run test:support -- pnpm bun  those with a part of their name
//
// Tools stay in .matrix/support/; remove it to get newer ones.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onArm64, onMusl, PROGRAMS } from './support/other-systems.mjs';
import { must, project, run, told, tools } from './support/running.mjs';

const TOOLS = [
  'pnpm@10',
  '@yarnpkg/cli-dist@4',
  'bun@1',
  'deno@2',
  'esbuild@0.28',
  'rollup@4',
  'webpack@5',
  'webpack-cli@6',
  'vitest@3',
  'jest@30',
];
const DURABLE = /^durable 1$/m;
const LEAVE_OUT = /ERR_FLASHSTRIKE_PLATFORM: flashstrike was put into a bundle/;

const USE = `
async function use(folder) {
  const wal = await Wal.open(folder);
  await wal.durable(wal.append(Buffer.from('event')));
  await wal.close();
  return [...replay(folder)].length;
}`;
const MAIN = `${USE}
use('./log').then(
  (events) => console.log('durable ' + events),
  (error) => {
    console.log(error.code + ': ' + error.message);
    process.exitCode = 1;
  },
);`;
const ESM = `import { replay, Wal } from 'flashstrike';${MAIN}`;
const READ = `import { replay, Wal } from 'flashstrike';
console.log('read ' + [...replay('./log')].length);
await Wal.open('./log').catch((error) => console.log(error.code));`;
const FILES = {
  'package.json': JSON.stringify({ name: 'user', private: true }),
  'use.mjs': ESM,
  'use.cjs': `const { replay, Wal } = require('flashstrike');${MAIN}`,
  'read.mjs': READ,
  ...PROGRAMS,
  'in-vitest.test.mjs': `import { expect, test } from 'vitest';
import { replay, Wal } from 'flashstrike';${USE}
test('a log', async () => expect(await use('./log-' + process.pid + '-' + Math.random())).toBe(1));`,
  'in-jest.test.mjs': `import { replay, Wal } from 'flashstrike';${USE}
test('a log', async () => expect(await use('./log-jest')).toBe(1));`,
  'rollup.config.mjs': `export default {
  input: 'use.mjs', external: [/^flashstrike/],
  output: { file: 'out/rollup.mjs', format: 'es' } };`,
  'webpack.config.cjs': `module.exports = {
  mode: 'production', target: 'node', entry: './use.mjs',
  externals: { flashstrike: 'commonjs flashstrike' },
  output: { path: __dirname + '/out', filename: 'webpack.cjs' } };`,
};
const NATIVE = ['*.node', '@node-rs/xxhash', 'koffi', 'lz4-napi'].map(
  (name) => `--external:${name}`,
);

/**
 * Yarn looks up the native packages of all platforms, where others take those of this one. A
 * registry that lacks some of the others makes it stop: these become an empty package.
 */
function installByYarn(folder, tarball) {
  writeFileSync(join(folder, '.yarnrc.yml'), 'nodeLinker: pnp\nenableGlobalCache: false\n');
  writeFileSync(join(folder, 'yarn.lock'), '');
  mkdirSync(join(folder, 'none'));
  writeFileSync(join(folder, 'none', 'package.json'), '{ "name": "none", "version": "1.0.0" }');
  const dependencies = { flashstrike: `file:${tarball}` };
  const resolutions = {};
  for (;;) {
    const manifest = { name: 'user', private: true, dependencies, resolutions };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    const { ended, text } = run(folder, 'yarn', 'install');
    if (ended === 0) return;
    const absent = Array.from(text.matchAll(/YN0082: │ (@?[^@\s]+)@npm:/g), ([, name]) => name);
    const others = absent.filter(
      (name) => !name.includes(`${process.platform}-${process.arch}`) && !(name in resolutions),
    );
    if (others.length === 0) throw new Error(`yarn install ended with ${ended}: ${text}`);
    for (const name of others) resolutions[name] = 'portal:./none';
  }
}

/**
 * What each does in the folder of a project that has the package; true: it is as SUPPORT says. A
 * text: why it was not tried.
 */
const CASES = {
  'npm, ES module': (cwd) => DURABLE.test(must(cwd, 'node', 'use.mjs')),
  'npm, require': (cwd) => DURABLE.test(must(cwd, 'node', '--no-warnings', 'use.cjs')),
  'pnpm, its own node_modules': (_cwd, fresh, tarball) => {
    must(fresh, 'pnpm', 'add', tarball);
    return DURABLE.test(must(fresh, 'node', 'use.mjs'));
  },
  'Linux arm64, emulated: killed, and nothing is lost': (_cwd, fresh, tarball) =>
    onArm64(fresh, tarball),
  'Linux x64, musl: killed, and nothing is lost': (_cwd, fresh, tarball) => onMusl(fresh, tarball),
  'Yarn 4, Plug’n’Play': (_cwd, fresh, tarball) => {
    installByYarn(fresh, tarball);
    return DURABLE.test(must(fresh, 'yarn', 'node', 'use.mjs'));
  },
  Bun: (cwd) => {
    const { ended, text } = run(cwd, 'bun', 'use.mjs');
    return told('bun', ended, text, DURABLE.test(text));
  },
  'Deno, reading': (cwd) => {
    must(cwd, 'node', 'use.mjs');
    const { ended, text } = run(cwd, 'deno', 'run', '-A', '--node-modules-dir=manual', 'read.mjs');
    return told('deno', ended, text, /^read 1\nERR_FLASHSTRIKE_PLATFORM$/m.test(text));
  },
  'vitest, pool of threads': (cwd) => passes(cwd, 'vitest', 'run', '--pool=threads', 'in-vitest'),
  'vitest, pool of forks': (cwd) => passes(cwd, 'vitest', 'run', '--pool=forks', 'in-vitest'),
  'vitest, pool of vmThreads': (cwd) =>
    passes(cwd, 'vitest', 'run', '--pool=vmThreads', 'in-vitest'),
  'Jest, --experimental-vm-modules': (cwd) =>
    passes(
      cwd,
      'node',
      '--experimental-vm-modules',
      join(tools, 'node_modules', 'jest', 'bin', 'jest.js'),
      '--testMatch=**/in-jest.test.mjs',
      '--transform={}',
    ),
  'esbuild, external': (cwd) => {
    const out = ['--bundle', '--platform=node', '--format=esm', '--outfile=out/esbuild.mjs'];
    must(cwd, 'esbuild', 'use.mjs', ...out, '--external:flashstrike');
    return DURABLE.test(must(cwd, 'node', 'out/esbuild.mjs'));
  },
  'esbuild, put into the bundle: it says what to do': (cwd) => {
    const out = ['--bundle', '--platform=node', '--format=esm', '--outfile=out/whole.mjs'];
    must(cwd, 'esbuild', 'use.mjs', ...out, ...NATIVE);
    return LEAVE_OUT.test(run(cwd, 'node', 'out/whole.mjs').text);
  },
  'Rollup, external': (cwd) => {
    must(cwd, 'rollup', '--config', 'rollup.config.mjs', '--silent');
    return DURABLE.test(must(cwd, 'node', 'out/rollup.mjs'));
  },
  'webpack, external': (cwd) => {
    must(cwd, 'webpack', '--config', 'webpack.config.cjs');
    return DURABLE.test(must(cwd, 'node', '--no-warnings', 'out/webpack.cjs'));
  },
};

function passes(cwd, command, ...args) {
  const { ended, text } = run(cwd, command, ...args);
  return told(command, ended, text, ended === 0 && /1 passed/.test(text));
}

const wordOf = (isAsSaid) => (isAsSaid ? 'ok' : 'failed');

function newProject(name) {
  const folder = mkdtempSync(join(tmpdir(), `flashstrike-support-${name}-`));
  for (const [file, text] of Object.entries(FILES)) writeFileSync(join(folder, file), text);
  return folder;
}

function versionOf(name) {
  const path = join(tools, 'node_modules', name, 'package.json');
  return existsSync(path) ? `${name} ${JSON.parse(readFileSync(path, 'utf8')).version}` : '';
}

const wanted = process.argv.slice(2).map((part) => part.toLowerCase());
const names = Object.keys(CASES).filter(
  (name) => wanted.length === 0 || wanted.some((part) => name.toLowerCase().includes(part)),
);
if (names.length === 0) throw new Error(`none of ${Object.keys(CASES).join('; ')}`);

mkdirSync(tools, { recursive: true });
writeFileSync(join(tools, 'package.json'), '{ "name": "support", "private": true }');
// bun, deno and esbuild fetch or link their program when they are installed.
must(tools, 'npm', 'install', '--no-audit', '--no-fund', '--no-save', ...TOOLS);
console.error(TOOLS.map((tool) => versionOf(tool.slice(0, tool.lastIndexOf('@')))).join(', '));

const temporary = [];
try {
  const base = newProject('npm');
  temporary.push(base);
  const packed = must(
    project,
    'npm',
    'pack',
    '--ignore-scripts',
    '--json',
    '--pack-destination',
    base,
  );
  const tarball = join(base, JSON.parse(packed)[0].filename);
  must(base, 'npm', 'install', '--no-audit', '--no-fund', tarball);
  const rows = names.map((name) => {
    const fresh = newProject('fresh');
    temporary.push(fresh);
    console.error(`support: ${name}`);
    rmSync(join(base, 'log'), { recursive: true, force: true });
    try {
      const result = CASES[name](base, fresh, tarball);
      return { what: name, result: typeof result === 'string' ? result : wordOf(result) };
    } catch (error) {
      console.error(error.message.slice(0, 3000));
      return { what: name, result: 'failed' };
    }
  });
  console.table(rows);
  process.exitCode = rows.some(({ result }) => result === 'failed') ? 1 : 0;
} finally {
  for (const folder of temporary) rmSync(folder, { recursive: true, force: true });
}

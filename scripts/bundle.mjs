// Joins the modules of dist/src into few files, because loading a module costs more than running
// it: each thread of a log loaded 80 to 170 of them. Runs after the compiler, which checks the
// types and writes the declarations, and reads the sources anew.
//
// - What the public modules need becomes one file for each of them, in dist/src/chunks. Every
//   module of the library stays where it was and hands on what those files export: whoever imports
//   one, a test for example, gets the same functions and classes as the public modules.
// - Each thread module becomes one file, which holds what that thread runs.
// - The command line becomes a file for each command, beside those of the library.
// - The page of the dashboard becomes one file, with all that it needs.
//
// Nothing is renamed or compressed: stack traces and profiles name functions as they are written.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { bundlePage } from './bundle/page.mjs';

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCE = join(PROJECT, 'src');
const CHUNKS = 'chunks';
/** What is imported from outside, or from cli/: each in a file with what those before lack. */
const LIBRARY = [
  'prometheus',
  'telemetry',
  'opentelemetry',
  'index',
  'replication',
  'nats',
  's3',
  'verification/inspect',
];
const THREAD = /-thread\.ts$/;
/** What is started as a program; all else of cli/ is reached from these. */
const PROGRAMS = ['cli/main.ts', 'cli/demo/recorder-process.ts'];
const SHARED_BY_COMMANDS = {
  name: 'commands',
  test: (id) => inSource(id).startsWith('cli/'),
  minShareCount: 3,
};
/** Stands for dist/src in the text of a module until it is known which file that goes to. */
const ROOT = 'flashstrike-root:';
const ROOTED = new RegExp(`${ROOT}([^'"]*)`, 'g');
const MODULE_URL = /new URL\('(\.[^']*)', import\.meta\.url\)/g;

const inSource = (id) => relative(SOURCE, id);
const withoutEnding = (path) => path.replace(/\.[a-z]+$/, '');
/** The names of inputs say where in dist/src their files go. */
const inputsOf = (paths) =>
  Object.fromEntries(paths.map((path) => [withoutEnding(path), join(SOURCE, path)]));

/** `new URL('./x.js', import.meta.url)` means the same file wherever the module's text goes. */
const sameUrls = {
  name: 'same-urls',
  transform(code, id) {
    if (code.search(MODULE_URL) < 0) return null;
    const rooted = code.replace(MODULE_URL, (_all, path) => {
      const target = inSource(resolve(dirname(id), path));
      return `new URL('${ROOT}${target.replace(/-thread\.js$/, '-thread.cjs')}', import.meta.url)`;
    });
    return { code: rooted, map: null };
  },
  renderChunk(code, { fileName }) {
    if (!code.includes(ROOT)) return null;
    const from = dirname(fileName);
    return {
      code: code.replaceAll(ROOTED, (_all, target) => relative(from, target)),
      map: null,
    };
  },
};

/** Every module of the library that is reached stays to be had by its own path. */
const kept = {
  name: 'kept',
  moduleParsed({ id }) {
    const path = inSource(id);
    if (path.startsWith('..') || path.startsWith('cli/')) return;
    this.emitFile({
      type: 'chunk',
      id,
      fileName: `${withoutEnding(path)}.js`,
      preserveSignature: 'strict',
    });
  },
};

const { dependencies, peerDependencies } = JSON.parse(
  readFileSync(join(PROJECT, 'package.json'), 'utf8'),
);
/** What is there where the package is installed, or where its user has installed it. */
const packages = { ...dependencies, ...peerDependencies };

/** What is there where the package is installed; a helper of the bundler's, for one, is not. */
function isExternal(id) {
  if (id.startsWith('.') || id.startsWith('/')) return false;
  if (id.startsWith('node:') || Object.hasOwn(packages, id)) return true;
  throw new Error(`bundle: ${id} is imported, and is no dependency of the package`);
}

const OUTPUT = { sourcemap: true, keepNames: true };

async function write(input, plugins, output) {
  const build = await rolldown({
    input,
    platform: 'node',
    tsconfig: join(PROJECT, 'tsconfig.json'),
    // Packages stay what they are: native parts are found beside their own modules.
    external: isExternal,
    preserveEntrySignatures: 'strict',
    resolve: { extensionAlias: { '.js': ['.ts'] } },
    // The oldest line of Node that is supported, as for the compiler.
    transform: { target: 'node20.19' },
    plugins,
  });
  await build.write({ ...OUTPUT, ...output });
  await build.close();
}

/** Writes over what the compiler has left in the folder `target`. */
async function bundle(target) {
  const plugins = [sameUrls];
  const groups = LIBRARY.map((name, rank) => ({
    name: basename(name),
    test: (id) => inSource(id) === `${name}.ts`,
    // What several need goes to the first.
    priority: LIBRARY.length - rank,
  }));
  await write(inputsOf([...LIBRARY.map((name) => `${name}.ts`), ...PROGRAMS]), [...plugins, kept], {
    dir: target,
    entryFileNames: '[name].js',
    chunkFileNames: `${CHUNKS}/[name].js`,
    codeSplitting: { groups: [...groups, SHARED_BY_COMMANDS] },
  });
  const threads = readdirSync(SOURCE, { recursive: true }).filter((path) => THREAD.test(path));
  // A thread loads faster from CommonJS: without the loader of ES modules.
  for (const path of threads) {
    const output = { dir: target, entryFileNames: '[name].cjs', format: 'cjs' };
    await write(inputsOf([path]), plugins, output);
    // The compiler's, which nobody loads.
    for (const ending of ['.js', '.js.map']) {
      rmSync(join(target, `${withoutEnding(path)}${ending}`), { force: true });
    }
  }
}

await bundle(join(PROJECT, 'dist', 'src'));
await bundlePage(PROJECT);

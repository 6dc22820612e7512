// The house rules as a check: a folder of src/ imports only from those above it (see
// docs/ARCHITECTURE.md), imports form no circle, nothing is exported that no other file imports,
// and no line is too long. Prints every offending line as `file:line rule`, and ends with 1 if
// there is one.
//
//     node scripts/check-layers.mjs [FOLDER]      the project in FOLDER, by default this one
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { circlesIn } from './check-layers/circles.mjs';
import { deadExports } from './check-layers/dead-exports.mjs';
import { FOR_TESTS } from './check-layers/for-tests.mjs';
import { LONGEST_LINE, longLines } from './check-layers/long-lines.mjs';
import { partsOf } from './check-layers/module-parts.mjs';

/** From the top: what stands on one line may import each other and all that stands above. */
const LAYERS = [
  ['errors', 'units', 'random'],
  ['memory'],
  ['clock'],
  ['region'],
  ['metrics'],
  ['storage'],
  ['segment'],
  ['compression'],
  ['ring'],
  ['telemetry'],
  ['reading'],
  ['judgement'],
  ['observation'],
  ['replay'],
  ['consumers'],
  ['events'],
  ['intake'],
  ['verification'],
  ['recovery'],
  ['recorder/threads'],
  ['recorder/preparer'],
  ['recorder/housekeeping'],
  ['backup'],
  ['recorder/maintainer'],
  ['recorder/writer'],
  ['recorder/application'],
  ['machine'],
  ['salvage'],
  ['restore'],
  ['replication'],
];
const RANKS = new Map(LAYERS.flatMap((names, rank) => names.map((name) => [name, rank])));
const ORDER = LAYERS.map((names) => names.join(', ')).join(' < ');

/** Folders that may touch files without the storage port; all others go through it. */
const FILE_FOLDERS = new Set(['memory', 'region', 'storage', 'cli']);
const FILE_MODULES = new Set(['fs', 'fs/promises']);

/** The command line proves that the public modules suffice; of the inside it shares only these. */
const CLI_FOUNDATION = new Set([
  'errors.ts',
  'units.ts',
  'memory/layout.ts',
  'verification/inspect.ts',
]);
const foundation = [...CLI_FOUNDATION].join(', ');

/**
 * What runs in browsers: the build joins it, and what it needs of these packages, to one file. It
 * has no module of Node.
 */
const PAGE = 'cli/dashboard/page/';
const PAGE_ENTRY = `${PAGE}main.ts`;
const PAGE_PACKAGES = new Set(['uplot']);
const isOfPage = (path) => path.startsWith(PAGE);

/** What is written by hand. */
const SOURCE_FOLDERS = ['src', 'test', 'bench', 'examples', 'scripts'];

/** Files that only tests use: they may import anything, and no other file may import them. */
const TEST_FILE = /\.(test|bench|conformance)\.ts$|^fake-[^/]*\.ts$/;
const TEST_ENTRY = /\.(test|bench)\.ts$/;
const isTestFile = (path) => TEST_FILE.test(basename(path));

/** `dist/src/cli/main.js` or its `.d.ts` is compiled from `cli/main.ts`. */
function entrySource(target) {
  const match = /^(?:\.\/)?dist\/src\/(.*?)(?:\.d\.ts|\.js)$/.exec(target);
  return match === null ? undefined : `${match[1]}.ts`;
}

function entriesOf(manifest) {
  const targets = [];
  const collect = (value) => {
    if (typeof value === 'string') targets.push(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect);
  };
  collect(manifest.exports);
  const modules = new Set(targets.map(entrySource).filter((source) => source !== undefined));
  collect(manifest.bin);
  const all = new Set(targets.map(entrySource).filter((source) => source !== undefined));
  return { modules, all };
}

/** Without what somebody else wrote: bench/peers/ has packages of its own. */
const filesIn = (folder) =>
  readdirSync(folder, { recursive: true }).filter((path) => !path.includes('node_modules'));

const sourcesIn = (folder) =>
  filesIn(folder)
    .filter((path) => path.endsWith('.ts'))
    .sort();

/**
 * What breaks the layers in the project in `root`, a line each, and the number of files.
 * @param forTests `path#name` of what may be exported for tests alone, by reasons
 */
export function check(root, forTests = {}) {
  const source = join(root, 'src');
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const packages = new Set(
    ['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap((kind) =>
      Object.keys(manifest[kind] ?? {}),
    ),
  );
  const entries = entriesOf(manifest);
  const paths = sourcesIn(source);
  if (paths.includes(PAGE_ENTRY)) entries.all.add(PAGE_ENTRY);

  const problems = [];
  const report = (path, line, rule) => problems.push(`src/${path}:${line} ${rule}`);
  const modules = new Map(paths.map((path) => [path, { uses: [], exports: [] }]));

  for (const path of paths) {
    const from = placeOf(path, entries.modules);
    if (from === undefined) {
      report(path, 1, `stands in no layer; the layers are ${ORDER} < index < cli`);
      continue;
    }
    const parts = partsOf(readFileSync(join(source, path), 'utf8'));
    modules.get(path).exports = parts.exports;
    for (const { specifier, line, names } of parts.imports) {
      const complain = (rule) => report(path, line, `imports ${specifier}: ${rule}`);
      if (specifier.startsWith('.')) {
        const target = relative(source, resolve(source, dirname(path), specifier));
        const module = target.replace(/\.js$/, '.ts');
        if (target.startsWith('..')) {
          // The version is read from package.json; nothing else outside of src/ is published.
          if (target !== '../package.json' && !isTestFile(path)) complain('it is not in src/');
        } else if (!modules.has(module)) {
          complain('there is no such file');
        } else {
          modules.get(path).uses.push({ module, line, names });
          if (isOfPage(module) && !isOfPage(path)) complain('it runs in browsers');
          if (!isTestFile(path))
            checkLayer(from, placeOf(module, entries.modules), module, complain);
        }
      } else if (isOfPage(path)) {
        if (!PAGE_PACKAGES.has(specifier)) complain('the page has no such package');
      } else if (!isTestFile(path)) {
        checkPackage(from, specifier, packages, manifest.name, complain);
      }
    }
  }

  const graph = new Map(
    [...modules].map(([path, { uses }]) => [path, uses.map(({ module }) => module)]),
  );
  const testFolders = ['test', 'bench'].flatMap((folder) => usedFrom(root, folder));
  checkReach(paths, graph, entries.all, testFolders, report);
  checkCircles(modules, graph, report);
  checkExports(modules, entries.modules, forTests, report);
  problems.push(...tooLong(root));
  return { problems, files: paths.length };
}

/** A circle of imports, of types as well, has no order in which its files could be read. */
function checkCircles(modules, graph, report) {
  for (const circle of circlesIn(graph)) {
    const [path, next] = circle;
    const { line } = modules.get(path).uses.find(({ module }) => module === next);
    report(path, line, `is in a circle: ${circle.join(' > ')}`);
  }
}

/** What only a file and its tests use is not exported: it would look like a part of the house. */
function checkExports(modules, entryModules, forTests, report) {
  const allowed = new Set(Object.values(forTests).flat());
  const isExempt = (path) => isTestFile(path) || entryModules.has(path);
  for (const { path, line, name } of deadExports(modules, (user) => !isTestFile(user), isExempt)) {
    if (allowed.delete(`${path}#${name}`)) continue;
    report(path, line, `exports ${name}, which no other file of src/ but tests imports`);
  }
  for (const entry of allowed) {
    const [path = '', name] = entry.split('#');
    report(path, 1, `needs no exception for ${name} any more`);
  }
}

/** The lines of the whole project that are too long, those of scripts and tests included. */
function tooLong(root) {
  return SOURCE_FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) =>
    filesIn(join(root, folder))
      .filter((path) => /\.(ts|mjs)$/.test(path))
      .sort()
      .flatMap((path) =>
        longLines(readFileSync(join(root, folder, path), 'utf8')).map(
          ({ line, characters }) =>
            `${folder}/${path}:${line} has ${characters} characters; ${LONGEST_LINE} fit`,
        ),
      ),
  );
}

/** The layer of a file: a name of LAYERS, `index`, `cli`, or undefined for none. */
function placeOf(path, entryModules) {
  if (path.includes('/')) {
    const [top, inner] = path.split('/');
    return [top, `${top}/${inner}`].find((folder) => folder === 'cli' || RANKS.has(folder));
  }
  const name = path.replace(/(\.test|\.bench)?\.ts$/, '');
  if (LAYERS[0].includes(name)) return name;
  return entryModules.has(`${name}.ts`) || name === 'index' ? 'index' : undefined;
}

function checkLayer(from, to, module, complain) {
  if (isTestFile(module)) {
    complain('only tests may');
  } else if (from === 'cli') {
    if (to !== 'cli' && to !== 'index' && !CLI_FOUNDATION.has(module)) {
      complain(`cli imports its own folder, the public modules and ${foundation}`);
    }
  } else if (to === 'cli') {
    complain('nothing imports cli');
  } else if (from === 'index') {
    return;
  } else if (to === 'index') {
    complain(`only cli imports the public modules`);
  } else if ((RANKS.get(to) ?? 0) > RANKS.get(from)) {
    complain(`${from} stands above ${to} (${ORDER})`);
  }
}

function checkPackage(from, specifier, packages, self, complain) {
  if (isBuiltin(specifier)) {
    if (from === 'segment') {
      complain('segment is pure: no module of node');
    } else if (FILE_MODULES.has(specifier.replace(/^node:/, '')) && !FILE_FOLDERS.has(from)) {
      complain(
        `files are touched through the storage port (except in ${[...FILE_FOLDERS].join(', ')})`,
      );
    }
    return;
  }
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (name === self) {
    // The version is read from package.json, which a package may name as its own.
    if (from !== 'cli' && specifier !== `${self}/package.json`)
      complain('inside of src/ files are imported by their path');
  } else if (!packages.has(name)) {
    complain('it is not among the dependencies of package.json');
  }
}

/** The modules of src/ that the files of another folder of the project name. */
function usedFrom(root, folder) {
  const top = join(root, folder);
  if (!existsSync(top)) return [];
  return sourcesIn(top).flatMap((path) =>
    partsOf(readFileSync(join(top, path), 'utf8'))
      .imports.filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier }) => resolve(top, dirname(path), specifier).replace(/\.js$/, '.ts'))
      .map((module) => relative(join(root, 'src'), module)),
  );
}

/** A file that no entry point leads to is dead; one that only tests need must be named so. */
function checkReach(paths, graph, entries, testFolders, report) {
  for (const entry of entries) {
    if (!graph.has(entry)) report(entry, 1, 'is named by package.json, but there is no such file');
  }
  const reach = (starts) => {
    const reached = new Set();
    const pending = starts.filter((path) => graph.has(path));
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      if (reached.has(path)) continue;
      reached.add(path);
      pending.push(...graph.get(path));
    }
    return reached;
  };
  const shipped = reach([...entries]);
  const tested = reach([...paths.filter((path) => TEST_ENTRY.test(path)), ...testFolders]);
  for (const path of paths) {
    if (shipped.has(path) || TEST_ENTRY.test(path)) continue;
    if (!isTestFile(path)) {
      const names = 'x.conformance.ts and fake-x.ts are for tests';
      report(path, 1, `is reached from no entry point of package.json (${names})`);
    } else if (!tested.has(path)) {
      report(path, 1, 'is reached from no test');
    }
  }
}

function main(argument) {
  const root = resolve(argument ?? dirname(dirname(fileURLToPath(import.meta.url))));
  if (!existsSync(join(root, 'src'))) {
    console.error(`check-layers: there is no src/ in ${root}`);
    return 2;
  }
  const { problems, files } = check(root, argument === undefined ? FOR_TESTS : {});
  if (problems.length === 0) {
    console.log(`check-layers: ${files} files keep to their layers`);
    return 0;
  }
  for (const problem of problems) console.error(problem);
  console.error(`check-layers: ${problems.length} violation${problems.length === 1 ? '' : 's'}`);
  return 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv[2]);

// Breaks the product on purpose, one rule at a time, and shows that a test notices each: a test
// that cannot fail proves nothing. Ends with 1 when a mutant survives.
//
//     npm run test:mutations              all of them
//     npm run test:mutations -- salt      those with "salt" in their name
//
// Works on a copy of dist/, which must be built; the tree is not touched. A mutant counts as
// noticed when a test fails by an assertion or by an error of the product, not when it cannot be
// loaded, runs into a wrong name or hangs.
import { setMaxListeners } from 'node:events';
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { bundle } from './bundle.mjs';
import { MUTATIONS } from './mutations.mjs';

/** So long may one file of tests run with a mutant in it. */
const FILE_TIMEOUT_MS = 30 * 60_000;
/** Errors that say that the mutant is not a program, rather than that it does wrong. */
const BROKEN = new Set(['SyntaxError', 'ReferenceError', 'TypeError']);

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const { config } = ts.readConfigFile(join(project, 'tsconfig.json'), ts.sys.readFile);
/** All are ES modules; package.json, which says so, is not read for a single one. */
const AS_MODULE = {
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  sourceMap: false,
};
const { options: compilerOptions } = ts.convertCompilerOptionsFromJson(
  config.compilerOptions,
  project,
);

/** A project in which dist/ is a copy, and all else is the real one. */
function copyProject() {
  const copy = mkdtempSync(join(tmpdir(), 'flashstrike-mutation-'));
  // Some tests run as another user, who is to read it too.
  chmodSync(copy, 0o755);
  for (const name of readdirSync(project)) {
    if (name === 'dist') cpSync(join(project, name), join(copy, name), { recursive: true });
    else if (!name.startsWith('.')) symlinkSync(join(project, name), join(copy, name));
  }
  return copy;
}

const builtPath = (root, source) => join(root, 'dist', source.replace(/\.ts$/, '.js'));

/** The mutated module, and as JavaScript; the place must be found exactly once. */
function compile({ name, file, find, replace }) {
  const source = readFileSync(join(project, file), 'utf8');
  const places = source.split(find).length - 1;
  if (places !== 1)
    throw new Error(`${name}: found ${places} times in ${file}, not once:\n${find}`);
  const mutated = source.replace(find, () => replace);
  const { outputText, diagnostics = [] } = ts.transpileModule(mutated, {
    compilerOptions: { ...compilerOptions, ...AS_MODULE },
    fileName: join(project, file),
    reportDiagnostics: true,
  });
  if (diagnostics.length > 0) throw new Error(`${name}: the mutant of ${file} does not parse`);
  return { mutated, outputText };
}

/** What a test says that runs threads, processes, or the package as users have it. */
const RUNS_THE_WHOLE = /\bWal\.open|Script|Worker\b|child_process/;

/**
 * Whether a test of the mutation may run the files into which modules are joined: a second each
 * time. A unit test loads modules; where this is wrong, a mutant goes unnoticed, which is told.
 */
const isJoined = ({ file, tests }) =>
  file.startsWith('src/') &&
  tests.some(
    (test) =>
      test.startsWith('test/') || RUNS_THE_WHOLE.test(readFileSync(join(project, test), 'utf8')),
  );

/** Builds the mutant into the copy: as the module that it is, and into the files that hold it. */
async function plant(root, mutation) {
  const { mutated, outputText } = compile(mutation);
  writeFileSync(builtPath(root, mutation.file), outputText);
  if (!isJoined(mutation)) return;
  await bundle(join(root, 'dist', 'src'), { [mutation.file.slice('src/'.length)]: mutated });
}

/** Takes it out again: what was not joined went into no other file. */
function restore(root, mutation) {
  const path = isJoined(mutation)
    ? join('dist', 'src')
    : relative(project, builtPath(project, mutation.file));
  cpSync(join(project, path), join(root, path), { recursive: true, force: true });
}

/** Why a failed test failed; undefined for one that only holds others that did. */
function failureOf({ name, details }) {
  const { failureType, cause } = details.error;
  if (failureType === 'subtestsFailed') return undefined;
  const isError = cause !== null && typeof cause === 'object';
  const fair = failureType === 'testCodeFailure' && isError && !BROKEN.has(cause.name);
  return { name, fair, failureType, cause };
}

/** Runs tests of the copy, up to the first that fails in a fair way. */
function runTests(root, sources) {
  const stop = new AbortController();
  // One listener a file, and then one a test.
  setMaxListeners(0, stop.signal);
  const failures = [];
  let passed = 0;
  const stream = run({
    files: sources.map((source) => builtPath(root, source)),
    concurrency: Math.min(2, availableParallelism()),
    timeout: FILE_TIMEOUT_MS,
    signal: stop.signal,
  });
  return new Promise((resolve, reject) => {
    const end = () => resolve({ failures, passed });
    stream.on('test:pass', ({ skip }) => {
      if (skip === undefined) passed++;
    });
    stream.on('test:fail', (event) => {
      const failure = failureOf(event);
      if (failure === undefined || stop.signal.aborted) return;
      failures.push(failure);
      if (!failure.fair) return;
      end();
      stop.abort();
    });
    stream.on('error', reject);
    stream.on('end', end);
    stream.resume();
  });
}

const describe = ({ name, failureType, cause }) =>
  `${name}: ${failureType}, ${cause?.message?.split('\n')[0] ?? cause}`;

async function tryMutant(root, mutation) {
  await plant(root, mutation);
  try {
    const { failures } = await runTests(root, mutation.tests);
    return { noticedBy: failures.find(({ fair }) => fair)?.name, failures };
  } finally {
    restore(root, mutation);
  }
}

async function main(filters) {
  const chosen = MUTATIONS.filter(
    ({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)),
  );
  if (chosen.length === 0) throw new Error(`no mutation has ${filters.join(' or ')} in its name`);
  // All of them first: a place that is not found any more must not be told after minutes.
  for (const mutation of chosen) compile(mutation);
  const root = copyProject();
  try {
    const tests = [...new Set(chosen.flatMap((mutation) => mutation.tests))];
    const { failures, passed } = await runTests(root, tests);
    if (failures.length > 0 || passed === 0) {
      console.error(`mutations: without a mutant ${passed} tests passed, and these did not:`);
      for (const failure of failures) console.error(`  ${describe(failure)}`);
      return 1;
    }
    console.log(`mutations: ${passed} tests of ${tests.length} files pass without a mutant`);
    const survivors = [];
    for (const mutation of chosen) {
      const { noticedBy, failures: told } = await tryMutant(root, mutation);
      console.log(`${mutation.name.padEnd(52)} ${noticedBy ?? 'SURVIVES'}`);
      if (noticedBy !== undefined) continue;
      survivors.push(mutation.name);
      for (const failure of told) console.log(`  ${describe(failure)}`);
    }
    console.log(`mutations: ${chosen.length - survivors.length} of ${chosen.length} noticed`);
    return survivors.length === 0 ? 0 : 1;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));

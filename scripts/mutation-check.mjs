// Breaks the product on purpose, one rule at a time, and shows that a test notices each: a test
// that cannot fail proves nothing. Ends with 1 when a mutant survives.
//
//     npm run test:mutations              all of them
//     npm run test:mutations -- salt      those with "salt" in their name
//     npm run test:mutations -- --tested  without running the tests first as they are
//
// Works on copies of the tree, which is not touched. A mutant counts as noticed when a test fails
// by an assertion or by an error of the product, not when it cannot be loaded, runs into a wrong
// name or hangs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { MUTATIONS } from './mutations.mjs';

/** So long may one file of tests run; with a mutant in it, it should fail long before. */
const FILE_TIMEOUT_MS = 30 * 60_000;
const MUTANT_TIMEOUT_MS = 5 * 60_000;
/** Threads and kills meet by chance: a test may need more than one try to see what is broken. */
const TRIES = 3;
/** Mutants that are tried at once. */
const LANES = Math.min(2, availableParallelism());

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const REPORTER = new URL('mutation-reporter.mjs', import.meta.url).href;
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

/** @returns the JavaScript of a module; throws when `text` is no module */
function transpile(file, text) {
  const { outputText, diagnostics = [] } = ts.transpileModule(text, {
    compilerOptions: { ...compilerOptions, ...AS_MODULE },
    fileName: join(project, file),
    reportDiagnostics: true,
  });
  if (diagnostics.length > 0) throw new Error(`${file} does not parse`);
  return outputText;
}

const builtPath = (root, source) => join(root, 'dist', source.replace(/\.ts$/, '.js'));

function build(root, source, text) {
  const path = builtPath(root, source);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, transpile(source, text));
}

const readSource = (source) => readFileSync(join(project, source), 'utf8');

/**
 * A project in which dist/ has each module in a file of its own, so that whoever reaches a mutated
 * one runs the mutant, and in which all else is the real one.
 */
function copyProject() {
  const copy = mkdtempSync(join(tmpdir(), 'flashstrike-mutation-'));
  // Some tests run as another user, who is to read it too.
  chmodSync(copy, 0o755);
  for (const name of readdirSync(project)) {
    if (name !== 'dist' && !name.startsWith('.'))
      symlinkSync(join(project, name), join(copy, name));
  }
  const { fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, project);
  for (const path of fileNames) {
    const source = relative(project, path);
    build(copy, source, readSource(source));
  }
  // A command that others start is called by its name.
  chmodSync(builtPath(copy, 'src/cli/main.ts'), 0o755);
  return copy;
}

/** The mutated text; the place must be found exactly once. */
function mutate({ name, file, find, replace }) {
  const source = readSource(file);
  const places = source.split(find).length - 1;
  if (places !== 1)
    throw new Error(`${name}: found ${places} times in ${file}, not once:\n${find}`);
  return source.replace(find, () => replace);
}

/**
 * Runs a file of tests in a process of its own, up to the first test that fails in a fair way. Not
 * by `run` of node:test, which in Node 20 loops for ever when it stops a process in mid-message.
 */
async function runFile(root, source, timeoutMs) {
  const reporter = ['--test-reporter', REPORTER, '--test-reporter-destination', 'stdout'];
  const child = spawn(process.execPath, [...reporter, builtPath(root, source)], {
    cwd: project,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    // A group of its own, which ends with all that the tests have started.
    detached: true,
  });
  let isLate = false;
  const end = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  };
  const timer = setTimeout(() => {
    isLate = true;
    end();
  }, timeoutMs);
  const exit = once(child, 'exit');
  let passed = 0;
  const failures = [];
  for await (const line of createInterface({ input: child.stdio[3] })) {
    const told = JSON.parse(line);
    if (told.passed === true) passed++;
    else failures.push(told);
    if (told.fair === true) break;
  }
  if (failures.some(({ fair }) => fair)) end();
  const [code, signal] = await exit;
  clearTimeout(timer);
  end();
  if (failures.length === 0 && code !== 0) {
    const why = isLate ? `no end within ${timeoutMs / 1000} s` : `ended by ${signal ?? code}`;
    failures.push({ failed: `${source}: ${why}`, fair: false, name: source });
  }
  return { failures, passed };
}

async function tryMutant(root, mutation) {
  build(root, mutation.file, mutate(mutation));
  const failures = [];
  try {
    for (let tries = 1; tries <= TRIES; tries++) {
      for (const test of mutation.tests) {
        failures.push(...(await runFile(root, test, MUTANT_TIMEOUT_MS)).failures);
        const noticedBy = failures.find(({ fair }) => fair)?.name;
        if (noticedBy !== undefined) return { noticedBy, tries, failures };
      }
    }
    return { failures };
  } finally {
    build(root, mutation.file, readSource(mutation.file));
  }
}

/** One mutant after the other in each copy; no file of tests runs in two copies at once. */
async function tryAll(copies, mutations) {
  const waiting = [...mutations];
  const busy = new Set();
  const survivors = [];
  const takeNext = () => {
    const index = waiting.findIndex(({ tests }) => tests.every((test) => !busy.has(test)));
    return index < 0 ? undefined : waiting.splice(index, 1)[0];
  };
  async function work(root) {
    while (waiting.length > 0) {
      const mutation = takeNext();
      if (mutation === undefined) {
        await delay(100);
        continue;
      }
      for (const test of mutation.tests) busy.add(test);
      const startedMs = Date.now();
      const { noticedBy, tries, failures } = await tryMutant(root, mutation);
      for (const test of mutation.tests) busy.delete(test);
      const seconds = `${((Date.now() - startedMs) / 1000).toFixed(0)} s`;
      console.log(`${mutation.name.padEnd(52)} ${seconds.padStart(5)} ${noticedBy ?? 'SURVIVES'}`);
      if (tries > 1) console.log(`  only at try ${tries}: its test does not notice it for sure`);
      if (noticedBy !== undefined) continue;
      survivors.push(mutation.name);
      for (const { failed } of failures) console.log(`  ${failed}`);
    }
  }
  await Promise.all(copies.map(work));
  return survivors;
}

/** @returns whether the tests of the mutations pass without any */
async function passWithout(copies, mutations) {
  const tests = [...new Set(mutations.flatMap((mutation) => mutation.tests))];
  const waiting = [...tests];
  let passed = 0;
  const failures = [];
  async function work(root) {
    for (let test = waiting.shift(); test !== undefined; test = waiting.shift()) {
      const result = await runFile(root, test, FILE_TIMEOUT_MS);
      passed += result.passed;
      failures.push(...result.failures);
    }
  }
  await Promise.all(copies.map(work));
  if (failures.length === 0 && passed > 0) {
    console.log(`mutations: ${passed} tests of ${tests.length} files pass without a mutant`);
    return true;
  }
  console.error(`mutations: without a mutant ${passed} tests passed, and these did not:`);
  for (const { failed } of failures) console.error(`  ${failed}`);
  return false;
}

async function main(filters, isTested) {
  const chosen = MUTATIONS.filter(
    ({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)),
  );
  if (chosen.length === 0) throw new Error(`no mutation has ${filters.join(' or ')} in its name`);
  // All of them first: a place that is not found any more must not be told after minutes.
  for (const mutation of chosen) transpile(mutation.file, mutate(mutation));
  const copies = Array.from({ length: Math.min(LANES, chosen.length) }, copyProject);
  try {
    if (!isTested && !(await passWithout(copies, chosen))) return 1;
    const survivors = await tryAll(copies, chosen);
    console.log(`mutations: ${chosen.length - survivors.length} of ${chosen.length} noticed`);
    for (const name of survivors) console.log(`mutations: nobody noticed "${name}"`);
    return survivors.length === 0 ? 0 : 1;
  } finally {
    for (const copy of copies) rmSync(copy, { recursive: true, force: true });
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tested: { type: 'boolean', default: false } },
});
process.exitCode = await main(positionals, values.tested);

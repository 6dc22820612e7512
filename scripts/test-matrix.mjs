// Runs the built tests under every supported version of Node, each from the npm package that holds
// its binary, and the one that runs this script. Ends with 1 if any of them fails.
//
//     npm run test:matrix               everything
//     npm run test:matrix -- --quick    only the tests beside the code, not the crashes and faults
//     npm run test:matrix -- --line 24  one version, not all of them
//     npm run test:matrix -- segment    other arguments go to scripts/test.mjs
//
// Binaries and the output of each run stay in .matrix/; remove it to get newer binaries.
import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The oldest of engines in package.json, and the lines that are maintained. */
const ALL_LINES = ['20.19', '22', '24', '26'];

const { values: asked, positionals: filters } = parseArgs({
  options: { quick: { type: 'boolean' }, line: { type: 'string', multiple: true } },
  allowPositionals: true,
});
if (asked.quick) filters.push(`src${sep}`);
const unknown = asked.line?.find((line) => !ALL_LINES.includes(line));
if (unknown !== undefined) throw new Error(`${unknown} is none of ${ALL_LINES.join(', ')}`);
const LINES = asked.line ?? ALL_LINES;

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(project, '.matrix');
const binaryOf = (line) => join(folder, 'node_modules', `node-${line}`, 'bin', 'node');

function install() {
  const missing = LINES.filter((line) => !existsSync(binaryOf(line)));
  if (missing.length === 0) return;
  console.error(`matrix: getting node ${missing.join(', ')}`);
  const source = `node-${process.platform}-${process.arch}`;
  const packages = LINES.map((line) => `node-${line}@npm:${source}@${line}`);
  const npm = spawnSync(
    'npm',
    ['install', '--prefix', folder, '--no-audit', '--no-fund', '--no-bin-links', ...packages],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (npm.error) throw npm.error;
  if (npm.status !== 0) throw new Error(`npm could not install ${packages.join(' ')}`);
}

/** Runs scripts/test.mjs under one binary; its output goes to a file. */
function runTests(binary, log, filters) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, [join(project, 'scripts', 'test.mjs'), ...filters], {
      // Tests that start `node` by name get the same one.
      env: { ...process.env, PATH: `${dirname(binary)}${delimiter}${process.env.PATH}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = createWriteStream(log);
    child.stdout.pipe(output, { end: false });
    child.stderr.pipe(output, { end: false });
    child.on('error', reject);
    child.on('close', (status) => output.end(() => resolve(status ?? 1)));
  });
}

/** The runner's closing lines, `ℹ pass 12` and the like, as numbers. */
function closingLines(text) {
  const counts = { tests: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0, duration_ms: 0 };
  for (const [, name, value] of text.matchAll(/^ℹ (\w+) ([\d.]+)$/gm)) {
    if (name in counts) counts[name] = Number(value);
  }
  return counts;
}

mkdirSync(folder, { recursive: true });
install();
const own = asked.line === undefined ? [process.execPath] : [];
const binaries = [...new Set([...LINES.map(binaryOf), ...own])];
const rows = [];
for (const binary of binaries) {
  const version = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const log = join(folder, `${version}.log`);
  console.error(`matrix: ${version}, output in ${log}`);
  const status = await runTests(binary, log, filters);
  const text = readFileSync(log, 'utf8');
  const { tests, pass, fail, cancelled, skipped, duration_ms } = closingLines(text);
  // A run that ended well without having passed a test proves nothing.
  const sound = status === 0 && pass > 0;
  rows.push({
    node: version,
    tests,
    pass,
    fail: fail + cancelled,
    skipped,
    seconds: Math.round(duration_ms / 1000),
    result: sound ? 'ok' : `failed (${status})`,
  });
  if (!sound) {
    const at = text.lastIndexOf('✖ failing tests:');
    console.error(at < 0 ? text.slice(-4000) : text.slice(at));
  }
}
console.table(rows);
process.exitCode = rows.every(({ result }) => result === 'ok') ? 0 : 1;

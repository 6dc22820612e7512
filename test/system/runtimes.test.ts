// Node with parts switched off, and modules in a context of their own: it works, or one sentence
// says what to do.
import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Wal } from '../../src/index.js';
import { assertRuntime } from '../../src/memory/libc.js';
import { Script } from '../support/child-script.js';
import { temporaryFolder } from './cli-process.js';

const NODE_MAJOR = Number(process.versions.node.split('.', 1)[0]);
const EVENTS = 200;

async function logOf(context: TestContext): Promise<string> {
  const directory = temporaryFolder(context);
  const wal = await Wal.open(directory, { sharedMemory: 'off', segmentBytes: 65_536 });
  for (let event = 0; event < EVENTS; event++) wal.append(Buffer.alloc(500));
  await wal.close();
  return directory;
}

/** Tells for each call how it ended: its result, or code and message. */
const CALLS = `
const { verify } = await import(INDEX);
async function attempt(name, call) {
  try {
    tell(name + ' ' + (await call()));
  } catch (error) {
    tell(name + ' ' + error.name + ' ' + error.code + ' ' + error.message);
  }
}
const { Wal, replay } = await import(INDEX);
await attempt('replay', () => [...replay(directory)].length);
await attempt('verify', async () => (await verify(directory)).verdict);
await attempt('open', async () => (await Wal.open(directory)).close());
`;

async function callsUnder(context: TestContext, nodeOptions: readonly string[]): Promise<string[]> {
  const directory = await logOf(context);
  const options = { nodeOptions: [...nodeOptions, '--no-warnings'], bare: true };
  const { code, stderr, lines } = await Script.run(CALLS, directory, {}, options);
  assert.equal(code, 0, stderr);
  return [...lines];
}

const PERMITTED = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*'];
const noPermissions = NODE_MAJOR < 22 ? 'the option has another name before Node 22' : false;

// The process dies when a thread is terminated while koffi loads in it: nothing may load it
// unasked.
test('importing loads no native library; only what needs one does', async (context) => {
  const directory = await logOf(context);
  const script = `
    const natives = () =>
      process.report.getReport().sharedObjects.filter((path) => path.endsWith('.node')).length;
    const { replay } = await import(INDEX);
    await import(new URL('telemetry.js', INDEX));
    await import(new URL('prometheus.js', INDEX));
    tell(String(natives()));
    for (const event of replay(directory)) break;
    tell(String(natives() > 0));
  `;
  const { lines, stderr } = await Script.run(script, directory, {}, { bare: true });
  assert.equal(stderr, '');
  assert.deepEqual(lines, ['0', 'true']);
});

describe('Node', () => {
  test('without addons: importing works, and each call says what is missing', async (context) => {
    const lines = await callsUnder(context, ['--no-addons']);
    assert.equal(lines.length, 3);
    for (const line of lines) {
      assert.match(
        line,
        /WalError ERR_FLASHSTRIKE_PLATFORM .*@node-rs\/xxhash.*without --no-addons/,
      );
    }
  });

  test('with all permissions: works', { skip: noPermissions }, async (context) => {
    const lines = await callsUnder(context, [...PERMITTED, '--allow-worker', '--allow-addons']);
    assert.deepEqual(lines.slice(0, 2), [`replay ${EVENTS}`, 'verify clean']);
    assert.equal(lines[2], 'open undefined');
  });

  test('without the permission of threads: reads, and the open says which', {
    skip: noPermissions,
  }, async (context) => {
    const lines = await callsUnder(context, [...PERMITTED, '--allow-addons']);
    assert.equal(lines[0], `replay ${EVENTS}`);
    assert.match(lines[2] ?? '', /^open WalError ERR_FLASHSTRIKE_PLATFORM .*--allow-worker/);
  });

  test('without the permission to read: says which', { skip: noPermissions }, async (context) => {
    // All that this needs but the log itself.
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    const modules = join(root, 'node_modules');
    const needed = [root, modules, realpathSync(modules)];
    const allowed = needed.map((path) => `--allow-fs-read=${path}`);
    const lines = await callsUnder(context, ['--permission', '--allow-addons', ...allowed]);
    assert.match(lines[0] ?? '', /^replay WalError ERR_FLASHSTRIKE_ACCESS .*--allow-fs-read/);
  });

  for (const option of [
    '--frozen-intrinsics',
    '--disable-proto=throw',
    '--disallow-code-generation-from-strings',
  ]) {
    test(`with ${option}: works`, async (context) => {
      const lines = await callsUnder(context, [option]);
      assert.equal(lines[0], `replay ${EVENTS}`);
      assert.equal(lines[2], 'open undefined');
    });
  }
});

test('in Deno a log is not opened, and it is said why', () => {
  assertRuntime();
  assert.throws(() => assertRuntime({ ...process.versions, deno: '2.0.0' }), {
    name: 'WalError',
    code: 'ERR_FLASHSTRIKE_PLATFORM',
    message: /Deno/,
  });
});

/**
 * Loads the library into a context with another Error, and another JSON, as Jest's ESM mode does.
 */
const ELSEWHERE = `
import vm from 'node:vm';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
const names = ['Buffer', 'process', 'setTimeout', 'clearTimeout', 'setImmediate', 'performance',
  'URL', 'AbortController', 'AbortSignal', 'Uint8Array', 'ArrayBuffer', 'SharedArrayBuffer',
  'Atomics', 'TextDecoder', 'TextEncoder'];
const context = vm.createContext(Object.fromEntries(names.map((name) => [name, globalThis[name]])));
const modules = new Map();
async function load(specifier, parent) {
  const isFile = /^(\\.|file:)/.test(specifier);
  const key = isFile ? new URL(specifier, parent).href : specifier;
  if (!modules.has(key)) modules.set(key, isFile ? source(key) : await outside(key, parent));
  return modules.get(key);
}
const source = (url) =>
  new vm.SourceTextModule(readFileSync(fileURLToPath(url), 'utf8'), {
    context,
    identifier: url,
    initializeImportMeta: (meta) => { meta.url = url; },
  });
async function outside(specifier) {
  const namespace = await import(specifier);
  return new vm.SyntheticModule(Object.keys(namespace), function () {
    for (const [name, value] of Object.entries(namespace)) this.setExport(name, value);
  }, { context });
}
const entry = await load(INDEX, INDEX);
await entry.link((specifier, module) => load(specifier, module.identifier));
await entry.evaluate();
const { replay, salvage, follow } = entry.namespace;
tell('events ' + [...replay(directory)].length);
tell('salvaged ' + [...salvage(directory)].length);
const events = follow(directory, { signal: new AbortController().signal });
tell('followed ' + (await events.next()).value.eventId);
await events.return();
try {
  [...replay(directory + '/missing')];
} catch (error) {
  tell('missing ' + error.name + ' ' + error.code);
}
`;

test('modules in a context of their own read a sound log, and throw WalErrors', async (context) => {
  const directory = await logOf(context);
  const nodeOptions = ['--experimental-vm-modules', '--no-warnings'];
  const { code, stderr, lines } = await Script.run(
    ELSEWHERE,
    directory,
    {},
    { nodeOptions, bare: true },
  );
  assert.equal(code, 0, stderr);
  assert.deepEqual(lines, [
    `events ${EVENTS}`,
    `salvaged ${EVENTS}`,
    'followed 1',
    'missing WalError ERR_FLASHSTRIKE_NOT_A_LOG',
  ]);
});

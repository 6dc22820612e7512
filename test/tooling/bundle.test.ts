// What the build makes of the modules (scripts/bundle.mjs): few files, in which everything is once.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WalError as walErrorOfModule } from '../../src/errors.js';
import { Wal, WalError } from '../../src/index.js';
import { Wal as walOfModule } from '../../src/recorder/application/wal.js';
import { LogTelemetry } from '../../src/telemetry/log-telemetry.js';
import { recovery } from '../../src/telemetry.js';
import { projectRoot } from '../project-root.js';

const BUILT = fileURLToPath(new URL('../../src/', import.meta.url));
/** Those of the library itself, by how they are named in what the build writes. */
const OWN_IMPORT = /(?:\bfrom|\bimport|\brequire\()\s*["'](\.[^"']+)["']/g;

const ownImportsOf = (path: string): readonly string[] =>
  [...readFileSync(path, 'utf8').matchAll(OWN_IMPORT)].map(([, specifier = '']) =>
    resolve(dirname(path), specifier),
  );

/** All files of the library that an import of `path` loads, itself included. */
function loadedBy(path: string): ReadonlySet<string> {
  const loaded = new Set<string>();
  const pending = [path];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (loaded.has(next)) continue;
    loaded.add(next);
    pending.push(...ownImportsOf(next));
  }
  return loaded;
}

const threadsIn = (folder: string, ending: string): readonly string[] =>
  readdirSync(join(folder, 'recorder'), { recursive: true })
    .map(String)
    .filter((path) => path.endsWith(`-thread${ending}`))
    .map((path) => path.slice(0, -ending.length))
    .sort();

describe('the build', () => {
  test('makes one file of each thread, which loads no other of ours', () => {
    const threads = threadsIn(join(projectRoot(), 'src'), '.ts');
    assert.deepEqual(threadsIn(BUILT, '.cjs'), threads);
    for (const thread of threads) {
      const path = join(BUILT, 'recorder', thread);
      assert.deepEqual(ownImportsOf(`${path}.cjs`), [], thread);
      assert.ok(!existsSync(`${path}.js`), `nobody loads ${thread}.js`);
    }
  });

  for (const entry of ['index', 'telemetry', 'prometheus', 'opentelemetry']) {
    test(`loads few files for ${entry}, and nothing that only others need`, () => {
      const loaded = loadedBy(join(BUILT, `${entry}.js`));
      assert.ok(loaded.size <= 5, [...loaded].join('\n'));
      const has = (name: string): boolean => loaded.has(join(BUILT, 'chunks', `${name}.js`));
      assert.equal(has('index'), entry === 'index');
      assert.equal(has('telemetry'), entry !== 'prometheus');
      assert.ok(has('prometheus'), 'what all of them need');
    });
  }

  test('has everything once: a module hands on what the public ones do', () => {
    assert.equal(walErrorOfModule, WalError);
    assert.equal(walOfModule, Wal);
    assert.ok(LogTelemetry.own().recovery instanceof recovery.Telemetry);
  });

  test('keeps the names of classes, of which two are called alike', () => {
    assert.equal(recovery.Manager.name, 'Manager');
    assert.equal(WalError.name, 'WalError');
  });
});

// The check of the layers, run on small trees: a check that never fails proves nothing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../project-root.js';

const SCRIPT = join(projectRoot(), 'scripts', 'check-layers.mjs');

const MANIFEST = JSON.stringify({
  name: 'flashstrike',
  exports: { '.': { types: './dist/src/index.d.ts', default: './dist/src/index.js' } },
  bin: { flashstrike: 'dist/src/cli/main.js' },
  dependencies: { koffi: '3' },
  devDependencies: { typescript: '6' },
});

const lines = (...text: readonly string[]): string => `${text.join('\n')}\n`;

/** Each layer as one file that imports the one above it; all of it reached. */
const SOUND: Readonly<Record<string, string>> = {
  'package.json': MANIFEST,
  'src/errors.ts': `export const code = 1;\n`,
  'src/memory/layout.ts': lines(
    `import { code } from '../errors.js';`,
    `import 'koffi';`,
    `export { code };`,
  ),
  'src/clock/clock.ts': `export * from '../memory/layout.js';\n`,
  'src/clock/fake-clock.ts': `export const fake = 1;\n`,
  'src/clock/clock.test.ts': lines(
    `import 'typescript';`,
    `import '../recorder/application/wal.js';`,
    `import './fake-clock.js';`,
  ),
  'src/storage/node.ts': `import 'node:fs';\nexport * from '../clock/clock.js';\n`,
  'src/segment/frame.ts': `import type { code } from '../memory/layout.js';\n`,
  'src/ring/ring.ts': `export * from '../segment/frame.js';\n`,
  'src/recorder/writer/thread.ts': `import 'node:worker_threads';\nimport '../../ring/ring.js';\n`,
  'src/recorder/application/wal.ts': lines(
    `import '../../ring/ring.js';`,
    `import '../../storage/node.js';`,
    `new Worker(new URL('../writer/thread.js', import.meta.url));`,
  ),
  'src/index.ts': `export * from './recorder/application/wal.js';\n`,
  'src/cli/main.ts': lines(
    `import 'node:fs';`,
    `import '../index.js';`,
    `import '../errors.js';`,
    `import './table.js';`,
  ),
  'src/cli/table.ts': `import '../memory/layout.js';\n`,
};

interface Outcome {
  readonly problems: readonly string[];
  readonly files: number;
}
const { check } = (await import(pathToFileURL(SCRIPT).href)) as {
  check(root: string, forTests?: Readonly<Record<string, readonly string[]>>): Outcome;
};

const plain = (root: string): Outcome => check(root);

/** The sound tree with these files put over it, for as long as `use` runs. */
function withTree<T>(changes: Readonly<Record<string, string>>, use: (root: string) => T): T {
  const root = mkdtempSync(join(tmpdir(), 'flashstrike-layers-'));
  try {
    for (const [path, text] of Object.entries({ ...SOUND, ...changes })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return use(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const ORDER =
  'errors, units, random < memory < clock < region < metrics < storage < segment < ' +
  'compression < ring < telemetry < reading < judgement < observation < replay < consumers < ' +
  'events < intake < verification < recovery < recorder/threads < recorder/preparer < ' +
  'recorder/housekeeping < backup < recorder/maintainer < recorder/writer < ' +
  'recorder/application < machine < salvage < restore < replication';

const unreached = (path: string): string =>
  `${path}:1 is reached from no entry point of package.json ` +
  '(x.conformance.ts and fake-x.ts are for tests)';

const VIOLATIONS: readonly {
  readonly name: string;
  readonly changes: Readonly<Record<string, string>>;
  readonly says: readonly string[];
}[] = [
  {
    name: 'an import from a layer below is told with its line',
    changes: {
      'src/ring/ring.ts': `import '../segment/frame.js';\n\nimport '../replay/follow.js';\n`,
      'src/replay/follow.ts': '',
    },
    says: [`src/ring/ring.ts:3 imports ../replay/follow.js: ring stands above replay (${ORDER})`],
  },
  {
    name: 'so is one in the folder of a thread from that of a later one',
    changes: {
      'src/recorder/writer/thread.ts': `import '../application/options.js';\n`,
      'src/recorder/application/options.ts': '',
    },
    says: [
      'src/recorder/writer/thread.ts:1 imports ../application/options.js: ' +
        `recorder/writer stands above recorder/application (${ORDER})`,
    ],
  },
  {
    name: 'so is a type, a re-export, a dynamic import, a thread',
    changes: {
      'src/memory/layout.ts': [
        `import type { A } from '../replay/follow.js';`,
        `export * from '../replay/follow.js';`,
        `export type B = import('../replay/follow.js').A | A;`,
        `export const c = () => import('../replay/follow.js');`,
        `export const d = new URL('../replay/follow.js', import.meta.url);`,
        `export { code } from '../errors.js';`,
      ].join('\n'),
      'src/replay/follow.ts': '',
      'src/clock/clock.ts': `import { B, c, code, d } from '../memory/layout.js';\n`,
      'src/segment/frame.ts': '',
    },
    says: [1, 2, 3, 4, 5].map(
      (line) =>
        `src/memory/layout.ts:${line} imports ../replay/follow.js: ` +
        `memory stands above replay (${ORDER})`,
    ),
  },
  {
    name: 'segment imports no module of node',
    changes: { 'src/segment/frame.ts': `import { hrtime } from 'node:process';\n` },
    says: [`src/segment/frame.ts:1 imports node:process: segment is pure: no module of node`],
  },
  {
    name: 'files are touched through the storage port',
    changes: {
      'src/recorder/writer/thread.ts': `import 'node:fs/promises';\nimport 'fs';\n`,
    },
    says: ['node:fs/promises', 'fs'].map(
      (module, index) =>
        `src/recorder/writer/thread.ts:${index + 1} imports ${module}: ` +
        'files are touched through the storage port (except in memory, region, storage, cli)',
    ),
  },
  {
    name: 'cli goes through the public modules',
    changes: { 'src/cli/table.ts': `import '../recorder/application/wal.js';\n` },
    says: [
      'src/cli/table.ts:1 imports ../recorder/application/wal.js: cli imports its own folder, ' +
        'the public modules and errors.ts, units.ts, memory/layout.ts, verification/inspect.ts',
    ],
  },
  {
    name: 'nothing imports cli, and only cli imports index',
    changes: {
      'src/recorder/writer/thread.ts': `import '../../index.js';\n`,
      'src/index.ts': `import './cli/main.js';\nimport './recorder/application/wal.js';\n`,
    },
    says: [
      'src/index.ts:1 imports ./cli/main.js: nothing imports cli',
      'src/recorder/writer/thread.ts:1 imports ../../index.js: only cli imports the public modules',
      'src/cli/main.ts:2 is in a circle: cli/main.ts > index.ts > cli/main.ts',
    ],
  },
  {
    name: 'a circle is told once, the shortest through its first file; types make one, too',
    changes: {
      'src/ring/a.ts': lines(
        `import type { c } from './c.js';`,
        `import { b } from './b.js';`,
        `export const a = b;`,
      ),
      'src/ring/b.ts': `export { c as b } from './c.js';\n`,
      'src/ring/c.ts': `export const c = () => import('./a.js');\n`,
      'src/ring/ring.ts': `import '../segment/frame.js';\nimport './a.js';\n`,
    },
    says: ['src/ring/a.ts:1 is in a circle: ring/a.ts > ring/c.ts > ring/a.ts'],
  },
  {
    name: 'what no other file imports is not exported, and what tests import neither',
    changes: {
      'src/ring/a.ts': [
        `export const used = 1;`,
        `export function tested() {}`,
        `export interface Named {}`,
        `export const { left, at: [right] } = used;`,
        `const late = 2;`,
        `export { late as later };`,
        `export type { Clock } from '../clock/clock.js';`,
      ].join('\n'),
      'src/ring/a.test.ts': `import { tested } from './a.js';\n`,
      'src/ring/fake-ring.ts': `export const fakeRing = 1;\n`,
      'src/ring/ring.test.ts': `import './fake-ring.js';\n`,
      'src/ring/ring.ts': lines(
        `import '../segment/frame.js';`,
        `import { used as u, Named } from './a.js';`,
      ),
    },
    says: [
      '2 exports tested',
      '4 exports left',
      '4 exports right',
      '6 exports later',
      '7 exports Clock',
    ].map((line) => `src/ring/a.ts:${line}, which no other file of src/ but tests imports`),
  },
  {
    name: 'what is for tests is not imported by the product',
    changes: { 'src/recorder/writer/thread.ts': `import '../../clock/fake-clock.js';\n` },
    says: ['src/recorder/writer/thread.ts:1 imports ../../clock/fake-clock.js: only tests may'],
  },
  {
    name: 'a package that is only there for development is not imported',
    changes: {
      'src/recorder/writer/thread.ts': `import 'typescript/lib/x.js';\nimport '@a/b/c';\n`,
    },
    says: ['typescript/lib/x.js', '@a/b/c'].map(
      (specifier, index) =>
        `src/recorder/writer/thread.ts:${index + 1} imports ${specifier}: ` +
        'it is not among the dependencies of package.json',
    ),
  },
  {
    name: 'a module of a thread that does not exist is told, as the compiler does not',
    changes: {
      'src/recorder/writer/thread.ts': `new Worker(new URL('./missing.js', import.meta.url));\n`,
    },
    says: ['src/recorder/writer/thread.ts:1 imports ./missing.js: there is no such file'],
  },
  {
    name: 'a file in no layer is told, also one at the top that has the name of a layer',
    changes: { 'src/helpers/text.ts': '', 'src/recorder/text.ts': '', 'src/ring.ts': '' },
    says: [
      `src/helpers/text.ts:1 stands in no layer; the layers are ${ORDER} < index < cli`,
      `src/recorder/text.ts:1 stands in no layer; the layers are ${ORDER} < index < cli`,
      `src/ring.ts:1 stands in no layer; the layers are ${ORDER} < index < cli`,
      unreached('src/helpers/text.ts'),
      unreached('src/recorder/text.ts'),
      unreached('src/ring.ts'),
    ],
  },
  {
    name: 'a file that only tests reach is told, and one for tests that none uses',
    changes: {
      'src/ring/dead.ts': '',
      'src/ring/dead.test.ts': `import './dead.js';\n`,
      'src/ring/fake-ring.ts': '',
    },
    says: [unreached('src/ring/dead.ts'), 'src/ring/fake-ring.ts:1 is reached from no test'],
  },
  {
    name: 'a line of more than 100 characters is told, unless it is a title or an import',
    changes: {
      'src/ring/ring.ts': lines(
        `import '../segment/frame.js';`,
        `// ${'a'.repeat(97)}`,
        `// ${'a'.repeat(98)}`,
        `// ${'🔥'.repeat(97)}`,
      ),
      'src/ring/ring.test.ts': lines(
        `import { ${'a'.repeat(100)} } from './ring.js';`,
        `  test('${'a'.repeat(100)}', () => {`,
        `    assert.ok('${'a'.repeat(100)}');`,
      ),
      'scripts/tool.mjs': `'${'a'.repeat(99)}'\n`,
      'docs/TEXT.md': 'a'.repeat(101),
    },
    says: [
      'src/ring/ring.test.ts:3 has 118 characters; 100 fit',
      'src/ring/ring.ts:3 has 101 characters; 100 fit',
      'scripts/tool.mjs:1 has 101 characters; 100 fit',
    ],
  },
  {
    name: 'an entry point that does not exist is told',
    changes: { 'package.json': MANIFEST.replace('cli/main.js', 'cli/start.js') },
    says: [
      'src/cli/start.ts:1 is named by package.json, but there is no such file',
      unreached('src/cli/main.ts'),
      unreached('src/cli/table.ts'),
    ],
  },
];

describe('check-layers', () => {
  test('accepts a tree that keeps to the layers', () => {
    assert.deepEqual(withTree({}, plain), { problems: [], files: 13 });
  });

  test('counts what test/ and bench/ use as used by tests', () => {
    const support = { 'src/ring/ring.conformance.ts': '' };
    assert.equal(withTree(support, plain).problems.length, 1);
    const use = `import '../../src/ring/ring.conformance.js';\n`;
    assert.deepEqual(withTree({ ...support, 'test/system/ring.test.ts': use }, plain).problems, []);
  });

  test('lets what tests need be exported, as long as it is and they do', () => {
    const changes = { 'src/errors.ts': `export const code = 1;\nexport const other = 2;\n` };
    const forTests = { 'a reason': ['errors.ts#other'] };
    const checked = (root: string): Outcome => check(root, forTests);
    assert.deepEqual(withTree(changes, checked).problems, []);
    assert.deepEqual(withTree({}, checked).problems, [
      'src/errors.ts:1 needs no exception for other any more',
    ]);
  });

  for (const { name, changes, says } of VIOLATIONS) {
    test(name, () => assert.deepEqual(withTree(changes, plain).problems, says));
  }

  test('ends with 1 and all lines on stderr when one breaks the layers', () => {
    const changes = { 'src/segment/frame.ts': `import 'node:os';\n` };
    const run = withTree(changes, (root) =>
      spawnSync(process.execPath, [SCRIPT, root], { encoding: 'utf8' }),
    );
    assert.equal(run.stdout, '');
    assert.equal(
      run.stderr,
      'src/segment/frame.ts:1 imports node:os: segment is pure: no module of node\n' +
        'check-layers: 1 violation\n',
    );
    assert.equal(run.status, 1);
  });
});

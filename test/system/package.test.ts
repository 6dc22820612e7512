// The package as a user gets it: packed, and put into an empty project whose only other packages
// are the dependencies that it names. Used as ES module, by require, by TypeScript, and by a user
// without rights on a root that cannot be written.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import ts from 'typescript';
import { projectRoot } from '../project-root.js';
import { temporaryFolder } from '../support/log-builder.js';
import { cannotBeNobody, NOBODY } from '../support/nobody.js';

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly scripts: Readonly<Record<string, string>>;
}

const ROOT = projectRoot();
const manifest: Manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const ENTRIES = Object.keys(manifest.exports)
  .filter((entry) => !entry.endsWith('.json'))
  .map((entry) => `flashstrike${entry.slice(1)}`);

function run(command: string, args: readonly string[], cwd: string): string {
  // Nothing is asked of a registry.
  const env = { ...process.env, npm_config_offline: 'true', npm_config_update_notifier: 'false' };
  const options = { cwd, env, encoding: 'utf8' } as const;
  const { error, status, stdout, stderr } = spawnSync(command, args, options);
  if (error !== undefined) throw error;
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** All mounts of what runs in it alone: the root is read-only, the folder that is named is not. */
const READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro /';

/** Why a root that cannot be written cannot be had here, or false. */
function whyNotReadOnly(): string | false {
  const { error, status, stderr } = spawnSync(
    'unshare',
    ['-m', 'sh', '-c', READ_ONLY, 'sh', tmpdir()],
    { encoding: 'utf8' },
  );
  return status === 0 ? false : `mounts cannot be changed here: ${error?.message ?? stderr}`;
}

/** Why the types cannot be judged here, or false. */
const whyNoTypeCheck = (): string | false =>
  existsSync(join(ROOT, 'node_modules', '@arethetypeswrong', 'core'))
    ? false
    : '@arethetypeswrong/core is not installed here: npm ci';

const USE = `
async function use(from, directory) {
  const { Wal } = from;
  const wal = await Wal.open(directory);
  await wal.durable(wal.append(Buffer.from('event')));
  await wal.close();
  console.log('durable', [...from.replay(directory)].length);
}
`;

describe('the packed package', { timeout: 600_000 }, () => {
  const project = temporaryFolder({ after });
  let files: readonly string[] = [];
  let tarball = '';

  before(() => {
    const modules = join(project, 'node_modules');
    const target = join(modules, 'flashstrike');
    mkdirSync(target, { recursive: true });
    // What is tested is what was built: packing would build it again.
    const told = run(
      'npm',
      ['pack', '--ignore-scripts', '--json', '--pack-destination', project],
      ROOT,
    );
    const [packed] = JSON.parse(told) as { filename: string; files: { path: string }[] }[];
    assert.ok(packed !== undefined);
    files = packed.files.map(({ path }) => path);
    tarball = join(project, packed.filename);
    run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'], project);
    for (const name of [...Object.keys(manifest.dependencies), '@types/node', 'undici-types']) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    }
    writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  });

  test('has what is used, and nothing that only tests need', () => {
    for (const path of [
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'docs/MONITORING.md',
      'contrib/prometheus/flashstrike.rules.yml',
      'contrib/grafana/flashstrike.json',
      'dist/src/cli/main.js',
    ]) {
      assert.ok(files.includes(path), path);
    }
    const strangers = files.filter((path) => /\.test\.|\/fake-|\.map$|^test\/|^src\//.test(path));
    assert.deepEqual(strangers, []);
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare'];
    assert.deepEqual(
      hooks.filter((name) => Object.hasOwn(manifest.scripts, name)),
      [],
    );
  });

  test('works as ES module and by require', () => {
    writeFileSync(
      join(project, 'use.mjs'),
      `${ENTRIES.map((entry, index) => `import * as e${index} from '${entry}';`).join('\n')}${USE}
      await use(e0, './log-esm');`,
    );
    assert.equal(run(process.execPath, ['use.mjs'], project), 'durable 1\n');
    writeFileSync(
      join(project, 'use.cjs'),
      `${ENTRIES.map((entry, index) => `const e${index} = require('${entry}');`).join('\n')}${USE}
      use(e0, './log-cjs');`,
    );
    const told = run(process.execPath, ['--no-warnings', 'use.cjs'], project);
    assert.equal(told, 'durable 1\n');
  });

  for (const [name, ending, module, resolution] of [
    ['NodeNext', 'mts', ts.ModuleKind.NodeNext, ts.ModuleResolutionKind.NodeNext],
    ['NodeNext, from CommonJS', 'cts', ts.ModuleKind.NodeNext, ts.ModuleResolutionKind.NodeNext],
    ['Bundler', 'ts', ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler],
  ] as const) {
    test(`has types without errors for TypeScript with ${name}, the libraries checked`, () => {
      const path = join(project, `use-${module}.${ending}`);
      const imports = ENTRIES.map((entry, index) =>
        ending === 'cts'
          ? `import e${index} = require('${entry}');`
          : `import * as e${index} from '${entry}';`,
      );
      writeFileSync(
        path,
        `${imports.join('\n')}
        export const all = [${ENTRIES.map((_, index) => `e${index}`).join(', ')}];
        export async function use(): Promise<number> {
          const wal: e0.Wal = await e0.Wal.open('./log');
          return wal.append(new Uint8Array(8));
        }`,
      );
      const program = ts.createProgram([path], {
        target: ts.ScriptTarget.ES2022,
        module,
        moduleResolution: resolution,
        types: ['node'],
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        preserveSymlinks: true,
      });
      const texts = ts
        .getPreEmitDiagnostics(program)
        .map(({ file, messageText }) => [
          file?.fileName,
          ts.flattenDiagnosticMessageText(messageText, ' '),
        ]);
      assert.deepEqual(texts, []);
    });
  }

  test('has types where each resolver looks for them', { skip: whyNoTypeCheck() }, async () => {
    const { checkPackage, createPackageFromTarballData } = await import('@arethetypeswrong/core');
    const result = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
    assert.ok(result.types !== false, 'there are types');
    const entries = Object.keys(result.entrypoints).filter((entry) => !entry.endsWith('.json'));
    assert.equal(entries.length, ENTRIES.length);
    // require() of ES modules, which every Node of `engines` can do, and TypeScript from 5.8 on
    // knows: the test above has it. attw knows only of Nodes that cannot.
    const others = result.problems.filter(({ kind }) => kind !== 'CJSResolvesToESM');
    assert.deepEqual(others, []);
  });

  test('works for a user without rights, where nothing else can be written', {
    skip: cannotBeNobody || whyNotReadOnly(),
  }, (context) => {
    const volume = temporaryFolder(context);
    chmodSync(volume, 0o777);
    chmodSync(project, 0o755);
    writeFileSync(
      join(project, 'nobody.mjs'),
      `import * as all from 'flashstrike';${USE}
      await use(all, ${JSON.stringify(join(volume, 'log'))});`,
    );
    // A folder for the log and one for the ring can be written.
    const script = `${READ_ONLY} && shift && exec "$@"`;
    const node = [process.execPath, join(project, 'nobody.mjs')];
    const command = ['-m', 'sh', '-c', script, 'sh', volume, ...NOBODY, ...node];
    assert.equal(run('unshare', command, project), 'durable 1\n');
    // Not in the project: that may be on a mount of its own.
    const refused = ['-m', 'sh', '-c', script, 'sh', volume, 'touch', '/flashstrike-read-only'];
    const { status, stderr } = spawnSync('unshare', refused, { encoding: 'utf8' });
    assert.notEqual(status, 0, 'the root is read-only there');
    assert.match(stderr, /Read-only file system/);
  });
});

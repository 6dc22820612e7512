// A program in one file, as bundlers make it. Flashstrike left out of it works; put into it, it
// says in one sentence what to do, whatever of it is missing there.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { rolldown } from 'rolldown';
import { install, Program, projectWith } from '../support/program.js';

const PROGRAM = `
import { replay, Wal } from 'flashstrike';
async function main(directory) {
  const wal = await Wal.open(directory, { sharedMemory: 'off' });
  await wal.durable(wal.append(Buffer.from('one')));
  await wal.close();
  console.log([...replay(directory)].length + ' event');
}
main(process.argv[2]).catch((error) => {
  console.error(error.code + ': ' + error.message);
  process.exitCode = 1;
});
`;
const NATIVE = ['@node-rs', 'koffi', 'lz4-napi', '@koromix', '@antoniomuso'];

async function bundle(folder: string, format: 'esm' | 'cjs', external: RegExp[]): Promise<string> {
  const input = join(folder, 'program.js');
  writeFileSync(input, PROGRAM);
  const given = { input, cwd: folder, platform: 'node', external, logLevel: 'silent' } as const;
  const build = await rolldown(given);
  const file = join(folder, 'out', `program.${format === 'esm' ? 'mjs' : 'cjs'}`);
  await build.write({ file, format, codeSplitting: false });
  await build.close();
  return file;
}

/** All of it: nothing but that sentence. */
const SENTENCE = new RegExp(
  '^ERR_FLASHSTRIKE_PLATFORM: flashstrike was put into a bundle, [^\\n]*leave it out of the ' +
    'bundle[^\\n]*--external:flashstrike[^\\n]*rollup[^\\n]*webpack[^\\n.]*\\.\\n$',
);

describe('a bundle', { timeout: 900_000 }, () => {
  for (const format of ['esm', 'cjs'] as const) {
    test(`(${format}) without flashstrike in it works`, async (context) => {
      const folder = projectWith(context);
      const file = await bundle(folder, format, [/^flashstrike/]);
      const program = new Program(context, file, [join(folder, 'log')]);
      assert.equal(await program.output(), '1 event\n');
    });

    for (const [what, packages] of [
      ['nothing that it needs is there', []],
      ['its native parts are there, and its threads are not', NATIVE],
    ] as const) {
      test(`(${format}) with flashstrike in it says what to do: ${what}`, async (context) => {
        const folder = projectWith(context);
        const file = await bundle(folder, format, []);
        for (const name of packages) install(folder, name);
        const program = new Program(context, file, [join(folder, 'log')]);
        const { code, stdout, stderr } = await program.ended;
        assert.deepEqual([code, stdout], [1, '']);
        assert.match(stderr, SENTENCE);
      });
    }
  }
});

const REQUIRED = `
const { replay, Wal, WalError } = require('flashstrike');
const { recorder } = require('flashstrike/telemetry');
const { PrometheusCollector } = require('flashstrike/prometheus');
(async () => {
  const wal = await Wal.open(process.argv[2], { sharedMemory: 'off' });
  await wal.durable(wal.append(Buffer.from('one')));
  await wal.close();
  const imported = await import('flashstrike');
  const isSame = imported.Wal === Wal && imported.WalError === WalError;
  const kinds = [typeof recorder, typeof PrometheusCollector];
  console.log([...replay(process.argv[2])].length, isSame, ...kinds);
})();
`;

test('require() of CommonJS gives the same as import', async (context) => {
  const folder = projectWith(context);
  const file = join(folder, 'program.cjs');
  writeFileSync(file, REQUIRED);
  const program = new Program(context, file, [join(folder, 'log')]);
  assert.equal(await program.output(), '1 true object function\n');
});

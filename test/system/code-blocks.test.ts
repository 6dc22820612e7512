// Runs the code of the documents as it stands there: each block of JavaScript, TypeScript or shell
// in a project of its own. test/docs/code-blocks.test.ts makes sure that none is left out.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import ts from 'typescript';
import { RUNS, type Run } from '../docs/code-runs.js';
import { blocksRunHere } from '../support/code-blocks.js';
import { Program, projectWith } from '../support/program.js';

const compiled = (code: string): string =>
  ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  }).outputText;

const COMMAND = 'node_modules/flashstrike/dist/src/cli/main.js';
/** `npx` finds the command of the project: here that is all it does. */
const SHELL = `exec 2>&1
set -eu
npx() { "$@"; }
flashstrike() { ${JSON.stringify(process.execPath)} ${COMMAND} "$@"; }
`;

describe('the code of the documents', { concurrency: 2, timeout: 900_000 }, () => {
  for (const { name, language, code } of blocksRunHere()) {
    test(name, async (context) => {
      const run = RUNS[name];
      assert.ok(run !== undefined, 'there is a run of it');
      const folder = projectWith(context, run.packages ?? []);
      const behind = await run.before?.(folder);
      const file = join(folder, language === 'sh' ? 'program.sh' : 'program.mjs');
      writeFileSync(file, textOf(language, code, run));
      const start = (): Program =>
        new Program(context, file, [], {
          cwd: folder,
          command: language === 'sh' ? ['bash'] : [process.execPath, '--no-warnings'],
        });
      const program = start();
      try {
        if (run.until !== undefined) {
          await run.until(program, folder);
        } else {
          await endsWell(program, run);
          if (run.again !== undefined) await endsWell(start(), { ...run, prints: run.again });
        }
      } finally {
        await behind?.();
      }
    });
  }
});

function textOf(language: string, code: string, { replaced = {}, tail = '' }: Run): string {
  let text = code;
  for (const [from, to] of Object.entries(replaced)) {
    assert.ok(text.includes(from), `the code has no ${from}`);
    text = text.replace(from, to);
  }
  if (language === 'sh') return `${SHELL}${text}`;
  const dist = JSON.stringify(new URL('../../', import.meta.url).href);
  return compiled(`${text}\nconst DIST = ${dist};\n${tail}`);
}

async function endsWell(program: Program, { prints = /^$/, signal }: Run): Promise<void> {
  const { code, stdout, stderr } = await program.ended;
  assert.deepEqual([code, stderr], [signal ?? 0, ''], stdout);
  assert.match(stdout, prints);
}

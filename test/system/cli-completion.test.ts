// Completion as bash does it, with its own `compgen`: the script is read as users' shells read it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { flashstrike, temporaryFolder } from './cli-process.js';

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;
const lacks = (shell: string): string | false => (has(shell) ? false : `there is no ${shell} here`);

/** Shells complain of a language that is not installed. */
const ENVIRONMENT = { ...process.env, LC_ALL: 'C.UTF-8' };

async function scriptFor(shell: string): Promise<string> {
  const { code, stdout, stderr } = await flashstrike(['completion', shell]);
  assert.equal(code, 0, stderr);
  return String(stdout);
}

describe('command line: completion', { concurrency: 2, timeout: 900_000 }, () => {
  it('of bash gives commands, options, values, files and folders', {
    skip: lacks('bash'),
  }, async (context: TestContext) => {
    const folder = temporaryFolder(context);
    mkdirSync(join(folder, 'log folder'));
    mkdirSync(join(folder, 'logs'));
    writeFileSync(join(folder, 'lines.gz'), '');
    const script = join(folder, 'script');
    writeFileSync(script, await scriptFor('bash'));
    /** What is offered for the last of the words that were typed. */
    const offered = (...words: string[]): string[] => {
      const text =
        'source "$1"; shift; COMP_WORDS=(flashstrike "$@"); COMP_CWORD=$#; ' +
        `_flashstrike; (( \${#COMPREPLY[@]} == 0 )) || printf "%s\\n" "\${COMPREPLY[@]}"`;
      const { status, stdout, stderr } = spawnSync(
        'bash',
        ['-uc', text, 'bash', script, ...words],
        {
          cwd: folder,
          env: ENVIRONMENT,
          encoding: 'utf8',
        },
      );
      assert.deepEqual([status, stderr], [0, '']);
      return stdout.split('\n').slice(0, -1).sort();
    };
    assert.deepEqual(offered('sal'), ['salvage']);
    const verbs = offered('');
    for (const verb of ['record', 'top', 'completion', 'help', '--version', '--help']) {
      assert.ok(verbs.includes(verb), `${verb} is offered`);
    }
    assert.deepEqual(offered('help', 'tr'), ['trim']);
    assert.deepEqual(offered('replay', 'log', '--fr'), ['--from', '--from-time']);
    const formats = ['lines', 'lobster', 'ndjson'];
    assert.deepEqual(offered('record', 'log', '--format', ''), formats);
    assert.deepEqual(offered('replay', 'log', '--format', ''), ['csv', ...formats]);
    assert.deepEqual(offered('record', 'log', '--sync', 'e'), ['every-block']);
    assert.deepEqual(offered('record', 'log', '--input', 'li'), ['lines.gz']);
    assert.deepEqual(offered('record', 'lo'), ['log folder', 'logs']);
    assert.deepEqual(offered('record', 'logs', '--json', 'lo'), ['log folder', 'logs']);
    assert.deepEqual(offered('replay', 'log', '--from', ''), [], 'an id is nobody’s to guess');
    assert.deepEqual(offered('completion', ''), ['bash', 'fish', 'zsh']);
    assert.deepEqual(offered('nonsense', ''), []);
  });

  it('has every option of every command that the help has', async () => {
    const scripts = { bash: await scriptFor('bash'), zsh: await scriptFor('zsh') };
    const fish = await scriptFor('fish');
    const { stdout } = await flashstrike(['--help']);
    const verbs = [...String(stdout).matchAll(/^ {2}([a-z]+) \[?[<a-z]/gm)].map(([, verb]) => verb);
    assert.ok(verbs.length >= 14, verbs.join());
    for (const verb of verbs.filter((each) => each !== 'help')) {
      const help = String((await flashstrike([String(verb), '--help'])).stdout);
      for (const [, option = ''] of help.matchAll(/^ {2}(?:-\w, )?--([a-z0-9-]+)/gm)) {
        for (const script of Object.values(scripts)) assert.ok(script.includes(`--${option}`));
        assert.ok(fish.includes(`seen_subcommand_from ${verb}'`) && fish.includes(`-l ${option} `));
      }
    }
  });

  for (const shell of ['bash', 'zsh', 'fish']) {
    it(`of ${shell} is read without complaint`, { skip: lacks(shell) }, async (context) => {
      const file = join(temporaryFolder(context), 'script');
      writeFileSync(file, await scriptFor(shell));
      const { status, stderr } = spawnSync(shell, ['-n', file], {
        env: ENVIRONMENT,
        encoding: 'utf8',
      });
      assert.deepEqual([status, stderr], [0, '']);
    });
  }
});

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { cannotMap } from '../support/adapters.js';
import { noTerminal, PseudoTerminal } from '../support/pseudo-terminal.js';
import { noMountNamespace, withoutSharedMemory } from '../support/without-shared-memory.js';
import { flashstrike, RunningCommand, temporaryFolder } from './cli-process.js';

const EVENTS = '200000';

const NO_TELEMETRY = /^ {3}No telemetry is shown: there is no shared memory here/m;
const PANEL = /^flashstrike top .*$/gm;

/** The number, with or without commas, that `pattern` finds. */
const numberIn = (text: string, pattern: RegExp): number =>
  Number(pattern.exec(text)?.[1]?.replaceAll(',', ''));

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('command line: demo', { timeout: 900_000 }, () => {
  it('proves that kill -9 lost nothing, in plain text, and leaves nothing behind', async (context) => {
    const folder = temporaryFolder(context);
    const environment = { TMPDIR: folder };
    const { code, stdout, stderr } = await flashstrike(
      ['demo', '--events', EVENTS],
      '',
      environment,
    );
    const text = String(stdout);
    assert.equal(code, 0, stderr + text);
    for (const step of [
      '1. Record',
      '2. Kill',
      '3. Recover',
      '4. Prove',
      '5. Continue',
      '6. Verify',
    ]) {
      assert.ok(text.includes(`\n${step}\n`), step);
    }
    assert.match(text, /\nProven: kill -9 lost none of the [\d,]+ events/);
    assert.ok(!text.includes('\u001b'), 'no colours in a pipe');
    assert.equal(stderr, '', 'no progress in a pipe');
    assert.deepEqual(readdirSync(folder), []);
  });

  it('shows the telemetry of the recorder: the whole recording, and what the killed one left', {
    skip: cannotMap,
  }, async () => {
    const { code, stdout } = await flashstrike(['demo', '--events', EVENTS]);
    const text = String(stdout);
    assert.equal(code, 0, text);
    assert.doesNotMatch(text, NO_TELEMETRY);
    const [recording = '', left = '', ...more] = text.match(PANEL) ?? [];
    assert.match(recording, / running, open$/);
    assert.match(left, / ended, not closed$/);
    assert.deepEqual(more, []);
    const pid = numberIn(text, /process \(pid (\d+)\)/);
    const shown = Array.from(text.matchAll(/^process (\d+) {3}up /gm), ([, found]) =>
      Number(found),
    );
    assert.deepEqual(shown, [pid, pid]);
    assert.match(text, new RegExp(`^! process ${pid} ended without closing; `, 'm'));
    for (const step of ['1. Record', '2. Kill']) {
      const panel = text.split(`\n${step}\n`)[1]?.split(/\n\d\. /)[0] ?? '';
      assert.match(panel, /^durable {5}event [\d,]+/m);
      assert.match(panel, /^append {2}.* \d[\d.]* [nµm]?s/m);
    }
    // A kill between an append and its counting leaves one that was not counted.
    const counted = numberIn(text, /it had counted ([\d,]+) appends/);
    const told = numberIn(text, /reported through a pipe: ([\d,]+)\./);
    const recovered = numberIn(text, /The last event is ([\d,]+)\./);
    assert.ok(told <= counted && counted <= recovered, `${told}, ${counted}, ${recovered}`);
    assert.ok(recovered - counted <= 1, `${counted} of ${recovered}`);
    for (const line of text.split('\n')) {
      assert.ok(line.length <= 80 || line.includes(tmpdir()), `more than 80 columns: ${line}`);
    }
  });

  it('without shared memory says that there is no telemetry, and proves the rest', {
    skip: noMountNamespace,
  }, async () => {
    const { code, stdout, stderr } = await withoutSharedMemory(['demo', '--events', EVENTS]);
    const text = String(stdout);
    assert.equal(code, 0, stderr + text);
    assert.match(text, NO_TELEMETRY);
    assert.equal(text.match(PANEL), null);
    assert.match(
      text,
      /\nProven: kill -9 lost none of the [\d,]+ events that had been written\.\n/,
    );
  });

  it('--keep leaves the whole stream of the seed in --dir', async (context) => {
    const dir = join(temporaryFolder(context), 'orders');
    const args = ['demo', '--events', EVENTS, '--seed', '7', '--dir', dir, '--keep'];
    assert.equal((await flashstrike(args)).code, 0);
    assert.match(
      String((await flashstrike(['verify', dir])).stdout),
      /is sound.*\nevents {4}200,000/,
    );
    const { stdout } = await flashstrike(['replay', dir, '--format', 'lobster', '--to', '3']);
    assert.match(String(stdout), /^(34200\.\d+,1,\d+,\d+,\d+,-?1\n){3}$/);
  });

  it('does not touch a folder that holds something', async (context) => {
    const dir = join(temporaryFolder(context), 'full');
    mkdirSync(dir);
    writeFileSync(join(dir, 'precious'), '');
    const { code, stderr } = await flashstrike(['demo', '--dir', dir]);
    assert.equal(code, 1);
    assert.match(stderr, /not empty/);
    assert.deepEqual(readdirSync(dir), ['precious']);
  });

  it('Ctrl-C ends it with 130: the recorder is gone, and so is the folder', async (context) => {
    const dir = join(temporaryFolder(context), 'orders');
    const demo = new RunningCommand(['demo', '--events', '50000000', '--dir', dir]);
    await demo.until((stdout) => stdout.includes('never waits'));
    const pid = Number(/pid (\d+)/.exec(String(demo.stdout))?.[1]);
    // Where this test is slow, the demo has killed it by now, and is about to prove something.
    assert.ok(isAlive(pid) || demo.stdout.includes('2. Kill'), `process ${pid}`);
    demo.child.kill('SIGINT');
    const { code, stderr } = await demo.finished;
    assert.equal(code, 130, stderr);
    assert.ok(!isAlive(pid), 'the recorder still runs');
    assert.ok(!existsSync(dir));
  });
});

const SIZE = { columns: 80, rows: 24 };
const ESCAPE = '\u001b';
const GREEN = `${ESCAPE}[32m`;
/** What puts the cursor at the beginning of the panel that is there. */
const BACK = new RegExp(`\r${ESCAPE}\\[(\\d+)A`);
/** All that draws over lines. */
const OVER = new RegExp(`${ESCAPE}\\[(?:K|J|\\d+A)`, 'g');

describe('command line: demo on a terminal', {
  skip: cannotMap || noTerminal,
  timeout: 900_000,
}, () => {
  const start = (
    context: TestContext,
    args: readonly string[],
    environment: NodeJS.ProcessEnv,
  ): PseudoTerminal =>
    new PseudoTerminal(context, temporaryFolder(context), ['demo', ...args], SIZE, environment);

  it('draws the panel over itself while the recorder runs, in colour', async (context) => {
    const terminal = start(context, ['--events', EVENTS], { NO_COLOR: '' });
    assert.equal(await terminal.ended(), 0, terminal.output);
    const { output } = terminal;
    const [first = '', height, ...drawnOver] = output.split(BACK);
    assert.ok(drawnOver.length > 0, 'nothing was drawn over');
    const [, panel = ''] = first.split(/without its help:\r+\n/);
    assert.equal(panel.split('\n').length - 1, Number(height), 'not the place of the first panel');
    assert.ok(output.includes(`${GREEN}running, open`));
    const text = stripVTControlCharacters(output);
    assert.equal(text.match(/ ended, not closed/g)?.length, 1);
    assert.equal(text.match(/ ended without closing; /g)?.length, 1);
    assert.match(text, /\nProven: /);
    assert.ok(terminal.isSane, output);
  });

  it('fits a terminal of 60 columns, without a word cut by its edge', async (context) => {
    const size = { columns: 60, rows: 20 };
    const args = ['demo', '--events', EVENTS];
    const terminal = new PseudoTerminal(context, temporaryFolder(context), args, size);
    assert.equal(await terminal.ended(), 0, terminal.output);
    const [text = ''] = stripVTControlCharacters(terminal.output).split('settings: ');
    assert.match(text, /\nProven: /);
    for (const line of text.split(/[\r\n]+/)) {
      assert.ok(line.length <= 60 || line.includes(tmpdir()), `more than 60 columns: ${line}`);
    }
  });

  it('Ctrl-C leaves the panel and the terminal as they are; NO_COLOR is heeded', async (context) => {
    const dir = join(temporaryFolder(context), 'orders');
    const args = ['--events', '50000000', '--dir', dir];
    const terminal = start(context, args, { NO_COLOR: '1' });
    await terminal.shows(/ running, open/);
    terminal.type('\u0003');
    assert.equal(await terminal.ended(), 130, terminal.output);
    const { output } = terminal;
    assert.match(output, /\n {3}Stopped before anything was proven\.\r+\n/);
    assert.ok(!output.replaceAll(OVER, '').includes(ESCAPE), 'colours, or another mode');
    assert.ok(terminal.isSane, output);
    assert.ok(!existsSync(dir));
  });
});

// What a person's terminal is sent: nothing in a log or a folder steers it. Pipes get the bytes.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Wal } from '../../src/index.js';
import { noTerminal, PseudoTerminal } from '../support/pseudo-terminal.js';
import { flashstrike, temporaryFolder } from './cli-process.js';

/** Turns red, clears the screen by a C1 code, turns text around, breaks the line, is no UTF-8. */
const NASTY = Buffer.concat([
  Buffer.from('red \u001b[31m, c1 \u009b2J, mark \u202e, tag \u{e0041}, two\nlines, '),
  Buffer.from([0xff, 0x9b, 0x41]),
]);
const HARMLESS =
  'red \\u{1b}[31m, c1 \\u{9b}2J, mark \\u{202e}, tag \\u{e0041}, two\\u{a}lines, \ufffd\ufffdA';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through.
const STEERING = /[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f\u202e]/;

async function nastyLog(context: TestContext): Promise<string> {
  const dir = join(temporaryFolder(context), 'log');
  const wal = await Wal.open(dir, { segmentBytes: 1 << 20, ringBytes: 1 << 20 });
  wal.append(NASTY);
  wal.append(Buffer.from('plain'));
  await wal.close();
  return dir;
}

async function onTerminal(context: TestContext, args: readonly string[]): Promise<string> {
  const size = { columns: 300, rows: 50 };
  const environment = { NO_COLOR: '1' };
  const terminal = new PseudoTerminal(context, temporaryFolder(context), args, size, environment);
  await terminal.ended();
  // The line of progress is ours.
  return (terminal.output.split('settings: ')[0] ?? '').replaceAll('\r\u001b[K', '');
}

describe('command line: on a terminal', { skip: noTerminal, timeout: 300_000 }, () => {
  it('replay spells what could steer it, event by event', async (context) => {
    const dir = await nastyLog(context);
    assert.equal(await onTerminal(context, ['replay', dir]), `${HARMLESS}\r\nplain\r\n`);
    const ndjson = await onTerminal(context, ['replay', dir, '--format', 'ndjson', '--to', '1']);
    assert.equal(ndjson, `${HARMLESS}\r\n`);
    const followed = await onTerminal(context, ['replay', dir, '--follow', '--to', '2']);
    assert.equal(followed, `${HARMLESS}\r\nplain\r\n`);
  });

  it('replay --raw gives the bytes', async (context) => {
    const dir = await nastyLog(context);
    const output = await onTerminal(context, ['replay', dir, '--raw']);
    assert.equal(output, `${NASTY.toString().replace('\n', '\r\n')}\r\nplain\r\n`);
  });

  it('a pipe gets the bytes, with --raw and without', async (context) => {
    const dir = await nastyLog(context);
    for (const args of [[], ['--raw']]) {
      const { stdout } = await flashstrike(['replay', dir, ...args]);
      assert.deepEqual(stdout, Buffer.concat([NASTY, Buffer.from('\nplain\n')]));
    }
  });

  it('after Ctrl-C, what follows begins a line', async (context) => {
    const dir = await nastyLog(context);
    for (const { args, shown } of [
      { args: ['metrics', dir, '--listen', '127.0.0.1:0'], shown: /until Ctrl-C\r\n/ },
      { args: ['dashboard', dir, '--listen', '127.0.0.1:0'], shown: /until Ctrl-C\r\n/ },
      { args: ['replay', dir, '--follow'], shown: /plain\r\n/ },
    ]) {
      const size = { columns: 60, rows: 20 };
      const terminal = new PseudoTerminal(context, temporaryFolder(context), args, size);
      await terminal.shows(shown);
      terminal.type('\u0003');
      assert.equal(await terminal.ended(), 130, terminal.output);
      const [before = ''] = terminal.output.split('settings: ');
      assert.ok(before.endsWith('\r\u001b[K'), JSON.stringify(before));
      assert.ok(terminal.isSane, terminal.output);
    }
  });

  it('names of files and folders steer it in no command', async (context) => {
    const dir = join(temporaryFolder(context), 'l\u001b]0;og\u009b2J\u202e');
    const wal = await Wal.open(dir, { segmentBytes: 1 << 20, ringBytes: 1 << 20 });
    wal.append(Buffer.from('event'));
    await wal.close();
    writeFileSync(join(dir, 'odd\u001b[2J\u009b31m\u202e'), '');
    mkdirSync(join(dir, '0000000009.wal'));
    const output = join(dir, 'out\u001b[2J');
    for (const args of [
      ['inspect', dir],
      ['inspect', dir, '--json'],
      ['inspect', dir, '--regions'],
      ['consumers', dir],
      ['trim', dir, '--before', '1'],
      ['consumers', dir, '--remove', '\u001b[2J'],
      ['verify', dir],
      ['verify', dir, '--json'],
      ['salvage', dir, '--output', output],
      ['salvage', dir, '--json', '--output', `${dir}-new`],
      ['replay', dir],
      ['replay', `${dir}-not`],
      ['record', dir, '--input', '/dev/null'],
      ['record', `${dir}/0000000009.wal`, '--input', `${dir}/none`],
      ['top', dir, '--once'],
      ['metrics', dir],
      ['metrics', dir, '--prefix', '\u001b[2J'],
      ['bench', '\u001b[2J'],
      ['demo', '--dir', dir],
      ['\u001b[2J\u009b'],
      ['replay', dir, '\u001b[2J'],
      ['replay', dir, '--\u001b[2J'],
    ]) {
      const shown = await onTerminal(context, args);
      assert.doesNotMatch(shown, STEERING, `${JSON.stringify(args)}: ${JSON.stringify(shown)}`);
      assert.notEqual(shown, '', JSON.stringify(args));
    }
  });
});

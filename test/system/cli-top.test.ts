import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { decodeRegionHeader } from '../../src/region/region-layout.js';
import { RingControlLayout } from '../../src/ring/ring-control.js';
import { cannotMap } from '../support/adapters.js';
import { EVENTS, leftByKill, openElsewhere } from '../support/attached-log.js';
import { overwrite } from '../support/crash-place.js';
import { noTerminal, PseudoTerminal } from '../support/pseudo-terminal.js';
import { flashstrike, RunningCommand, temporaryFolder } from './cli-process.js';

const FAST = ['--interval', '100'];
/** The length of an interval, which is longer where the machine is slow. */
const LAST = /last \d[\d.]* (?:ms|s|min \d+ s)/;

describe('flashstrike top', { skip: cannotMap, timeout: 900_000 }, () => {
  test('without a terminal prints one screen of a running log, as plain text', async (context) => {
    const { directory, owner } = await openElsewhere(context);
    for (const extra of [[], ['--once']]) {
      const { code, stdout, stderr } = await flashstrike(['top', directory, ...FAST, ...extra]);
      assert.equal(code, 0, stderr);
      assert.equal(stderr, '');
      const text = String(stdout);
      const lines = text.split('\n');
      assert.match(lines[0] ?? '', /^flashstrike top {2}\S+ .*running, open$/);
      assert.match(lines[1] ?? '', new RegExp(`^process ${owner.child.pid} .* ${LAST.source}$`));
      assert.match(text, /^throughput {2}0 events\/s/m);
      for (const row of ['written ', 'durable ']) {
        assert.match(text, new RegExp(`^${row} +event 3,000 {3}all of them$`, 'm'));
      }
      assert.match(text, /^prepare a segment +\d+ /m);
      assert.doesNotMatch(text, /[^\P{Cc}\n]/u, 'an escape sequence in plain text');
      for (const line of lines) assert.ok(line.length <= 80, line);
    }
  });

  test('shows a killed log, and says what it is', async (context) => {
    const { directory, owner } = await leftByKill(context);
    const { code, stdout } = await flashstrike([
      'top',
      directory,
      '--once',
      '--interval',
      '3600000',
    ]);
    assert.equal(code, 0);
    assert.match(String(stdout), /^flashstrike top {2}\S+ +ended, not closed$/m);
    assert.match(
      String(stdout),
      new RegExp(`^! process ${owner.child.pid} ended without closing`, 'm'),
    );
    assert.match(String(stdout), /since open$/m);
  });

  test('--json --once is one document', async (context) => {
    const { directory, owner, regionPath } = await openElsewhere(context);
    const { code, stdout } = await flashstrike(['top', directory, '--once', '--json', ...FAST]);
    assert.equal(code, 0);
    const document = JSON.parse(String(stdout));
    assert.equal(document.pid, owner.child.pid);
    assert.equal(document.path, regionPath);
    assert.equal(document.status, 'running');
    assert.equal(document.durableEventId, EVENTS);
    assert.equal(document.recorder.manager.appendedEvents, EVENTS);
    assert.ok(document.recorder.segmentWriter.syncHistogram.p99 > 0);
    assert.ok(document.interval.seconds > 0);
    assert.equal(document.interval.eventsPerSecond, 0);
    assert.deepEqual(document.interval.latencies, {});
    assert.ok(Array.isArray(document.troubles));
  });

  test('--json is a line each interval, across a kill, until Ctrl-C', async (context) => {
    const { directory, owner } = await openElsewhere(context);
    const command = new RunningCommand(['top', directory, '--json', ...FAST]);
    context.after(() => command.child.kill('SIGKILL'));
    const statuses = (): string[] =>
      String(command.stdout)
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).status);
    await command.until(() => statuses().length >= 2);
    await owner.kill();
    await command.until(() => statuses().includes('dead'));
    command.child.kill('SIGINT');
    const { code, stderr } = await command.finished;
    assert.equal(code, 130);
    assert.equal(stderr, '');
    assert.equal(statuses()[0], 'running');
  });

  test('--json ends in silence when nobody reads any more', async (context) => {
    const { directory } = await openElsewhere(context);
    const command = new RunningCommand(['top', directory, '--json', ...FAST]);
    context.after(() => command.child.kill('SIGKILL'));
    await command.until((stdout) => stdout.length > 0);
    command.child.stdout.destroy();
    const { code, stderr } = await command.finished;
    assert.equal(stderr, '');
    assert.equal(code, 0);
  });

  test('says why there is nothing to show', async (context) => {
    const folder = temporaryFolder(context);
    for (const extra of [[], ['--once'], ['--json']]) {
      const { code, stdout, stderr } = await flashstrike(['top', folder, ...extra]);
      assert.equal(code, 1);
      assert.equal(String(stdout), '');
      assert.match(stderr, /ERR_FLASHSTRIKE_NOT_A_LOG.* does not contain a log/);
    }
    const log = await openElsewhere(context);
    log.owner.tell();
    await log.owner.ended;
    const { code, stderr } = await flashstrike(['top', log.directory]);
    assert.equal(code, 1);
    assert.match(stderr, /ERR_FLASHSTRIKE_NO_TELEMETRY.* was closed cleanly/);
  });
});

const ESCAPE = '\u001b';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
/** The line discipline puts a carriage return before each line feed once more. */
const LINE_END = /\r+\n/;
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const SIZE = { columns: 80, rows: 24 };

describe('flashstrike top on a terminal', {
  skip: cannotMap || noTerminal,
  timeout: 900_000,
}, () => {
  const start = (
    context: TestContext,
    directory: string,
    environment: NodeJS.ProcessEnv = {},
  ): PseudoTerminal => {
    const args = ['top', directory, ...FAST];
    return new PseudoTerminal(context, temporaryFolder(context), args, SIZE, environment);
  };

  /** What was sent between entering and leaving the alternate screen, frame by frame. */
  function framesOf({ output }: PseudoTerminal): string[] {
    const [before = '', inside = '', ...more] = output.split(ENTER);
    assert.ok(before.trim() === '' && more.length === 0, 'it enters the screen once, first');
    const [screen = '', after = '', ...again] = inside.split(LEAVE);
    assert.equal(again.length, 0, 'it leaves the screen once');
    assert.ok(inside.includes(LEAVE), 'it leaves the screen');
    assert.doesNotMatch(after.split('settings: ')[0] ?? '', /latency|throughput/);
    return screen.split('\u001b[H').slice(1);
  }

  const endings: readonly (readonly [string, (terminal: PseudoTerminal) => void, number])[] = [
    ['q', (terminal) => terminal.type('q'), 0],
    ['Ctrl-C', (terminal) => terminal.type('\u0003'), 130],
    ['SIGINT', (terminal) => terminal.signal('SIGINT'), 130],
    ['SIGTERM', (terminal) => terminal.signal('SIGTERM'), 143],
    ['SIGHUP', (terminal) => terminal.signal('SIGHUP'), 129],
  ];
  for (const [name, end, code] of endings) {
    test(`${name} gives the terminal back and ends with ${code}`, async (context) => {
      const { directory } = await openElsewhere(context);
      const terminal = start(context, directory);
      await terminal.shows(LAST);
      end(terminal);
      assert.equal(await terminal.ended(), code);
      framesOf(terminal);
      assert.ok(terminal.isSane, terminal.output);
    });
  }

  test('each frame is drawn over the last one, and nothing is blanked first', async (context) => {
    const { directory } = await openElsewhere(context);
    const terminal = start(context, directory);
    await terminal.shows(new RegExp(`(${LAST.source}[\\s\\S]*){3}`));
    terminal.type('q');
    await terminal.ended();
    const frames = framesOf(terminal);
    assert.ok(frames.length >= 4);
    for (const frame of frames) {
      assert.equal(frame.indexOf(CLEAR_BELOW), frame.length - CLEAR_BELOW.length);
      const lines = frame.split(LINE_END);
      assert.equal(lines.length, SIZE.rows);
      // A full line must not be cleared at its end: that would take its last character.
      assert.match(stripVTControlCharacters(lines[0] ?? ''), /running, open$/);
      assert.ok(lines[0]?.endsWith(CLEAR_LINE_END) === false);
      assert.ok(lines[1]?.endsWith(CLEAR_LINE_END));
    }
  });

  test('a shows latencies since the log was opened', async (context) => {
    const { directory } = await openElsewhere(context);
    const terminal = start(context, directory);
    await terminal.shows(/latency +timed/);
    terminal.type('a');
    await terminal.shows(/a shows the last interval/);
    terminal.type('a');
    await terminal.shows(/a shows the last interval[\s\S]*a shows everything since it was opened/);
    terminal.type('Q');
    assert.equal(await terminal.ended(), 0);
  });

  test('is in colour, unless NO_COLOR says no', async (context) => {
    const { directory } = await openElsewhere(context);
    for (const [environment, isColoured] of [
      [{ NO_COLOR: '' }, true],
      [{ NO_COLOR: '1' }, false],
    ] as const) {
      const terminal = start(context, directory, environment);
      await terminal.shows(LAST);
      terminal.type('q');
      await terminal.ended();
      const frames = framesOf(terminal).join('');
      assert.equal(frames.includes(`${ESCAPE}[32m`), isColoured);
      const plain = frames.replaceAll(CLEAR_LINE_END, '').replaceAll(CLEAR_BELOW, '');
      assert.equal(plain.includes(ESCAPE), isColoured);
    }
  });

  test('goes on with the next opening of a log that was killed', async (context) => {
    const log = await openElsewhere(context);
    const terminal = start(context, log.directory);
    await terminal.shows(/running, open/);
    await log.owner.kill();
    await terminal.shows(/ended, not closed/);
    const next = await openElsewhere(context, log.directory, log.options);
    await terminal.shows(new RegExp(`process ${next.owner.child.pid}\\b`));
    next.owner.tell();
    await next.owner.ended;
    await terminal.shows(/(?: {2}|m)closed/);
    terminal.type('q');
    assert.equal(await terminal.ended(), 0);
  });

  test('memory that is damaged meanwhile: the terminal is given back, then the error is told', async (context) => {
    const { directory, regionPath } = await leftByKill(context);
    const terminal = start(context, directory);
    await terminal.shows(/ended, not closed/);
    const bytes = readFileSync(regionPath);
    const header = decodeRegionHeader(bytes, bytes.length);
    assert.ok('sections' in header);
    // In its place: a file that is written anew is empty for a moment.
    const stateAt = header.sections.control.byteOffset + RingControlLayout.offset.state;
    overwrite(regionPath, stateAt, Buffer.from(Uint32Array.of(77).buffer));
    assert.equal(await terminal.ended(), 1);
    const [, after = ''] = terminal.output.split(LEAVE);
    // It goes on below where it is wider than the terminal.
    const told = after.replaceAll(/\s+/g, ' ');
    assert.match(told, /ERR_FLASHSTRIKE_SHARED_MEMORY.*its state 77 is unknown/);
    assert.ok(terminal.isSane, terminal.output);
  });
});

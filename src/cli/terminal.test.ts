import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Terminal } from './terminal.js';

class Screen {
  written = '';
  readonly isTTY: boolean;
  readonly columns: number;

  constructor(isTTY: boolean, columns = 20) {
    this.isTTY = isTTY;
    this.columns = columns;
  }
  write(text: string): void {
    this.written += text;
  }
}

describe('Terminal', () => {
  it('writes plain lines, no colour and no progress, where there is no terminal', () => {
    const screen = new Screen(false);
    const terminal = new Terminal(screen, {});
    terminal.progress(() => 'never shown', 1000);
    terminal.line(terminal.bold(terminal.red('words')));
    assert.equal(screen.written, 'words\n');
    assert.equal(terminal.showsProgress, false);
  });

  it('shows colour on a terminal, unless NO_COLOR has a value', () => {
    const on = (environment: { NO_COLOR?: string }): string =>
      new Terminal(new Screen(true), environment).green('x');
    assert.equal(on({}), '\u001b[32mx\u001b[0m');
    assert.equal(on({ NO_COLOR: '' }), '\u001b[32mx\u001b[0m');
    assert.equal(on({ NO_COLOR: '0' }), 'x');
  });

  it('moves nothing on a dumb terminal', () => {
    const screen = new Screen(true);
    const terminal = new Terminal(screen, { TERM: 'dumb' });
    terminal.progress(() => 'never shown', 1000);
    assert.equal(screen.written + terminal.cyan('x'), 'x');
  });

  it('replaces its progress in place, ten times a second', () => {
    const screen = new Screen(true);
    const terminal = new Terminal(screen, {});
    terminal.progress(() => 'one', 1000);
    terminal.progress(() => assert.fail('too soon'), 1050);
    terminal.progress(() => 'two', 1100);
    assert.equal(screen.written, '\rone\u001b[K\rtwo\u001b[K');
  });

  it('cuts no number of its progress short, whatever the width', () => {
    const text = '12,345,678 events  987 MB  durable 12,345,670';
    const words = text.split(/ +/);
    for (let columns = 0; columns <= text.length + 2; columns += 1) {
      const screen = new Screen(true, columns);
      new Terminal(screen, {}).progress(() => text, 1000);
      const shown = screen.written.slice(1, -'\u001b[K'.length);
      assert.ok(shown.length <= Math.max(0, columns - 1), `${columns}: ${shown}`);
      const whole = shown.split(/ +/).filter((word) => word !== '' && word !== '…');
      assert.deepEqual(whole, words.slice(0, whole.length), `${columns}: ${shown}`);
      assert.equal(shown.includes('…') || columns <= 1, columns <= text.length);
    }
  });

  it('goes on below at a word where a line is too long, in the column of its text', () => {
    const lineIn = (columns: number, text: string, isTTY = true): string => {
      const screen = new Screen(isTTY, columns);
      new Terminal(screen, {}).line(text);
      return screen.written;
    };
    assert.equal(lineIn(20, 'ids 1 to 3,000,000; durable'), 'ids 1 to 3,000,000;\ndurable\n');
    assert.equal(lineIn(20, '   one two three four five'), '   one two three\n   four five\n');
    assert.equal(lineIn(20, 'a\nb'), 'a\nb\n');
    const painted = new Terminal(new Screen(true), {}).bold('as wide as this here');
    assert.equal(lineIn(20, painted), `${painted}\n`);
    const long = `/${'x'.repeat(40)}`;
    assert.equal(lineIn(20, `in ${long}`), `in\n${long}\n`);
    assert.equal(lineIn(5, 'one two three'), 'one two three\n');
    assert.equal(lineIn(20, `in a pipe ${long}`, false), `in a pipe ${long}\n`);
  });

  it('takes the progress away before a line, once', () => {
    const screen = new Screen(true);
    const terminal = new Terminal(screen, {});
    terminal.progress(() => 'one', 1000);
    screen.written = '';
    terminal.line('a');
    terminal.line('b');
    assert.equal(screen.written, '\r\u001b[Ka\nb\n');
  });
});

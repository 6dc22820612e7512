import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Terminal } from './terminal.js';

class Screen {
  written = '';
  readonly isTTY: boolean;
  readonly columns = 20;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
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

  it('replaces its progress in place, ten times a second, cut to the width', () => {
    const screen = new Screen(true);
    const terminal = new Terminal(screen, {});
    terminal.progress(() => 'one', 1000);
    terminal.progress(() => assert.fail('too soon'), 1050);
    terminal.progress(() => 'x'.repeat(50), 1100);
    assert.equal(screen.written, `\rone\u001b[K\r${'x'.repeat(19)}\u001b[K`);
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

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeTerminal } from './fake-terminal.js';
import { InlinePanel } from './inline-panel.js';

/** A terminal with a line on it, and a panel below. */
function start(columns = 10, rows = 6) {
  const terminal = new FakeTerminal(columns, rows);
  terminal.write('before\n');
  const panel = new InlinePanel(terminal);
  return { terminal, panel };
}

const listeners = (): number => process.listenerCount('SIGCONT');

describe('a panel among other lines', () => {
  it('is drawn over itself, each time in one write, and nothing is blanked first', () => {
    const { terminal, panel } = start();
    panel.draw(['one', 'two']);
    panel.draw(['1', '2']);
    assert.deepEqual(terminal.lines, ['before', '1', '2', '']);
    assert.equal(terminal.writes.length, 3);
    assert.equal(terminal.writes.at(-1), '\r\u001b[2A1\u001b[K\n2\u001b[K\n\u001b[J');
    panel.leave();
  });

  it('may grow and shrink, also where that scrolls', () => {
    const { terminal, panel } = start();
    for (const count of [1, 5, 2, 4]) {
      panel.draw(Array.from({ length: count }, (_, index) => `${count} ${index}`));
    }
    assert.deepEqual(terminal.lines, ['before', '4 0', '4 1', '4 2', '4 3', '']);
    panel.leave();
  });

  it('keeps the last character of a line as wide as the terminal', () => {
    const { terminal, panel } = start();
    for (const line of ['abcdefghij', 'klmnopqrst']) panel.draw([line, 'x']);
    assert.deepEqual(terminal.lines, ['before', 'klmnopqrst', 'x', '']);
    panel.leave();
  });

  it('never touches what is above it, on a terminal with fewer rows than it has lines', () => {
    const { terminal, panel } = start(10, 4);
    const lines = ['a', 'b', 'c', 'd', 'e'];
    for (let count = 0; count < 3; count++) panel.draw(lines);
    assert.deepEqual(terminal.lines, ['before', 'a', 'b', '3 more ro…', '']);
    panel.finish(lines);
    assert.deepEqual(terminal.lines, ['before', ...lines, '']);
  });

  it('stays once it is left: what follows is below, and so is the next panel', () => {
    const { terminal, panel } = start();
    panel.draw(['one', 'two']);
    panel.finish(['all']);
    terminal.write('said\n');
    panel.draw(['next']);
    panel.leave();
    panel.draw(['last']);
    panel.leave();
    assert.deepEqual(terminal.lines, ['before', 'all', 'said', 'next', 'last', '']);
  });

  it('begins anew below, when the terminal has another size or was given to others meanwhile', () => {
    const { terminal, panel } = start();
    panel.draw(['one']);
    terminal.columns = 20;
    panel.draw(['two']);
    panel.draw(['three']);
    terminal.write('$ fg\n');
    process.emit('SIGCONT', 'SIGCONT');
    panel.draw(['four']);
    panel.draw(['five']);
    assert.deepEqual(terminal.lines, ['before', 'one', 'three', '$ fg', 'five', '']);
    panel.leave();
  });

  it('listens for signals only while it is drawn, once', () => {
    const { panel } = start();
    const before = listeners();
    for (let count = 0; count < 3; count++) panel.draw(['x']);
    assert.equal(listeners(), before + 1);
    panel.finish(['x']);
    assert.equal(listeners(), before);
    panel.draw(['x']);
    panel.leave();
    assert.equal(listeners(), before);
  });

  it('believes neither a width nor a height of 0', () => {
    const terminal = new FakeTerminal(0, 0);
    const panel = new InlinePanel(terminal);
    assert.equal(panel.columns, 80);
    panel.draw(['x', 'y']);
    assert.match(terminal.text, /^\rx\ny\n$/);
    panel.leave();
  });
});

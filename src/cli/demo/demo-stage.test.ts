import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Terminal } from '../terminal.js';
import { FakeTerminal } from '../top/fake-terminal.js';
import { DemoStage, describeOrder } from './demo-stage.js';

/** Lines on stdout and the moving line on stderr share a terminal, as they mostly do. */
function stageOn(terminal: FakeTerminal, environment: { TERM: string }): DemoStage {
  return new DemoStage(
    { stdout: terminal, terminal: new Terminal(terminal, environment) },
    environment,
  );
}

describe('the stage of the demo', () => {
  it('draws live panels over each other, and says everything else below', () => {
    const terminal = new FakeTerminal();
    const stage = stageOn(terminal, { TERM: 'xterm' });
    stage.step('Record', ['words']);
    stage.progress(() => 'moving');
    stage.livePanel(() => ['first']);
    stage.livePanel(({ columns }) => [`second of ${columns}`]);
    stage.panel(() => ['third', 'and last']);
    stage.gap();
    stage.livePanel(() => ['another']);
    stage.say('said');
    stage.livePanel(() => ['one more']);
    stage.verdict('done');
    assert.deepEqual(terminal.lines, [
      '',
      '1. Record',
      '   words',
      '',
      'third',
      'and last',
      '',
      '',
      'another',
      '   said',
      '',
      'one more',
      '',
      'done',
      '',
    ]);
  });

  it('leaves the whole panel, on a terminal too low for a live one', () => {
    const terminal = new FakeTerminal(80, 4);
    const stage = stageOn(terminal, { TERM: 'xterm' });
    const lines = ['a', 'b', 'c', 'd', 'e'];
    stage.livePanel(() => lines);
    assert.deepEqual(terminal.lines, [
      '',
      'a',
      '4 more rows: a taller terminal, --once or --json',
      '',
    ]);
    stage.panel(() => lines);
    assert.deepEqual(terminal.lines, ['', ...lines, '']);
  });

  it('shows panels as they stay, and no others, where nothing can move', () => {
    const terminal = new FakeTerminal();
    const stage = stageOn(terminal, { TERM: 'dumb' });
    assert.equal(stage.hasLivePanel, false);
    stage.livePanel(() => assert.fail('it is not even rendered'));
    stage.panel(({ painters }) => [painters?.red('last') ?? '']);
    stage.progress(() => 'moving');
    assert.deepEqual(terminal.writes, ['\n', 'last\n']);
  });

  it('describes orders by a few of them, the same for the same seed', () => {
    const [head, ...rows] = describeOrder(42);
    assert.equal(head, 'time,type,order id,size,price,direction');
    assert.equal(rows.length, 3);
    for (const row of rows) assert.match(row, /^34200\.\d+,[1-4],\d+,\d+,\d+,-?1$/);
    assert.deepEqual(describeOrder(42), [head, ...rows]);
    assert.notDeepEqual(describeOrder(7), [head, ...rows]);
  });
});

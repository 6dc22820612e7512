import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { cannotMap, mappedOptions, TINY } from '../../../test/support/adapters.js';
import { openElsewhere } from '../../../test/support/attached-log.js';
import { Wal } from '../../index.js';
import { Terminal } from '../terminal.js';
import { FakeTerminal } from '../top/fake-terminal.js';
import { DemoStage } from './demo-stage.js';
import { RecorderTelemetry } from './recorder-telemetry.js';

const XTERM = { TERM: 'xterm' };

/** A log that this process has open: readers from outside cannot tell. */
async function openLog(context: TestContext, isShared: boolean) {
  const dir = mkdtempSync(join(tmpdir(), 'flashstrike-demo-'));
  let wal: Wal | undefined;
  context.after(async () => {
    await wal?.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const options = isShared ? mappedOptions(context) : { ...TINY, sharedMemory: 'off' as const };
  const log = await Wal.open(dir, options);
  wal = log;
  const append = async (events: number): Promise<void> => {
    for (let count = 0; count < events; count++) log.append(new Uint8Array(40));
    await log.durable();
  };
  return { dir, append };
}

class Pipe {
  text = '';
  write(text: string): void {
    this.text += text;
  }
}

/** A stage whose stdout is `stdout`; nothing may be said beside it. */
function stageOn(stdout: FakeTerminal | Pipe): DemoStage {
  const write = (text: string): void => assert.fail(`on stderr: ${text}`);
  return new DemoStage({ stdout, terminal: new Terminal({ write }, XTERM) }, XTERM);
}

function attach(dir: string, stage: DemoStage): RecorderTelemetry {
  return RecorderTelemetry.attach(dir, stage, 0) ?? assert.fail('there is no telemetry');
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

describe('telemetry of the recording process', () => {
  it('is one live panel on a terminal, twice a second at most, and stays', {
    skip: cannotMap,
  }, async (context) => {
    const { dir, append } = await openLog(context, true);
    const terminal = new FakeTerminal();
    const telemetry = attach(dir, stageOn(terminal));
    context.after(() => telemetry.close());
    assert.match(terminal.lines.join('\n'), /^throughput {2}known at the next look$/m);
    assert.match(terminal.lines.join('\n'), /^appended {4}no event yet$/m);
    await append(100);
    const before = terminal.writes.length;
    telemetry.refresh(499);
    assert.equal(terminal.writes.length, before);
    telemetry.refresh(500);
    telemetry.refresh(999);
    assert.equal(terminal.writes.length, before + 1);
    assert.match(terminal.lines.join('\n'), /^durable {5}event 100 {3}all of them$/m);
    await append(11);
    telemetry.look();
    telemetry.showRecording();
    const text = terminal.lines.join('\n');
    assert.equal(count(text, /^flashstrike top /gm), 1);
    assert.match(text, /^throughput {2}[\d.]+( [kM])? events\/s/m);
    assert.match(text, /^durable {5}event 111 {3}all of them$/m);
    assert.match(text, /^sync +[\d.]+( [kM])?\/s /m);
  });

  it('is one panel, in plain text, where there is no terminal', {
    skip: cannotMap,
  }, async (context) => {
    const { dir, append } = await openLog(context, true);
    const pipe = new Pipe();
    const telemetry = attach(dir, stageOn(pipe));
    context.after(() => telemetry.close());
    await append(100);
    telemetry.refresh(1e6);
    assert.equal(count(pipe.text, /^flashstrike top /gm), 0);
    telemetry.look();
    telemetry.showRecording();
    assert.equal(count(pipe.text, /^flashstrike top /gm), 1);
    assert.match(pipe.text, /^durable {5}event 100 {3}all of them$/m);
    assert.doesNotMatch(pipe.text, /[^\P{Cc}\n]/u);
  });

  it('outlives the process, and says so', { skip: cannotMap }, async (context) => {
    const { directory, owner } = await openElsewhere(context);
    const pipe = new Pipe();
    const telemetry = attach(directory, stageOn(pipe));
    context.after(() => telemetry.close());
    await owner.kill();
    telemetry.showLeft();
    assert.match(pipe.text, /^ {3}it had counted 3,000 appends\.$/m);
    assert.match(pipe.text, /^flashstrike top .* ended, not closed$/m);
    assert.match(
      pipe.text,
      new RegExp(`^! process ${owner.child.pid} ended without closing; `, 'm'),
    );
  });

  it('that cannot be read is told in a line, and nothing else happens', async (context) => {
    const { dir } = await openLog(context, false);
    for (const stdout of [new Pipe(), new FakeTerminal(1000)]) {
      assert.equal(RecorderTelemetry.attach(dir, stageOn(stdout), 0), undefined);
      assert.match(
        stdout.text,
        /^ {3}No telemetry is shown: .*its telemetry is not in shared memory.*\n$/,
      );
    }
  });
});

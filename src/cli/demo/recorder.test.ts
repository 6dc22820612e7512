import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Wal } from '../../index.js';
import { OrderStream } from './order-stream.js';
import { compareWithStream } from './proof.js';
import { Recorder, RecorderEnded } from './recorder.js';

const folder = (context: TestContext): string => {
  const path = mkdtempSync(join(tmpdir(), 'flashstrike-recorder-'));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
};

const SETTINGS = { seed: 3, events: 20_000, eventsPerSecond: 1e6, pacedEvents: 20_000 };

describe('the recording process', { timeout: 300_000 }, () => {
  it('tells how far it is, and is gone after the kill with all it told in the log', async (context) => {
    const dir = folder(context);
    const recorder = new Recorder({ ...SETTINGS, dir });
    while ((recorder.last?.appendedEventId ?? 0) < 1000) {
      recorder.check();
      await sleep(5);
    }
    await recorder.kill();
    await recorder.kill();
    assert.throws(() => recorder.check(), RecorderEnded);
    const told = recorder.last?.appendedEventId ?? 0;
    const promised = recorder.last?.isMapped === true ? told : recorder.last?.writtenEventId;
    const wal = await Wal.open(dir);
    await wal.close();
    assert.ok(wal.lastEventId >= (promised ?? 0), `${wal.lastEventId} of ${promised}`);
    const compared = await compareWithStream(dir, new OrderStream(3), () => undefined);
    assert.equal(compared, wal.lastEventId);
  });

  it('that cannot record says why', async (context) => {
    const file = join(folder(context), 'file');
    writeFileSync(file, '');
    const recorder = new Recorder({ ...SETTINGS, dir: file });
    const ended = async (): Promise<void> => {
      for (;;) {
        recorder.check();
        await sleep(5);
      }
    };
    await assert.rejects(ended(), (error) => {
      assert.ok(error instanceof RecorderEnded);
      assert.match(error.message, /^flashstrike: ERR_FLASHSTRIKE_\w+: .*file/);
      return true;
    });
  });
});

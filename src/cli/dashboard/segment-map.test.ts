import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { FakeLog } from '../diagnosis/fake-look.js';
import { SegmentWatch } from './segment-map.js';

function folderWith(context: TestContext, files: Readonly<Record<string, number>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-segments-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, bytes] of Object.entries(files)) {
    writeFileSync(join(folder, name), Buffer.alloc(bytes));
  }
  return folder;
}

const FILES = {
  '0000000003.wal.lz4': 10,
  '0000000004.wal': 100,
  '0000000005.wal': 100,
  'prepared-7.tmp': 100,
  'prepared-8.tmp': 50,
};

/** A log that has one segment ready. */
function oneAhead(): FakeLog {
  const log = new FakeLog();
  log.preparation.onOffer(false);
  return log;
}

describe('the map of segments', () => {
  it('tells each state of their life', (context) => {
    const watch = new SegmentWatch(folderWith(context, FILES));
    assert.deepEqual(watch.look(0, oneAhead().look().recorder), {
      shown: [
        { index: 3, bytes: 10, state: 'cold' },
        { index: 4, bytes: 100, state: 'hot' },
        { index: 5, bytes: 100, state: 'active' },
      ],
      hot: 1,
      cold: 1,
      bytes: 210,
      freed: 2,
      ready: 1,
      making: 1,
    });
  });

  it('of a log that nobody has open has no active one', (context) => {
    const map = new SegmentWatch(folderWith(context, FILES)).look(0, undefined);
    assert.deepEqual([map?.hot, map?.ready, map?.making], [2, 2, 0]);
  });

  it('looks again when the metrics say that something moved, and not before', (context) => {
    const folder = folderWith(context, FILES);
    const watch = new SegmentWatch(folder);
    const log = oneAhead();
    const before = log.look().recorder;
    assert.equal(watch.look(0, before)?.shown.length, 3);
    renameSync(join(folder, 'prepared-7.tmp'), join(folder, '0000000006.wal'));
    assert.equal(watch.look(1000, before)?.shown.length, 3);
    log.took(400, (startNs) => log.taker.onGetNextSegment(startNs, 'ready', 2));
    const after = watch.look(1_000_000, log.look().recorder);
    assert.deepEqual(
      after?.shown.map(({ state }) => state),
      ['cold', 'hot', 'hot', 'active'],
    );
    assert.equal(after?.ready, 0);
  });

  it('is not there without the folder', (context) => {
    const folder = folderWith(context, {});
    rmSync(folder, { recursive: true });
    assert.equal(new SegmentWatch(folder).look(0, undefined), undefined);
  });
});

import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { FaultyStorage } from '../../test/support/faulty-storage.js';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { FakeClock } from '../clock/fake-clock.js';
import type { WalError } from '../errors.js';
import { nodeStorage } from '../storage/node-storage.js';
import { KIB, MIB } from '../units.js';
import { FinishedVerification } from './finished-verification.js';

const SEGMENTS = 4;

/** Three finished segments of a few megabytes each, and a last one. */
function fourSegments(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 8 * MIB });
  for (let index = 1; index <= SEGMENTS; index++) {
    builder.segment();
    for (let block = 0; block < 6; block++) builder.events(1, { payloadBytes: 900 * KIB });
    builder.watermark().seal();
  }
  return builder.meta();
}

class Told {
  readonly storage = new FaultyStorage(nodeStorage);
  readonly clock = new FakeClock();
  readonly errors: (WalError | undefined)[] = [];
  readonly verification: FinishedVerification;
  segments: number | undefined;
  hasEnded = false;
  steps = 0;
  bytesMax = 0;

  constructor(dir: string) {
    // A step takes a millisecond for each call to the disk.
    this.storage.onCall = () => this.clock.advanceNs(1e6);
    this.verification = new FinishedVerification(this.storage, this.clock, dir, {
      begin: (segments) => {
        this.segments = segments;
      },
      segment: (_startNs, error) => this.errors.push(error),
      end: () => {
        this.hasEnded = true;
      },
    });
  }

  /** One step, and the rest behind it. */
  step(): void {
    const before = this.storage.calls.length;
    const restMs = this.verification.step();
    const calls = this.storage.calls.slice(before);
    const bytes = calls.reduce(
      (sum, call) => sum + (call.kind === 'read' ? (call.bytes ?? 0) : 0),
      0,
    );
    this.bytesMax = Math.max(this.bytesMax, bytes);
    this.steps++;
    this.clock.advanceNs(restMs * 1e6);
  }

  run(): this {
    while (!this.hasEnded) {
      this.step();
      assert.ok(this.steps < 1000, 'it comes to an end');
    }
    assert.deepEqual([...this.storage.openFiles], []);
    return this;
  }
}

test('all finished segments, in bounded steps, and nothing is written', (t) => {
  const { dir } = fourSegments(t).write();
  const told = new Told(dir).run();
  assert.deepEqual([told.segments, told.errors], [SEGMENTS - 1, [undefined, undefined, undefined]]);
  assert.ok(told.bytesMax <= 4 * MIB, `${told.bytesMax} bytes in one step`);
  assert.ok(told.steps > 2 * SEGMENTS);
  assert.deepEqual(told.storage.story('write', 'sync', 'rename', 'unlink'), []);
});

test('it rests behind each step for as long as that took', (t) => {
  const { dir } = fourSegments(t).write();
  const { verification, clock, storage } = new Told(dir);
  const startNs = clock.nowNs();
  const restMs = verification.step();
  const workMs = (clock.nowNs() - startNs) / 1e6;
  assert.ok(restMs >= workMs && workMs > 0);
  const calls = storage.calls.length;
  assert.ok(verification.step() > 0);
  assert.equal(storage.calls.length, calls, 'nothing is done before the time');
  clock.advanceNs(restMs * 1e6);
  verification.step();
  assert.ok(storage.calls.length > calls);
});

test('damage names file, offset and ids, and the segments behind it are verified all the same', (t) => {
  const builder = fourSegments(t);
  const { offset } = builder.blockOf(2, 3);
  builder.fileOf(2)[offset + 1000] = 0xee;
  builder.write();
  const { errors } = new Told(builder.dir).run();
  assert.deepEqual(
    errors.map((error) => error?.path),
    [undefined, builder.pathOf(2), undefined],
  );
  assert.equal(errors[1]?.offset, offset);
  assert.match(errors[1]?.message ?? '', /event 9 .*some or all of the events 10 to 12 are lost/);
});

test('a file that is gone, and one that cannot be read, are told', (t) => {
  const builder = fourSegments(t).write();
  const told = new Told(builder.dir);
  told.step();
  unlinkSync(builder.pathOf(1));
  told.storage.fail({
    code: 'EIO',
    when: ({ kind, path, offset }) =>
      kind === 'read' && path === builder.pathOf(3) && (offset ?? 0) > 0,
  });
  told.run();
  assert.deepEqual(
    told.errors.map((error) => error?.code),
    ['ERR_FLASHSTRIKE_CORRUPT', undefined, 'ERR_FLASHSTRIKE_IO'],
  );
});

test('a close in the middle leaves nothing open, and nothing is told any more', (t) => {
  const told = new Told(fourSegments(t).write().dir);
  for (let step = 0; step < 3; step++) told.step();
  assert.equal(told.storage.openFiles.size, 1);
  told.verification.close();
  assert.deepEqual([...told.storage.openFiles], []);
  told.step();
  assert.deepEqual([told.hasEnded, told.errors], [false, []]);
});

test('a log with nothing finished is done at once', (t) => {
  const { dir } = new LogBuilder(temporaryFolder(t)).segment().events(1).meta().write();
  assert.deepEqual([new Told(dir).run().segments], [0]);
});

import assert from 'node:assert/strict';
import { linkSync, readdirSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { FaultyStorage } from '../../../test/support/faulty-storage.js';
import { LogBuilder, temporaryFolder, timestampOf } from '../../../test/support/log-builder.js';
import { FakeClock } from '../../clock/fake-clock.js';
import { codeOf, type WalError } from '../../errors.js';
import { nodeStorage } from '../../storage/node-storage.js';
import {
  SegmentMaintainer as Metrics,
  SegmentMaintainerUpdater,
} from '../../telemetry/recorder/worker/segment-maintainer-metrics.js';
import { KIB, MIB } from '../../units.js';
import { Signals } from '../threads/signals.js';
import { SegmentMaintainer } from './segment-maintainer.js';
import { SegmentRecycler } from './segment-recycler.js';

type Maintenance = ConstructorParameters<typeof SegmentMaintainer>[3];

const SEGMENTS = 5;
const EVENTS = 4;
const LAST = SEGMENTS * EVENTS;
/** More than any of these tests needs. */
const STEPS_MAX = 1000;

/** Four finished segments of four events each, and a last one. */
function fiveSegments(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t));
  for (let index = 1; index <= SEGMENTS; index++) {
    builder.segment().events(EVENTS).watermark();
    if (index < SEGMENTS) builder.seal();
  }
  return builder.meta();
}

class Bench {
  readonly builder: LogBuilder;
  readonly storage = new FaultyStorage(nodeStorage);
  readonly clock = new FakeClock();
  readonly metrics = new Metrics();
  readonly maintainer: SegmentMaintainer;
  readonly errors: (WalError | undefined)[] = [];
  readonly asked: number[] = [];
  hold: number | undefined;
  activeIndex = SEGMENTS;
  wish = 0;
  kept = 0;
  /** Whether wal.meta is written as soon as that is asked for. */
  answers = true;
  refusal: Error | undefined;
  nowNs = timestampOf(LAST);
  toVerify = 0;
  verifiedAll = 0;
  /** In which nobody asks for files of removed segments. */
  readonly signals = new Signals();

  constructor(builder: LogBuilder, maintenance: Partial<Maintenance> = {}) {
    this.builder = builder;
    const { dir: directory, logId } = builder;
    // Each call to the disk takes a millisecond.
    this.storage.onCall = () => this.clock.advanceNs(1e6);
    this.maintainer = new SegmentMaintainer(
      this.storage,
      this.clock,
      {
        directory,
        logId,
        activeIndex: () => this.activeIndex,
        deleteBefore: () => this.wish,
        keepFrom: (eventId) => {
          this.asked.push(eventId);
          if (this.answers) this.kept = Math.max(this.kept, eventId);
        },
        keptFrom: () => this.kept,
        keepRefusal: () => this.refusal,
        onRemoved: () => {},
        nowNs: () => this.nowNs,
      },
      { retention: undefined, verifiesAll: false, ...maintenance },
      { oldestNeeded: () => this.hold },
      new SegmentMaintainerUpdater(this.metrics, this.clock),
      {
        toVerify: (segments) => {
          this.toVerify += segments;
        },
        verified: (_startNs, error) => this.errors.push(error),
        verifiedAll: () => {
          this.verifiedAll++;
        },
      },
      new SegmentRecycler(this.storage, this.signals, () => {}),
    );
  }

  get segments(): number[] {
    return readdirSync(this.builder.dir)
      .filter((name) => name.endsWith('.wal'))
      .map((name) => Number(name.slice(0, 10)));
  }

  /** One step, and the rest behind it. */
  step(): number {
    const restMs = this.maintainer.step();
    assert.ok(restMs > 0);
    this.clock.advanceNs(restMs * 1e6);
    return restMs;
  }

  /** Steps until `isDone`, which is given the rest behind the last step, in ms. */
  stepUntil(isDone: (restMs: number) => boolean): void {
    for (let steps = 0; !isDone(this.step()); steps++) {
      assert.ok(steps < STEPS_MAX, 'it comes to an end');
    }
  }

  /** Until nothing is left to be done: the pause is the longest. */
  run(): this {
    this.stepUntil((restMs) => restMs >= 1000);
    assert.deepEqual([...this.storage.openFiles], []);
    return this;
  }

  ask(eventId: number): this {
    this.wish = Math.max(this.wish, eventId);
    this.maintainer.ask();
    return this.run();
  }
}

describe('what retention removes', () => {
  const cases: [string, Maintenance['retention'], number[]][] = [
    ['segments beyond the number', { segments: 2 }, [3, 4, 5]],
    // The one that is written to counts.
    ['segments beyond the bytes', { bytes: 3 * 64 * KIB }, [3, 4, 5]],
    ['nothing within all limits', { segments: 4, bytes: MIB, ageMs: 1000 }, [1, 2, 3, 4, 5]],
    ['the most that any limit asks for', { segments: 3, bytes: 2 * 64 * KIB }, [4, 5]],
  ];
  for (const [what, retention, left] of cases) {
    test(`${what}`, (t) => {
      // Full files: nothing is cut.
      const builder = fiveSegments(t);
      for (const bytes of builder.files.values()) bytes[bytes.length - 1] = 1;
      const bench = new Bench(builder.write(), { retention });
      bench.run();
      assert.deepEqual(bench.segments, left);
      const removed = SEGMENTS - left.length;
      assert.equal(bench.metrics.maintenanceRetention.successes, removed);
      assert.equal(bench.metrics.freedBytes, removed * 64 * KIB);
    });
  }

  test('segments whose last event is older', (t) => {
    const bench = new Bench(fiveSegments(t).write(), { retention: { ageMs: 1000 } });
    bench.nowNs = timestampOf(2 * EVENTS) + 1_000_000_000n;
    assert.deepEqual(bench.run().segments, [2, 3, 4, 5], 'of two, one is as old as that');
    bench.nowNs += 1n;
    assert.deepEqual(bench.run().segments, [3, 4, 5]);
    bench.nowNs += 86_400_000_000_000n;
    assert.deepEqual(bench.run().segments, [5], 'and never the one that is written to');
  });

  // Kafka's KAFKA-6482 and KAFKA-20609: one wrong time, and nothing goes by its age any more.
  test('segments of a time that is yet to come, once they are known for as long', (t) => {
    const bench = new Bench(fiveSegments(t).write(), { retention: { ageMs: 60_000 } });
    bench.nowNs = timestampOf(1) - 10n ** 9n;
    bench.activeIndex = 3;
    assert.deepEqual(bench.run().segments, [1, 2, 3, 4, 5]);
    bench.clock.advanceNs(50_000 * 1e6);
    bench.activeIndex = SEGMENTS;
    assert.deepEqual(bench.run().segments, [1, 2, 3, 4, 5]);
    bench.clock.advanceNs(10_000 * 1e6);
    assert.deepEqual(bench.run().segments, [3, 4, 5], 'the others are known since later');
    bench.clock.advanceNs(50_000 * 1e6);
    assert.deepEqual(bench.run().segments, [5], 'and never the one that is written to');
  });

  test('what is finished later, without another open', (t) => {
    const bench = new Bench(fiveSegments(t).write(), { retention: { segments: 2 } });
    bench.activeIndex = 3;
    assert.deepEqual(bench.run().segments, [1, 2, 3, 4, 5]);
    bench.activeIndex = 4;
    assert.deepEqual(bench.run().segments, [2, 3, 4, 5]);
    assert.deepEqual(bench.asked, [EVENTS + 1]);
  });

  test('segments with nothing but events before one that is told', (t) => {
    const bench = new Bench(fiveSegments(t).write());
    assert.deepEqual(bench.run().segments, [1, 2, 3, 4, 5]);
    for (const [eventId, first] of [
      [EVENTS, 1],
      [2 * EVENTS, EVENTS + 1],
      [2 * EVENTS + 1, 2 * EVENTS + 1],
      // Asked for again, and less than before.
      [1, 2 * EVENTS + 1],
      [LAST + 1, 4 * EVENTS + 1],
    ] as const) {
      bench.ask(eventId);
      const { isSettled, firstEventId, error } = bench.maintainer.removal;
      assert.deepEqual([isSettled, firstEventId, error], [true, first, undefined]);
    }
    assert.deepEqual(bench.segments, [5], 'the one that is written to stays');
  });
});

describe('the order', () => {
  test('a file is used again once its name is durably gone; nothing else is given back then', (t) => {
    const keptTailBytes = 64 * KIB;
    const bench = new Bench(fiveSegments(t).write(), { retention: { segments: 2 }, keptTailBytes });
    bench.signals.set('recycledPages', 16);
    bench.run();
    assert.deepEqual(bench.segments, [3, 4, 5]);
    const changes = ['renameNoReplace', 'unlink', 'syncDirectory', 'write', 'truncate'] as const;
    const folder = basename(bench.builder.dir);
    assert.deepEqual(
      bench.storage.story(...changes).map((call) => call.replace(/\/\S+\//, '')),
      [1, 2].flatMap((index) => [
        `renameNoReplace 000000000${index}.wal prepared-${2 ** 31 + index}.tmp`,
        `syncDirectory ${folder}`,
        `write prepared-${2 ** 31 + index}.tmp@0`,
      ]),
    );
    assert.equal(bench.metrics.maintenanceRetention.successes, 2);
    assert.equal(bench.metrics.freedBytes, 0);
    assert.equal(bench.signals.recycledQueue.length, 2);
  });

  test('wal.meta says it, then the oldest one goes, and that is durable before the next goes', (t) => {
    const bench = new Bench(fiveSegments(t).write(), { retention: { segments: 2 } });
    bench.answers = false;
    for (let step = 0; step < 20; step++) bench.step();
    assert.deepEqual(bench.storage.story('unlink'), []);
    assert.ok(bench.asked.every((eventId) => eventId === EVENTS + 1));
    bench.answers = true;
    bench.run();
    assert.deepEqual(
      bench.storage.story('unlink', 'syncDirectory').map((call) => call.split('/').at(-1)),
      [
        'unlink 0000000001.wal',
        `syncDirectory ${bench.builder.dir.split('/').at(-1)}`,
        'unlink 0000000002.wal',
        `syncDirectory ${bench.builder.dir.split('/').at(-1)}`,
      ],
    );
    assert.equal(bench.kept, 2 * EVENTS + 1);
  });

  test('a folder that cannot be synced: the next one stays until it can', (t) => {
    const bench = new Bench(fiveSegments(t).write(), { retention: { segments: 2 } });
    bench.storage.fail({ code: 'EIO', when: ({ kind }) => kind === 'syncDirectory', times: 3 });
    bench.stepUntil(() => bench.metrics.maintenanceFailures === 3);
    assert.deepEqual(bench.segments, [2, 3, 4, 5]);
    assert.deepEqual(bench.run().segments, [3, 4, 5]);
  });

  test('it is verified first, in bounded steps with a rest behind each', (t) => {
    const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 8 * MIB });
    for (let index = 1; index <= 3; index++) {
      builder.segment();
      for (let block = 0; block < 6; block++) builder.events(1, { payloadBytes: 900 * KIB });
      builder.watermark().seal();
    }
    const bench = new Bench(builder.meta().write(), { retention: { segments: 1 } });
    bench.activeIndex = 3;
    const { storage } = bench;
    let readMax = 0;
    for (let steps = 0; bench.segments.length === 3; steps++) {
      assert.ok(steps < STEPS_MAX, 'it comes to an end');
      const [calls, startNs] = [storage.calls.length, bench.clock.nowNs()];
      const restMs = bench.maintainer.step();
      const workNs = bench.clock.nowNs() - startNs;
      assert.ok(restMs * 1e6 >= Math.min(workNs, 2e6), 'a rest as long as the work');
      const bytes = storage.calls
        .slice(calls)
        .reduce((sum, call) => sum + (call.kind === 'read' ? (call.bytes ?? 0) : 0), 0);
      readMax = Math.max(readMax, bytes);
      bench.clock.advanceNs(restMs * 1e6);
    }
    assert.ok(readMax <= 4 * MIB, `${readMax} bytes in one step`);
    assert.deepEqual(bench.errors, [undefined]);
  });
});

describe('what stays', () => {
  test('a damaged segment, with all behind it, and that is told once', (t) => {
    const builder = fiveSegments(t);
    const bytes = builder.fileOf(2);
    const { offset } = builder.blockOf(2, 0);
    bytes[offset + 100] = (bytes[offset + 100] ?? 0) ^ 1;
    const bench = new Bench(builder.write(), { retention: { segments: 1 } });
    bench.run();
    assert.deepEqual(bench.segments, [2, 3, 4, 5]);
    assert.equal(bench.metrics.blockedSegments, 1);
    bench.ask(LAST);
    const { firstEventId, error } = bench.maintainer.removal;
    assert.equal(firstEventId, EVENTS + 1);
    assert.equal(codeOf(error), 'ERR_FLASHSTRIKE_CORRUPT');
    assert.match(
      error?.message ?? '',
      /0000000002.wal is sound up to .*restore the file from a backup/,
    );
    assert.deepEqual(
      bench.errors.filter((each) => each !== undefined).map(({ path }) => path),
      [builder.pathOf(2)],
    );
    // Another file in its place, as from a backup: it is looked at again.
    bytes[offset + 100] = (bytes[offset + 100] ?? 0) ^ 1;
    renameSync(builder.pathOf(2), `${temporaryFolder(t)}/damaged`);
    writeFileSync(builder.pathOf(2), bytes);
    assert.deepEqual(bench.run().segments, [5]);
    assert.equal(bench.metrics.blockedSegments, 0);
  });

  test('one whose successor tells nothing', (t) => {
    const builder = fiveSegments(t);
    builder.fileOf(2).fill(0, 0, 4096);
    const bench = new Bench(builder.write(), { retention: { segments: 1 } }).run();
    assert.deepEqual(bench.segments, [1, 2, 3, 4, 5]);
    assert.equal(bench.metrics.blockedSegments, 1);
    assert.match(
      bench.errors.find((error) => error !== undefined)?.message ?? '',
      /header of .*2\.wal/,
    );
  });

  test('what somebody needs, until it is not needed any more', (t) => {
    const bench = new Bench(fiveSegments(t).write(), { retention: { segments: 1 } });
    bench.hold = 2 * EVENTS;
    assert.deepEqual(bench.run().segments, [2, 3, 4, 5], 'the second one holds event 8');
    const { metrics } = bench;
    assert.deepEqual([metrics.heldSegments, metrics.heldEventId], [1, 2 * EVENTS]);
    bench.ask(LAST + 1);
    assert.deepEqual(
      [bench.maintainer.removal.firstEventId, bench.maintainer.removal.error],
      [EVENTS + 1, undefined],
    );
    bench.hold = 2 * EVENTS + 1;
    assert.deepEqual(bench.run().segments, [3, 4, 5]);
    bench.hold = undefined;
    assert.deepEqual(bench.run().segments, [5]);
    assert.deepEqual([metrics.heldSegments, metrics.heldEventId], [0, 0]);
  });

  test('a need that comes up while wal.meta is written', (t) => {
    const bench = new Bench(fiveSegments(t).write(), { retention: { segments: 1 } });
    bench.answers = false;
    bench.stepUntil(() => bench.asked.length > 0);
    bench.hold = 1;
    bench.answers = true;
    bench.kept = EVENTS + 1;
    assert.deepEqual(bench.run().segments, [1, 2, 3, 4, 5]);
  });

  test('another file that came into its place after it was verified', (t) => {
    const builder = fiveSegments(t).write();
    const bench = new Bench(builder, { retention: { segments: 1 } });
    bench.answers = false;
    bench.stepUntil(() => bench.asked.length > 0);
    renameSync(builder.pathOf(1), `${temporaryFolder(t)}/moved`);
    builder.fileOf(1)[builder.blockOf(1, 0).offset + 100] = 0xee;
    builder.write();
    bench.answers = true;
    assert.deepEqual(bench.run().segments, [1, 2, 3, 4, 5]);
    assert.equal(bench.errors.at(-1)?.path, builder.pathOf(1));
  });
});

describe('what cannot be done', () => {
  for (const kind of ['unlink', 'read', 'open', 'statusAt', 'list'] as const) {
    test(`${kind} fails for a while: counted, and tried again`, (t) => {
      const bench = new Bench(fiveSegments(t).write(), { retention: { segments: 2 } });
      const fault = bench.storage.fail({
        code: 'EIO',
        when: (call) => call.kind === kind,
        times: 3,
      });
      for (let steps = 0; bench.segments.length > 3; steps++) {
        assert.ok(steps < 1000);
        bench.step();
      }
      assert.equal(fault.hits, 3);
      const { maintenanceFailures, verification } = bench.metrics;
      assert.ok(maintenanceFailures + verification.failures > 0);
      assert.deepEqual(bench.run().segments, [3, 4, 5]);
    });
  }

  test('a segment that cannot be read: whoever waits is told, and all else is done', (t) => {
    const builder = fiveSegments(t).write();
    const bench = new Bench(builder, { verifiesAll: true });
    const fault = bench.storage.fail({
      code: 'EIO',
      when: ({ kind, path, offset }) =>
        kind === 'read' && path === builder.pathOf(1) && offset === 4096,
    });
    bench.ask(EVENTS + 1);
    const { isSettled, firstEventId, error } = bench.maintainer.removal;
    assert.deepEqual([isSettled, firstEventId], [true, 1]);
    assert.equal(codeOf(error), 'ERR_FLASHSTRIKE_IO');
    assert.equal(bench.verifiedAll, 1);
    assert.ok(fault.hits < 20, 'not again and again without a pause');
    const { hits } = fault;
    for (let steps = 0; steps < 100; steps++) bench.step();
    assert.ok(fault.hits < hits + 20, 'seldom after a while');
  });

  test('the header of the next segment is lost meanwhile: whoever waits is told', (t) => {
    const builder = fiveSegments(t).write();
    const bench = new Bench(builder, { retention: { segments: 4 } }).run();
    renameSync(builder.pathOf(2), `${temporaryFolder(t)}/moved`);
    bench.ask(EVENTS + 1);
    assert.equal(bench.maintainer.removal.isSettled, true);
    assert.notEqual(bench.maintainer.removal.error, undefined);
    assert.deepEqual(bench.segments, [1, 3, 4, 5]);
  });

  test('the oldest header cannot be read, and nobody wants anything to go: all is verified', (t) => {
    const builder = fiveSegments(t).write();
    const bench = new Bench(builder, { verifiesAll: true });
    bench.storage.fail({
      code: 'EIO',
      when: ({ kind, path }) => kind === 'read' && path === builder.pathOf(1),
    });
    bench.run();
    assert.equal(bench.verifiedAll, 1);
    assert.deepEqual(bench.errors.slice(1), [undefined, undefined, undefined]);
    assert.equal(bench.metrics.maintenanceFailures, 0);
  });

  test('a tail that cannot be cut keeps nothing from being removed', (t) => {
    const bench = new Bench(fiveSegments(t).write(), { retention: { segments: 2 } });
    bench.storage.fail({ code: 'EIO', when: ({ kind }) => kind === 'truncate' });
    bench.run();
    assert.deepEqual(bench.segments, [3, 4, 5]);
    assert.equal(bench.maintainer.removal.error, undefined);
    assert.ok(bench.metrics.maintenanceFailures > 0);
  });

  for (const kind of ['unlink', 'syncDirectory'] as const) {
    test(`${kind} removes a segment and tells a failure: the next ones go all the same`, (t) => {
      const bench = new Bench(fiveSegments(t).write(), { retention: { segments: 2 } });
      const { builder } = bench;
      bench.storage.fail({
        code: 'EIO',
        when: (call) => call.kind === kind,
        before: ({ path }) => kind === 'unlink' && unlinkSync(path),
        times: 1,
      });
      assert.deepEqual(bench.run().segments, [3, 4, 5]);
      assert.equal(bench.metrics.maintenanceFailures, 1);
      assert.equal(bench.metrics.maintenanceRetention.successes, 2);
      assert.ok(
        bench.errors.every((error) => error === undefined),
        'and none is called damaged',
      );
      const synced = bench.storage.story('syncDirectory').length;
      assert.equal(synced, kind === 'unlink' ? 2 : 3, builder.dir);
    });
  }

  test('wal.meta cannot be written: whoever waits is told, and it goes on once it can', (t) => {
    const bench = new Bench(fiveSegments(t).write());
    bench.answers = false;
    bench.refusal = new Error('no space');
    bench.ask(LAST);
    assert.deepEqual(
      [bench.maintainer.removal.firstEventId, bench.maintainer.removal.error],
      [1, bench.refusal],
    );
    bench.answers = true;
    bench.refusal = undefined;
    assert.deepEqual(bench.run().segments, [5]);
  });

  test('an idle one looks after 10 ms, and then after ever longer times up to a second', (t) => {
    const bench = new Bench(fiveSegments(t).write(), { retention: { segments: 4 } });
    const rests = Array.from({ length: 9 }, () => bench.step());
    assert.deepEqual(rests, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    const { cycles, activeCycles } = bench.metrics.persistenceLifecycle;
    assert.deepEqual([cycles, activeCycles], [9, 0]);
    bench.maintainer.ask();
    assert.equal(bench.step(), 10);
  });
});

describe('the end that a finished segment does not use', () => {
  test('is given back: the file ends behind the seal', (t) => {
    const builder = fiveSegments(t).write();
    const bench = new Bench(builder, { retention: { segments: 10 }, verifiesAll: true }).run();
    const seal = builder.blockOf(1, -1);
    const end = Math.ceil((seal.offset + seal.bytes) / 4096) * 4096;
    assert.equal(statSync(builder.pathOf(1)).size, end);
    assert.equal(bench.metrics.freedBytes, 4 * (64 * KIB - end));
    assert.equal(statSync(builder.pathOf(SEGMENTS)).size, 64 * KIB, 'that which is written to');
  });

  test('stays where a torn write is, where the seal is missing, and under another name', (t) => {
    const builder = fiveSegments(t);
    const torn = builder.fileOf(1);
    const behind = builder.blockOf(1, -1);
    torn[behind.offset + behind.bytes + 8000] = 1;
    const { offset } = builder.blockOf(2, -1);
    builder.fileOf(2).fill(0, offset);
    builder.write();
    linkSync(builder.pathOf(3), `${temporaryFolder(t)}/snapshot`);
    const bench = new Bench(builder, { retention: { segments: 10 }, verifiesAll: true }).run();
    assert.deepEqual(bench.errors, [undefined, undefined, undefined, undefined]);
    const sizes = [1, 2, 3, 4].map((index) => statSync(builder.pathOf(index)).size === 64 * KIB);
    assert.deepEqual(sizes, [true, true, true, false]);
  });
});

describe("verify: 'background'", () => {
  test('all finished segments, and nothing is written', (t) => {
    const bench = new Bench(fiveSegments(t).write(), { verifiesAll: true }).run();
    assert.deepEqual([bench.toVerify, bench.errors.length, bench.verifiedAll], [4, 4, 1]);
    assert.deepEqual(bench.storage.story('write', 'truncate', 'sync', 'rename', 'unlink'), []);
  });

  test('damage names file, offset and ids, and what is behind it is verified all the same', (t) => {
    const builder = fiveSegments(t);
    const { offset } = builder.blockOf(2, 0);
    builder.fileOf(2)[offset + 100] = 0xee;
    builder.write();
    const { errors } = new Bench(builder, { verifiesAll: true }).run();
    assert.deepEqual(
      errors.map((error) => error?.path),
      [undefined, builder.pathOf(2), undefined, undefined],
    );
    assert.equal(errors[1]?.offset, offset);
    assert.match(errors[1]?.message ?? '', /event 4 .*some or all of the events 5 to 8 are lost/);
  });

  test('a file that is gone, and one that cannot be read, are told', (t) => {
    const builder = fiveSegments(t).write();
    const bench = new Bench(builder, { verifiesAll: true });
    bench.step();
    unlinkSync(builder.pathOf(2));
    bench.storage.fail({
      code: 'EIO',
      when: ({ kind, path, offset }) =>
        kind === 'read' && path === builder.pathOf(4) && (offset ?? 0) > 0,
    });
    bench.run();
    assert.deepEqual(
      bench.errors.map((error) => error?.code),
      [undefined, 'ERR_FLASHSTRIKE_CORRUPT', undefined, 'ERR_FLASHSTRIKE_IO'],
    );
  });

  test('a close in the middle leaves nothing open, and nothing is told any more', (t) => {
    const bench = new Bench(fiveSegments(t).write(), { verifiesAll: true });
    bench.stepUntil(() => bench.storage.openFiles.size > 0);
    bench.maintainer.close();
    assert.deepEqual([...bench.storage.openFiles], []);
    assert.equal(bench.verifiedAll, 0);
  });

  test('a log with nothing finished is done at once', (t) => {
    const builder = new LogBuilder(temporaryFolder(t)).segment().events(1).meta().write();
    const bench = new Bench(builder, { verifiesAll: true });
    bench.activeIndex = 1;
    bench.run();
    assert.deepEqual([bench.toVerify, bench.verifiedAll], [0, 1]);
  });
});

test('its limits are told, of what is compressed and of what is not', (t) => {
  const limits = (maintenance: Partial<Maintenance>): number[] => {
    const { metrics } = new Bench(fiveSegments(t).write(), maintenance);
    return [metrics.persistenceMaxHotSegments, metrics.persistenceMaxColdSegments];
  };
  assert.deepEqual(limits({}), [0, 0]);
  assert.deepEqual(limits({ retention: { bytes: MIB } }), [0, 0]);
  assert.deepEqual(limits({ retention: { segments: 7 } }), [7, 0]);
  assert.deepEqual(limits({ hotSegments: 2 }), [2, 0]);
  assert.deepEqual(limits({ hotSegments: 2, retention: { segments: 7 } }), [2, 5]);
  assert.deepEqual(limits({ hotSegments: 7, retention: { segments: 2 } }), [7, 0]);
});

test('the removal of compressed segments is told by itself: its unlink, and the sync', (t) => {
  const bench = new Bench(fiveSegments(t).write(), { hotSegments: 1, retention: { segments: 3 } });
  bench.hold = 1;
  bench.run();
  const { metrics, storage } = bench;
  assert.equal(metrics.maintenanceCompression.successes, 3);
  assert.equal(metrics.maintenanceDeletion.samples, 0);
  storage.fail({ code: 'EIO', when: ({ kind }) => kind === 'unlink', times: 1 });
  bench.hold = undefined;
  bench.stepUntil(() => metrics.maintenanceDeletion.failures > 0);
  bench.run();
  const { maintenanceDeletion, maintenanceRetention } = metrics;
  assert.equal(maintenanceDeletion.successes, 1);
  assert.equal(maintenanceRetention.successes, 1);
  // Each call to the disk takes a millisecond: a look, the unlink, the sync of the folder.
  assert.equal(maintenanceDeletion.maxNs, 3e6);
  assert.ok(maintenanceRetention.maxNs >= maintenanceDeletion.maxNs);
});

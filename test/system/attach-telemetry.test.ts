// attachTelemetry on a log of another process: running, killed, closed, opened anew, and none.
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Wal, type WalError } from '../../src/index.js';
import type { CollectedMetric, Collector } from '../../src/metrics/collector.js';
import { RegionHeaderLayout } from '../../src/region/region-layout.js';
import { type AttachedTelemetry, attachTelemetry } from '../../src/telemetry.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { EVENTS, leftByKill, openElsewhere, temporaryLog } from '../support/attached-log.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';

function attach(context: TestContext, directory: string): AttachedTelemetry {
  const telemetry = attachTelemetry(directory);
  context.after(() => telemetry.close());
  return telemetry;
}

/**
 * Where the owner has stopped in the middle of a record, it goes on: nothing is half recorded then.
 */
async function untilWhole(telemetry: AttachedTelemetry): Promise<void> {
  await eventually('every group is whole', () => {
    telemetry.refresh();
    return telemetry.incomplete.length === 0;
  });
}

const NO_TELEMETRY = 'ERR_FLASHSTRIKE_NO_TELEMETRY';

class NotingCollector implements Collector {
  readonly values = new Map<string, number>();
  readonly #labels: string[] = [];

  pushLabel(name: string, value: string): void {
    this.#labels.push(`${name}=${value}`);
  }
  popLabel(): void {
    this.#labels.pop();
  }
  /** Whose metrics they are is known here. */
  hasLabel(name: string): boolean {
    return name === 'log' || name === 'log_id';
  }
  #note({ name }: CollectedMetric, value: number): void {
    this.values.set([name, ...this.#labels].join(' '), value);
  }
  counter(metric: CollectedMetric, value: number): void {
    this.#note(metric, value);
  }
  gauge(metric: CollectedMetric, value: number): void {
    this.#note(metric, value);
  }
  summary(metric: CollectedMetric, { count }: { readonly count: number }): void {
    this.#note(metric, count);
  }
  histogram(metric: CollectedMetric, { count }: { readonly count: number }): void {
    this.#note(metric, count);
  }
}

describe('attachTelemetry', { skip: cannotMap, timeout: 900_000 }, () => {
  test('shows a log that another process has open', async (context) => {
    const { directory, owner, regionPath } = await openElsewhere(context);
    const telemetry = attach(context, directory);
    await untilWhole(telemetry);
    assert.equal(telemetry.directory, directory);
    assert.equal(telemetry.path, regionPath);
    assert.equal(telemetry.pid, owner.child.pid);
    assert.equal(telemetry.build.node, process.versions.node);
    assert.match(telemetry.build.version, /^\d+\.\d+\.\d+/);
    assert.equal(telemetry.status, 'running');
    assert.equal(telemetry.state, 'open');
    assert.equal(telemetry.writtenEventId, EVENTS);
    assert.equal(telemetry.durableEventId, EVENTS);
    assert.equal(telemetry.ringBytes, 65_536);
    assert.equal(telemetry.waitingBytes, 0);
    assert.deepEqual(telemetry.incomplete, []);
    const { manager, segmentWriter, segmentPreparer } = telemetry.recorder;
    assert.equal(manager.appendedEvents, EVENTS);
    assert.equal(segmentWriter.blockEvents, EVENTS);
    assert.ok(segmentWriter.sync.samples > 0);
    assert.ok(segmentPreparer.getNextSegment.samples > 0);
    const sinceStartMs = Date.now() - Number(telemetry.startedAtNs / 1_000_000n);
    assert.ok(sinceStartMs >= 0 && sinceStartMs < 600_000, `started ${sinceStartMs} ms ago`);
    assert.ok(telemetry.uptimeNs > 0 && telemetry.uptimeNs < 600e9);
  });

  test('sees each thread move', async (context) => {
    const { directory } = await openElsewhere(context);
    const telemetry = attach(context, directory);
    await eventually('each thread has beaten', () => {
      telemetry.refresh();
      const { writer, preparer, housekeeping } = telemetry.threads;
      return [writer, preparer, housekeeping].every(
        ({ beats, ageNs }) => beats > 0 && ageNs !== undefined,
      );
    });
    const { beats } = telemetry.threads.writer;
    await eventually('the writer beats again', () => {
      telemetry.refresh();
      return telemetry.threads.writer.beats > beats;
    });
  });

  test('shows what has happened since, but only when it is asked to look again', async (context) => {
    const directory = temporaryLog(context);
    const wal = await Wal.open(directory, mappedOptions(context));
    try {
      const telemetry = attach(context, directory);
      wal.append(Buffer.from('one'));
      await wal.durable();
      assert.equal(telemetry.recorder.manager.appendedEvents, 0);
      assert.equal(telemetry.durableEventId, 0);
      const { manager } = telemetry.recorder;
      assert.equal(telemetry.refresh(), 'running');
      assert.equal(telemetry.recorder.manager, manager);
      assert.equal(manager.appendedEvents, 1);
      assert.equal(telemetry.durableEventId, 1);
    } finally {
      await wal.close();
    }
  });

  test('has everything of a log whose process was killed, and says that it was', async (context) => {
    const { directory, owner } = await leftByKill(context);
    const telemetry = attach(context, directory);
    assert.equal(telemetry.status, 'dead');
    assert.equal(telemetry.state, 'open');
    assert.equal(telemetry.pid, owner.child.pid);
    assert.equal(telemetry.writtenEventId, EVENTS);
    assert.equal(telemetry.recorder.manager.appendedEvents, EVENTS);
    assert.ok(telemetry.uptimeNs > 0);
    const { uptimeNs } = telemetry;
    assert.equal(telemetry.refresh(), 'dead');
    // It counts to the last sign of life, which is known to the millisecond.
    assert.ok(Math.abs(telemetry.uptimeNs - uptimeNs) <= 2e6);
  });

  test('sees a kill while it is attached', async (context) => {
    const { directory, owner } = await openElsewhere(context);
    const telemetry = attach(context, directory);
    assert.equal(telemetry.refresh(), 'running');
    await owner.kill();
    assert.equal(telemetry.refresh(), 'dead');
    assert.equal(telemetry.recorder.manager.appendedEvents, EVENTS);
    const recent = telemetry.recorder.segmentWriter.writeBlockRecentMax;
    assert.ok(recent > 0);
    const now = performance.now.bind(performance);
    context.mock.method(performance, 'now', () => now() + 60_000);
    telemetry.refresh();
    assert.ok((telemetry.threads.writer.ageNs ?? 0) > 60e9, 'a minute later');
    assert.equal(telemetry.recorder.segmentWriter.writeBlockRecentMax, recent, 'as of its end');
  });

  test('sees a close while it is attached, and keeps the last values', async (context) => {
    const { directory, owner } = await openElsewhere(context);
    const telemetry = attach(context, directory);
    owner.tell();
    await owner.tells('closed');
    assert.equal(telemetry.refresh(), 'gone');
    assert.equal(telemetry.state, 'closed');
    assert.equal(telemetry.durableEventId, EVENTS);
    assert.equal(telemetry.recorder.manager.appendedEvents, EVENTS);
    assert.throws(() => attachTelemetry(directory), {
      code: NO_TELEMETRY,
      path: directory,
      message: /It was closed cleanly, was never opened here, or is open without shared memory/,
    });
  });

  test('an opening after a kill is another region: gone, and there to attach to', async (context) => {
    const { directory, options } = await leftByKill(context);
    const telemetry = attach(context, directory);
    const wal = await Wal.open(directory, options);
    try {
      assert.equal(telemetry.refresh(), 'gone');
      const next = attach(context, directory);
      assert.equal(next.status, 'running');
      assert.equal(next.pid, process.pid);
      assert.notEqual(next.path, telemetry.path);
      assert.equal(next.durableEventId, EVENTS);
    } finally {
      await wal.close();
    }
  });

  test('of two regions that LOCK names, shows that of the living process, else the younger', async (context) => {
    const first = await leftByKill(context);
    const { directory, options } = first;
    const older = readFileSync(first.regionPath);
    const second = await openElsewhere(context, directory, options);
    const name = (...regions: string[]): void => {
      writeFileSync(join(directory, 'LOCK'), JSON.stringify({ regions }).padEnd(4096));
    };
    const pidShown = (): number => {
      const telemetry = attachTelemetry(directory);
      telemetry.close();
      return telemetry.pid;
    };
    const startedAt = RegionHeaderLayout.offset.monotonicAnchorNs;
    writeFileSync(first.regionPath, older, { mode: 0o600 });
    for (const order of [
      [first.regionPath, second.regionPath],
      [second.regionPath, first.regionPath],
    ]) {
      name(...order);
      // It claims to be the younger one, but nobody holds it.
      older.writeBigUInt64LE(2n ** 63n, startedAt);
      writeFileSync(first.regionPath, older);
      assert.equal(pidShown(), second.owner.child.pid);
    }
    await second.owner.kill();
    assert.equal(pidShown(), first.owner.child.pid);
    older.writeBigUInt64LE(1n, startedAt);
    writeFileSync(first.regionPath, older);
    assert.equal(pidShown(), second.owner.child.pid);
  });

  test('at any moment of openings and closings there is telemetry, or none', async (context) => {
    const directory = temporaryLog(context);
    const options = mappedOptions(context);
    const text = `
for (let round = 0; round < 12; round++) {
  const wal = await Wal.open(directory, options);
  tell('round ' + round);
  if (round === 0) await told();
  await wal.close();
}
tell('done');
`;
    const script = Script.start(context, text, directory, options);
    await script.tells('round 0');
    attachTelemetry(directory).close();
    let isOver = false;
    const ended = script.ended.finally(() => {
      isOver = true;
    });
    script.tell();
    while (!isOver) {
      for (let count = 0; count < 20; count++) {
        try {
          attachTelemetry(directory).close();
        } catch (error) {
          assert.equal((error as WalError).code, NO_TELEMETRY, String(error));
        }
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { lines, stderr } = await ended;
    assert.equal(stderr, '');
    assert.equal(lines.at(-1), 'done');
  });

  test('changes nothing: not a byte, not a name, no lock, no map', async (context) => {
    const { directory, options, regionPath } = await leftByKill(context);
    const before = readFileSync(regionPath);
    const { mtimeMs, ctimeMs } = statSync(regionPath);
    const names = readdirSync(directory);
    const telemetry = attach(context, directory);
    for (let round = 0; round < 3; round++) telemetry.refresh();
    telemetry.collect('p', new NotingCollector());
    JSON.stringify(telemetry);
    assert.ok(before.equals(readFileSync(regionPath)), 'bytes of the region have changed');
    const { mtimeMs: mtimeAfter, ctimeMs: ctimeAfter } = statSync(regionPath);
    assert.deepEqual([mtimeAfter, ctimeAfter], [mtimeMs, ctimeMs]);
    assert.deepEqual(readdirSync(directory), names);
    assert.ok(!readFileSync('/proc/self/maps', 'utf8').includes(regionPath), 'it is mapped');
    assert.deepEqual(flagsOf(regionPath), [0], 'it is open for reading, once');
    // The next opening takes the region over while this one is attached.
    const wal = await Wal.open(directory, options);
    await wal.close();
  });

  test('lets the file go on close; the readings stay, looking again is refused', async (context) => {
    const { directory, regionPath } = await leftByKill(context);
    const telemetry = attachTelemetry(directory);
    telemetry.close();
    telemetry.close();
    assert.deepEqual(flagsOf(regionPath), []);
    assert.equal(telemetry.recorder.manager.appendedEvents, EVENTS);
    assert.throws(() => telemetry.refresh(), { code: 'ERR_FLASHSTRIKE_CLOSED' });
  });

  test('collects the log and the metrics of the recorder under the prefix', async (context) => {
    const { directory, owner } = await openElsewhere(context);
    const telemetry = attach(context, directory);
    await untilWhole(telemetry);
    const collected = (): Map<string, number> => {
      const collector = new NotingCollector();
      telemetry.collect('wal', collector);
      return collector.values;
    };
    const values = collected();
    assert.equal(values.get('wal_up'), 1);
    assert.equal(values.get('wal_state state=open'), 1);
    assert.equal(values.get('wal_state state=failed'), 0);
    assert.equal(values.get('wal_appended_event_id'), EVENTS);
    assert.equal(values.get('wal_written_event_id'), EVENTS);
    assert.equal(values.get('wal_durable_event_id'), EVENTS);
    assert.equal(values.get('wal_ring_bytes'), 65_536);
    assert.equal(typeof values.get('wal_values_age_seconds'), 'number');
    assert.equal(values.get('wal_incomplete_groups'), 0);
    assert.equal(typeof values.get('wal_heartbeat_age_seconds thread=writer'), 'number');
    const { version, node } = telemetry.build;
    assert.equal(values.get(`wal_build_info version=${version} node=${node}`), 1);
    const startedS = values.get('wal_start_time_seconds') ?? 0;
    assert.ok(Math.abs(startedS - Date.now() / 1e3) < 600);
    const name = 'wal_recorder_segment_preparer_get_next_segment_seconds';
    assert.equal(values.get(name), telemetry.recorder.segmentPreparer.getNextSegment.samples);
    await owner.kill();
    telemetry.refresh();
    assert.equal(collected().get('wal_up'), 0);
  });

  test('is plain data as JSON', async (context) => {
    const { directory, regionPath } = await leftByKill(context);
    const telemetry = attach(context, directory);
    const json = JSON.parse(JSON.stringify(telemetry));
    assert.equal(json.directory, directory);
    assert.equal(json.path, regionPath);
    assert.equal(json.status, 'dead');
    assert.equal(json.durableEventId, EVENTS);
    assert.match(json.startedAtNs, /^\d{19}$/);
    assert.equal(json.recorder.manager.appendedEvents, EVENTS);
    // The kill may have met a thread between two stores.
    assert.deepEqual(json.incomplete, telemetry.incomplete);
  });

  test('refuses a log that keeps its telemetry to itself, and says what to do', async (context) => {
    const directory = temporaryLog(context);
    const wal = await Wal.open(directory, { sharedMemory: 'off' });
    try {
      assert.throws(() => attachTelemetry(directory), {
        code: NO_TELEMETRY,
        message: /the log is open, but .* sharedMemory: 'off'.* wal\.telemetry .*'required'/,
      });
    } finally {
      await wal.close();
    }
  });

  test('refuses what is no log', async (context) => {
    const directory = temporaryLog(context);
    const NOT_A_LOG = { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' };
    assert.throws(() => attachTelemetry(directory), NOT_A_LOG);
    assert.throws(() => attachTelemetry(join(directory, 'missing')), NOT_A_LOG);
    mkdirSync(join(directory, 'LOCK'));
    assert.throws(() => attachTelemetry(directory), { code: 'ERR_FLASHSTRIKE_UNSAFE_FILE' });
    // @ts-expect-error: a path is a string
    assert.throws(() => attachTelemetry(7), { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' });
  });
});

/** Access modes of this process's descriptors of `path`: 0 is reading only. */
function flagsOf(path: string): number[] {
  return readdirSync('/proc/self/fd')
    .filter((fd) => pathOf(fd) === path)
    .map((fd) => {
      const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
      return Number.parseInt(/^flags:\s+([0-7]+)$/m.exec(info)?.[1] ?? '3', 8) & 3;
    });
}

function pathOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The descriptor of the listing itself is closed by now.
    return undefined;
  }
}

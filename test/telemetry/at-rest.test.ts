// A log at rest costs who looks at it hardly anything; what happens is seen at the next look all
// the same, by the dashboard and by who scrapes as well.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SampledLog } from '../../src/cli/dashboard/sampled-log.js';
import { ScrapedLogs } from '../../src/cli/metrics/scrape.js';
import { Wal } from '../../src/index.js';
import { type AttachedTelemetry, attachTelemetry } from '../../src/telemetry.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { temporaryLog } from '../support/attached-log.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';

const IDLE = `
const wal = await Wal.open(directory, options);
await wal.durable(wal.append(Buffer.alloc(10)));
tell('ready');
setInterval(() => {}, 1000);
`;

async function idleProcess(context: TestContext) {
  const directory = temporaryLog(context);
  const script = Script.start(context, IDLE, directory, mappedOptions(context));
  await script.tells('ready');
  return { directory, script };
}

async function openLog(context: TestContext) {
  const directory = temporaryLog(context);
  const wal = await Wal.open(directory, mappedOptions(context));
  await wal.durable(wal.append(Buffer.alloc(10)));
  return { directory, wal };
}

/** Everything is read again once something has happened, and not before. */
function isAtRest(telemetry: AttachedTelemetry): boolean {
  telemetry.refresh({ atRestMs: 3_600_000 });
  return telemetry.isAtRest;
}

describe('a log at rest', { skip: cannotMap, timeout: 900_000 }, () => {
  test('is known to be, with its threads as of now, and what is appended is seen', async (t) => {
    const { directory, wal } = await openLog(t);
    await using _ = wal;
    using telemetry = attachTelemetry(directory);
    assert.equal(isAtRest(telemetry), false, 'nothing is known of before');
    await eventually('it is at rest', () => isAtRest(telemetry));
    const { threads, takenAtNs } = telemetry;
    await eventually('its threads are seen', () => {
      return isAtRest(telemetry) && telemetry.threads.preparer.beats > threads.preparer.beats;
    });
    assert.ok(telemetry.takenAtNs > takenAtNs);
    for (let count = 0; count < 10; count++) {
      const id = wal.append(Buffer.alloc(10));
      assert.equal(isAtRest(telemetry), false);
      assert.equal(telemetry.appendedEventId, id);
      await wal.durable();
      await eventually('it is at rest again', () => isAtRest(telemetry));
      assert.equal(telemetry.durableEventId, id, 'nothing of it was overlooked');
      assert.equal(telemetry.recorder.manager.appendedEvents, id);
    }
    telemetry.refresh();
    assert.equal(telemetry.isAtRest, false, 'nobody has asked');
  });

  test('that is killed is seen to be dead, and then is at rest', async (t) => {
    const { directory, script } = await idleProcess(t);
    using telemetry = attachTelemetry(directory);
    await eventually('it is at rest', () => isAtRest(telemetry));
    await script.kill();
    assert.equal(isAtRest(telemetry), false);
    assert.equal(telemetry.status, 'dead');
    assert.equal(isAtRest(telemetry), true);
    assert.equal(telemetry.status, 'dead');
  });

  test('is looked into seldom by the dashboard, until something happens', async (t) => {
    const { directory, wal } = await openLog(t);
    await using _ = wal;
    const log = new SampledLog(directory, 'log');
    t.after(() => log.close());
    let nowMs = Date.now();
    const sample = (): boolean => {
      nowMs += 400;
      return log.sample(nowMs, Math.floor(nowMs / 1000));
    };
    const seen = () => log.push(undefined)?.now.seen ?? assert.fail('nothing is seen');
    const restsLater = async (): Promise<void> => {
      await eventually('it rests', () => !sample());
    };
    await restsLater();
    const { uptimeNs } = seen();
    await restsLater();
    assert.ok(seen().uptimeNs > uptimeNs, 'it goes on');
    const id = wal.append(Buffer.alloc(10));
    assert.equal(sample(), true);
    assert.equal(seen().appendedEventId, id);
    await wal.durable();
    await restsLater();
    assert.equal(seen().durableEventId, id);
    const { fine = [] } = log.push(undefined) ?? {};
    assert.ok(fine.length > 10);
    for (const [index, { at }] of fine.entries()) assert.equal(at, (fine[0]?.at ?? 0) + index);
    const events = fine.reduce((sum, bucket) => sum + bucket.events, 0);
    assert.equal(events, 1, 'what happened between two looks is told once');
  });

  test('whose process is stopped is no log at rest for the dashboard', async (t) => {
    const { directory, script } = await idleProcess(t);
    const log = new SampledLog(directory, 'log');
    t.after(() => log.close());
    let nowMs = Date.now();
    const sample = (afterMs: number): boolean => {
      nowMs += afterMs;
      return log.sample(nowMs, Math.floor(nowMs / 1000));
    };
    await eventually('it rests', () => !sample(400));
    script.child.kill('SIGSTOP');
    await sleep(2500);
    // Long before it is looked into for no reason.
    assert.equal(sample(1), true);
    const kinds = log.push(undefined)?.now.troubles.map(({ kind }) => kind);
    assert.ok(kinds?.includes('stopped'), String(kinds));
    script.child.kill('SIGCONT');
  });

  test('is told to who scrapes, and what happens at the next scrape', async (t) => {
    const { directory, wal } = await openLog(t);
    const told: string[] = [];
    const logs = new ScrapedLogs([directory], { prefix: 'w', referenceNames: false }, (text) =>
      told.push(text),
    );
    t.after(() => logs.close());
    const value = (text: string, name: string): number =>
      Number(new RegExp(`^${name}\\{.*\\} (.*)$`, 'm').exec(text)?.[1]);
    const metricsIn = (text: string): string => text.slice(text.indexOf('# HELP w_recorder_'));
    let last = metricsIn(logs.scrape().text);
    await eventually('nothing happens', () => {
      const before = last;
      last = metricsIn(logs.scrape().text);
      return last === before;
    });
    const { text } = logs.scrape();
    assert.equal(value(text, 'w_up'), 1);
    assert.equal(value(text, 'w_recorder_manager_appended_events_total'), 1);
    wal.append(Buffer.alloc(10));
    const later = logs.scrape().text;
    assert.equal(value(later, 'w_recorder_manager_appended_events_total'), 2);
    assert.equal(value(later, 'w_appended_event_id'), 2);
    await wal.close();
    const closed = logs.scrape().text;
    assert.equal(value(closed, 'w_up'), 0);
    assert.doesNotMatch(closed, /w_recorder_/);
    assert.equal(told.length, 1, 'why there is nothing');
  });
});

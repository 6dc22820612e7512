// A real Prometheus server scrapes `flashstrike metrics --listen` of a log that works, is stopped
// and is killed: what it answers, and which alerts it fires.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { attachTelemetry } from '../../src/telemetry.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { temporaryLog } from '../support/attached-log.js';
import { Script } from '../support/child-script.js';
import { RunningCommand } from '../system/cli-process.js';
import { RULES_FILE } from './alert-rules.js';
import { DASHBOARD, queriesOf } from './dashboard.js';
import { noPrometheus, PrometheusServer } from './prometheus-server.js';

/** Appends and makes durable, until told to pause; then until it is killed it does nothing. */
const WORKER = `
const wal = await Wal.open(directory, options);
let isOn = true;
const paused = told().then(() => { isOn = false; });
tell('open');
while (isOn) {
  for (let left = 50; left > 0; left--) wal.append(Buffer.alloc(40));
  await wal.durable();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
tell('paused');
await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
`;

const RECORDER = 'flashstrike_wal_recorder';
const quantile = (share: number, metric: string): string =>
  `histogram_quantile(${share}, rate(${RECORDER}_${metric}_bucket[30s]))`;

async function served(context: TestContext, directory: string): Promise<string> {
  const command = new RunningCommand(['metrics', directory, '--listen', '0']);
  context.after(() => command.child.kill('SIGKILL'));
  await command.until((_stdout, stderr) => /serving \S+,/.test(stderr));
  return new URL(/serving (\S+),/.exec(command.stderr)?.[1] ?? '').host;
}

describe('a Prometheus server', { skip: noPrometheus || cannotMap, timeout: 900_000 }, () => {
  test('answers rates and quantiles of a log that works, and fires when it is stopped or killed', async (context) => {
    const directory = temporaryLog(context);
    const worker = Script.start(context, WORKER, directory, mappedOptions(context));
    await worker.tells('open');
    const target = await served(context, directory);
    const server = await PrometheusServer.start(context, target, RULES_FILE);

    const isPositive = (value: number): boolean => value > 0;
    await server.value(`rate(${RECORDER}_manager_appended_events_total[30s])`, isPositive);
    for (const metric of ['manager_append_event_seconds', 'manager_durable_wait_seconds']) {
      const p50 = await server.value(quantile(0.5, metric), isPositive);
      const p99 = await server.value(quantile(0.99, metric), (value) => value >= p50);
      const longest = await server.value(
        `${RECORDER}_${metric.replace('_seconds', '_max_seconds')}`,
        isPositive,
      );
      // The bound of the bucket that has the longest is less than twice as far.
      assert.ok(p99 <= 2 * longest, `${metric}: ${p99} beside ${longest}`);
    }

    for (const query of queriesOf(DASHBOARD)) {
      const asked = query.replaceAll('$__rate_interval', '30s').replaceAll('$log', '.*');
      // What cannot be read throws.
      const found = await server.query(asked);
      assert.ok(Array.isArray(found), query);
    }
    const up = 'flashstrike_wal_up{job="flashstrike",log=~".*"}';
    await server.value(up, (value) => value === 1);

    worker.tell();
    await worker.tells('paused');
    const telemetry = attachTelemetry(directory);
    context.after(() => telemetry.close());
    telemetry.refresh();
    const { appendedEventId } = telemetry;
    await server.value('flashstrike_wal_durable_event_id', (value) => value === appendedEventId);
    const counted = await server.value(`${RECORDER}_manager_appended_events_total`, isPositive);
    assert.equal(counted, appendedEventId);

    worker.child.kill('SIGSTOP');
    const stopped = await server.alert('FlashstrikeProcessStopped');
    assert.equal(stopped.labels['severity'], 'critical');
    worker.child.kill('SIGCONT');

    await worker.kill();
    const died = await server.alert('FlashstrikeProcessDied');
    assert.equal(died.state, 'firing');
    const log = died.labels['log'] ?? '';
    assert.ok(directory.endsWith(log) && log !== '');
    assert.equal(died.annotations['summary'], `${log}: its process ended without closing the log`);
    assert.match(died.annotations['action'] ?? '', /^Open the log again/);
  });
});

// The alert rules that the package brings: each fires where `top` tells the same trouble, and only
// there, by Prometheus' own evaluation of series that are made of real expositions.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ALL_STRUCTS } from '../../src/telemetry/catalogue.js';
import { projectRoot } from '../project-root.js';
import { temporaryFolder } from '../support/log-builder.js';
import { cannotLint as noPromtool } from '../support/promtool.js';
import { alertsIn, RULES_FILE } from './alert-rules.js';
import { SCENES, type Scene, scrapeOf, troublesOf } from './alert-scenes.js';
import { exportedNames, namesIn } from './exported-names.js';

/** What `top` says, and the alert that says it; undefined: nothing is to be done about it. */
const ALERT_OF: readonly (readonly [text: RegExp, alert: string | undefined])[] = [
  [/^process \d+ ended without closing/, 'FlashstrikeProcessDied'],
  [/^a write or sync (had )?failed, or a thread ha[sd] died/, 'FlashstrikeFailed'],
  [/^the disk, or its quota, (is|was) full/, 'FlashstrikeNoSpace'],
  [/^another log has taken over the stream/, 'FlashstrikeFenced'],
  [/^no thread of process/, 'FlashstrikeProcessStopped'],
  [/^the writer thread has not moved/, 'FlashstrikeWriterStuck'],
  [/^the writer thread has been at another log/, 'FlashstrikeWriterAtOtherLog'],
  [/^the application's event loop is blocked/, 'FlashstrikeEventLoopBlocked'],
  [/^the \w+ thread has not moved/, 'FlashstrikeThreadStalled'],
  [/^the \w+ thread has been at another log/, 'FlashstrikeThreadAtOtherLog'],
  [/^an append has been waiting for room/, 'FlashstrikeAppendBlocked'],
  [/^appends waited .* for room/, 'FlashstrikeAppendsWaited'],
  [/^appends were refused/, 'FlashstrikeAppendsRefused'],
  [/^a durable\(\) has been waiting/, 'FlashstrikeDurableWaits'],
  [/ not durable, the oldest for/, 'FlashstrikeNotDurable'],
  [/^tryAppend found the ring full/, 'FlashstrikeTryAppendRefused'],
  [/^the ring is nearly full/, 'FlashstrikeRingNearlyFull'],
  [/^the ring is full and cannot grow/, 'FlashstrikeRingCannotGrow'],
  [/^a sync took/, 'FlashstrikeSlowSync'],
  [/^the disk is nearly full/, 'FlashstrikeDiskNearlyFull'],
  [/^preparing a segment failed/, 'FlashstrikeSegmentsFailed'],
  [/^the writer has been waiting for a segment/, 'FlashstrikeSegmentWaits'],
  [/^the writer waited .* for a segment/, 'FlashstrikeWaitedForSegment'],
  [/^segments are used up before/, 'FlashstrikeSegmentsHurried'],
  [/^wal\.meta could not be flushed/, 'FlashstrikeMetaNotFlushed'],
  [/^the oldest segment should be removed and is damaged/, 'FlashstrikeOldestSegmentDamaged'],
  [/consumers? (is|are) damaged/, 'FlashstrikeConsumerDamaged'],
  [/^the oldest segment should be removed and is kept/, 'FlashstrikeConsumerHolds'],
  [/^a stream lacks /, 'FlashstrikeReplicationBehind'],
  [/^maintenance of finished segments failed/, 'FlashstrikeMaintenanceFailing'],
  [/^segments could not be compressed/, 'FlashstrikeCompressionFailing'],
  [/^a record was interrupted/, undefined],
  [/^the log was closed/, undefined],
];
/** Of which `top`, which looks at a log, cannot tell. */
const NOT_OF_A_LOG = 'FlashstrikeNothingScraped';

const severities = { error: 'critical', warning: 'warning' } as const;

/** Of a process that ended after its log had failed, the failure is told: alerts say it once. */
const DIED = 'critical FlashstrikeProcessDied';
const FAILED = 'critical FlashstrikeFailed';

/** `critical FlashstrikeFailed`, sorted. */
function expectedOf(scene: Scene): string[] {
  const alerts = troublesOf(scene).flatMap(({ severity, text }) => {
    const entry = ALERT_OF.find(([pattern]) => pattern.test(text));
    assert.ok(entry !== undefined, `no alert is known for: ${text}`);
    return entry[1] === undefined ? [] : [`${severities[severity]} ${entry[1]}`];
  });
  const told = new Set(alerts);
  if (told.has(FAILED)) told.delete(DIED);
  return [...told].sort();
}

const STEP_SECONDS = 15;
const STEPS = 23;

/** Quiet at first; then what happens, again and again, and what lasts, lasts. */
function seriesOf(scene: Scene, names: ReadonlySet<string>) {
  const earlier = scrapeOf(scene, 'before');
  return [...scrapeOf(scene, 'now')]
    .filter(([series]) => names.has(series.slice(0, series.indexOf('{'))))
    .map(([series, { value, isCount }]) => {
      if (!isCount) return { series, values: `${value}+0x${STEPS}` };
      const from = earlier.get(series)?.value ?? 0;
      // Nothing happens any more in a process that is gone.
      const growth = scene.now.status === 'running' ? (value - from) * STEP_SECONDS : 0;
      return { series, values: `${from}+${growth}x${STEPS}` };
    });
}

function promtool(args: readonly string[], cwd = projectRoot()) {
  const { error, status, stdout, stderr } = spawnSync('promtool', args, {
    cwd,
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (error !== undefined) throw error;
  return { status, text: `${stdout}${stderr}` };
}

const rules = alertsIn(readFileSync(RULES_FILE, 'utf8'));
const names = namesIn(rules.map(({ expr }) => expr).join('\n'));

describe('the alert rules', () => {
  test('are all about metrics that a log exports', () => {
    const known = exportedNames();
    assert.ok(names.size > 20 && ALL_STRUCTS.length > 5);
    assert.deepEqual(
      [...names].filter((name) => !known.has(name)),
      [],
    );
  });

  test('each say what to do, in docs/MONITORING.md as well', () => {
    const text = readFileSync(join(projectRoot(), 'docs', 'MONITORING.md'), 'utf8');
    for (const { alert, summary, action, runbook, severity } of rules) {
      assert.match(action, /^\S.*[^.]$/, alert);
      assert.match(summary, /^\S.*[^.]$/, alert);
      assert.ok(['critical', 'warning'].includes(severity), alert);
      assert.ok(runbook.endsWith(`docs/MONITORING.md#${alert.toLowerCase()}`), alert);
      assert.equal(text.split(`### ${alert}\n`).length, 2, `a heading for ${alert}`);
    }
    const headings = [...text.matchAll(/^### (Flashstrike\w+)$/gm)].map(([, name]) => name);
    assert.deepEqual(
      headings,
      rules.map(({ alert }) => alert),
    );
  });

  test('are one for each trouble that top tells, and one that no log can tell', () => {
    const told = ALERT_OF.flatMap(([, alert]) => alert ?? []);
    assert.deepEqual([...told, NOT_OF_A_LOG].sort(), rules.map(({ alert }) => alert).sort());
    const fired = new Set(SCENES.flatMap(expectedOf).map((each) => each.split(' ')[1]));
    const quiet = told.filter((alert) => !fired.has(alert));
    assert.deepEqual(quiet, [], 'each is fired by a scene');
  });

  test('are accepted by Prometheus', { skip: noPromtool }, () => {
    const { status, text } = promtool(['check', 'rules', RULES_FILE]);
    assert.equal(status, 0, text);
    assert.match(text, new RegExp(`SUCCESS: ${rules.length} rules found`));
  });

  test('fire where top tells the same, with its severity, and nowhere else', {
    skip: noPromtool,
  }, (context) => {
    const absent = {
      name: 'nothing is scraped',
      input_series: [],
      expected: [`warning ${NOT_OF_A_LOG}`],
    };
    const scenes = SCENES.map((scene) => ({
      name: scene.name,
      input_series: seriesOf(scene, names),
      expected: expectedOf(scene),
    }));
    const tests = [absent, ...scenes].map(({ name, input_series, expected }) => ({
      name,
      interval: `${STEP_SECONDS}s`,
      input_series,
      promql_expr_test: [
        {
          expr: 'count by (alertname, severity) (ALERTS{alertstate="firing"})',
          eval_time: `${STEP_SECONDS * (STEPS - 1)}s`,
          exp_samples: expected.map((each) => {
            const [severity, alertname] = each.split(' ');
            const count = alertname === 'FlashstrikeThreadStalled' ? stalledIn(name) : 1;
            return { labels: `{alertname="${alertname}", severity="${severity}"}`, value: count };
          }),
        },
      ],
    }));
    const file = join(temporaryFolder(context), 'alerts.test.json');
    const document = { rule_files: [RULES_FILE], evaluation_interval: `${STEP_SECONDS}s`, tests };
    writeFileSync(file, JSON.stringify(document));
    const { status, text } = promtool(['test', 'rules', file]);
    assert.equal(status, 0, text);
    assert.match(text, /SUCCESS/);
  });
});

/** One alert for each thread. */
function stalledIn(name: string): number {
  const scene = SCENES.find((each) => each.name === name);
  assert.ok(scene !== undefined);
  const texts = troublesOf(scene).map(({ text }) => text);
  return texts.filter((text) => /^the (?!writer)\w+ thread has not moved/.test(text)).length;
}

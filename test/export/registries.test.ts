// Logs in the registries that applications have: prom-client, and its successor where it runs.
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import {
  AggregatorRegistry,
  Gauge,
  Registry as PromClientRegistry,
  type RegistryContentType,
} from 'prom-client';
import { Wal } from '../../src/index.js';
import {
  type MetricRegistry,
  PrometheusCollector,
  RegistryExporter,
} from '../../src/prometheus.js';
import { attachTelemetry } from '../../src/telemetry.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { leftByKill } from '../support/attached-log.js';
import { temporaryFolder } from '../support/log-builder.js';
import { code } from '../support/log-content.js';
import { cannotLint, lint } from '../support/promtool.js';
import { type ExposedFamily, parseExposition } from '../telemetry/exposition.js';

const UP = 'flashstrike_wal_up';
const APPENDED = 'flashstrike_wal_recorder_manager_appended_events_total';

/** What both have. */
interface Registry extends MetricRegistry {
  metrics(): Promise<string>;
  getMetricsAsJSON(): Promise<unknown[]>;
  resetMetrics(): void;
  setDefaultLabels(labels: object): void;
  readonly contentType: string;
}

interface Client {
  readonly name: string;
  /** Why it cannot be had here, or false. */
  readonly skip: string | false;
  /** @param openMetrics text of OpenMetrics instead of Prometheus' own */
  readonly create: (openMetrics?: boolean) => Promise<Registry>;
}

const [major = 0] = process.versions.node.split('.').map(Number);

const CLIENTS: readonly Client[] = [
  {
    name: 'prom-client',
    skip: false,
    create: async (openMetrics = false) => {
      const registry = new PromClientRegistry<RegistryContentType>();
      if (openMetrics) registry.setContentType(PromClientRegistry.OPENMETRICS_CONTENT_TYPE);
      return registry;
    },
  },
  {
    name: '@prometheus-io/client',
    skip: major < 22 ? `it needs Node 22 or later, this is ${process.versions.node}` : false,
    create: async (openMetrics = false) => {
      const { Registry } = await import('@prometheus-io/client');
      return openMetrics ? new Registry(Registry.OPENMETRICS_CONTENT_TYPE) : new Registry();
    },
  },
];

async function openLog(context: TestContext): Promise<Wal> {
  let wal: Wal | undefined;
  // Hooks run in their order: closed first, then the folder goes.
  context.after(() => wal?.close());
  wal = await Wal.open(temporaryFolder(context), mappedOptions(context));
  return wal;
}

async function append(wal: Wal, events: number): Promise<void> {
  for (let left = events; left > 0; left--) wal.append(new Uint8Array(40));
  await wal.durable();
}

/** The lines of a family by their labels, `le` included. */
const valuesOf = (families: readonly ExposedFamily[], name: string): Record<string, number> =>
  Object.fromEntries(
    families
      .flatMap(({ samples }) => samples)
      .filter((sample) => sample.name === name)
      .map(({ labels, value }) => [labels['log'] ?? '', value]),
  );

/** What stands still while nobody works: counts, and the shape of everything else. */
const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

const still = (families: readonly ExposedFamily[]) =>
  families.map(({ name, type, help, samples }) => ({
    name,
    type,
    help,
    lines: samples.map((sample) => [sample.name, sample.labels]),
  }));

for (const { name, skip, create } of CLIENTS) {
  describe(`a registry of ${name}`, { skip: skip || cannotMap, timeout: 300_000 }, () => {
    test('has what flashstrike metrics shows of a log, in the text that promtool accepts', async (context) => {
      const wal = await openLog(context);
      await append(wal, 500);
      const registry = await create();
      new RegistryExporter(registry).add(wal.telemetry);
      const outside = attach(context, wal);
      const ours = (): ExposedFamily[] => {
        const collector = new PrometheusCollector();
        outside.collectAll('flashstrike_wal', collector);
        return parseExposition(collector.toString());
      };
      let text = '';
      let shown = still(ours());
      // What a thread records for the first time is shown from then on.
      for (let tries = 0; tries < 20; tries++) {
        const before = shown;
        await registry.metrics();
        text = await registry.metrics();
        shown = still(ours());
        if (isDeepStrictEqual(before, shown)) break;
      }
      const theirs = parseExposition(text);
      assert.deepEqual(still(theirs).sort(byName), shown.sort(byName));
      assert.deepEqual(valuesOf(theirs, APPENDED), { [basename(wal.directory)]: 500 });
      assert.deepEqual(valuesOf(theirs, UP), { [basename(wal.directory)]: 1 });
      if (cannotLint === false) assert.deepEqual(lint(text), []);
    });

    test('looks at each log once a scrape, and anew at the next', async (context) => {
      const wal = await openLog(context);
      const registry = await create();
      let looks = 0;
      const { startedAtNs } = wal.telemetry;
      new RegistryExporter(registry).add({
        startedAtNs,
        collectAll: (prefix, collector) => {
          looks++;
          wal.telemetry.collectAll(prefix, collector);
        },
      });
      const before = looks;
      await append(wal, 3);
      const first = valuesOf(parseExposition(await registry.metrics()), APPENDED);
      assert.equal(looks, before + 1);
      await append(wal, 4);
      await registry.getMetricsAsJSON();
      assert.equal(looks, before + 2);
      const second = valuesOf(parseExposition(await registry.metrics()), APPENDED);
      assert.deepEqual([Object.values(first), Object.values(second)], [[3], [7]]);
    });

    test('has the log beside the metrics and the labels of the application, until it is taken out', async (context) => {
      const wal = await openLog(context);
      const registry = await create();
      registry.setDefaultLabels({ app: 'gateway' });
      const own = new Gauge({ name: 'own', help: 'Own', registers: [] });
      own.set(5);
      registry.registerMetric(own);
      const exporter = new RegistryExporter(registry).add(wal.telemetry);
      const families = parseExposition(await registry.metrics());
      assert.ok(families.length > 100);
      const labelsOf = (name: string) =>
        families.find((family) => family.name === name)?.samples[0]?.labels;
      assert.equal(labelsOf('own')?.['app'], 'gateway');
      assert.equal(labelsOf(UP)?.['app'], 'gateway');
      assert.equal(labelsOf(UP)?.['log'], basename(wal.directory));
      registry.resetMetrics();
      exporter.unregister();
      assert.deepEqual(
        parseExposition(await registry.metrics()).map((family) => family.name),
        ['own'],
      );
    });

    test('is never reset: what a log counts goes on', async (context) => {
      const wal = await openLog(context);
      await append(wal, 20);
      const registry = await create();
      new RegistryExporter(registry).add(wal.telemetry);
      registry.resetMetrics();
      const families = parseExposition(await registry.metrics());
      assert.deepEqual(Object.values(valuesOf(families, APPENDED)), [20]);
    });

    test('has several logs, that come, close and go; one of a name needs a label of its own', async (context) => {
      const first = await openLog(context);
      const second = await openLog(context);
      const registry = await create();
      const exporter = new RegistryExporter(registry);
      exporter.add(first.telemetry, { labels: { log: 'orders' } });
      assert.throws(
        () => exporter.add(attach(context, first), { labels: { log: 'orders' } }),
        code('ERR_FLASHSTRIKE_INVALID_ARGUMENT'),
      );
      exporter.add(second.telemetry, { labels: { log: 'trades', region: 'eu' } });
      const ofSecond = { log: 'trades', region: 'eu', log_id: logIdOf(second) };
      assert.throws(
        () => exporter.add(first.telemetry, { labels: ofSecond }),
        code('ERR_FLASHSTRIKE_INVALID_ARGUMENT'),
      );
      const ups = async () => valuesOf(parseExposition(await registry.metrics()), UP);
      assert.deepEqual(await ups(), { orders: 1, trades: 1 });
      assert.deepEqual(exporter.errors, []);
      await first.close();
      assert.deepEqual(await ups(), { orders: 0, trades: 1 });
      assert.equal(exporter.remove(first.telemetry), true);
      assert.equal(exporter.remove(first.telemetry), false);
      assert.deepEqual(await ups(), { trades: 1 });
    });

    test('of OpenMetrics has counters that end as it wants them, and ends with EOF', async (context) => {
      const wal = await openLog(context);
      await append(wal, 6);
      const registry = await create(true);
      new RegistryExporter(registry).add(wal.telemetry);
      const lines = (await registry.metrics()).split('\n');
      assert.equal(lines.at(-2), '# EOF');
      const base = APPENDED.replace('_total', '');
      assert.ok(lines.includes(`# TYPE ${base} counter`));
      const counted = lines.filter((line) => line.startsWith(`${base}_total{`));
      assert.equal(counted.length, 1);
      assert.match(counted[0] ?? '', / 6$/);
      assert.ok(!lines.some((line) => line.includes('_total_total')));
    });

    test('that has other metrics of the same names is left as it was', async (context) => {
      const wal = await openLog(context);
      const registry = await create();
      registry.registerMetric(new Gauge({ name: APPENDED, help: 'Mine', registers: [] }));
      assert.throws(
        () => new RegistryExporter(registry).add(wal.telemetry),
        /cannot be added to the registry: A metric with the name \w+ has already been registered/,
      );
      const names = parseExposition(await registry.metrics()).map((family) => family.name);
      assert.deepEqual(names, [APPENDED]);
    });
  });
}

function logIdOf({ telemetry }: Wal): string {
  const collector = new PrometheusCollector();
  telemetry.collectAll('a', collector);
  const labels = collector.families.get('a_up')?.samples[0]?.labels ?? [];
  return labels.find(([name]) => name === 'log_id')?.[1] ?? '';
}

function attach(context: TestContext, { directory }: Wal) {
  const telemetry = attachTelemetry(directory);
  context.after(() => telemetry.close());
  return telemetry;
}

describe('RegistryExporter', { skip: cannotMap, timeout: 300_000 }, () => {
  test('shows a log that was killed as not up, with its last values', async (context) => {
    const { directory } = await leftByKill(context);
    const telemetry = attachTelemetry(directory);
    context.after(() => telemetry.close());
    const registry = new PromClientRegistry();
    new RegistryExporter(registry).add(telemetry);
    const families = parseExposition(await registry.metrics());
    assert.deepEqual(Object.values(valuesOf(families, UP)), [0]);
    assert.ok((Object.values(valuesOf(families, APPENDED))[0] ?? 0) > 0);
  });

  test('tells what keeps a log from being shown, and shows the others', async (context) => {
    const gone = await openLog(context);
    const wal = await openLog(context);
    const telemetry = attach(context, gone);
    const registry = new PromClientRegistry();
    const exporter = new RegistryExporter(registry).add(telemetry).add(wal.telemetry);
    telemetry.close();
    const families = parseExposition(await registry.metrics());
    assert.deepEqual(valuesOf(families, UP), { [basename(wal.directory)]: 1 });
    const [error, ...more] = exporter.errors;
    assert.deepEqual(more, []);
    assert.ok(code('ERR_FLASHSTRIKE_CLOSED')(error));
  });

  test('is summed up over the processes of a cluster', async (context) => {
    const wal = await openLog(context);
    await append(wal, 9);
    const registry = new PromClientRegistry();
    new RegistryExporter(registry).add(wal.telemetry);
    const ofWorkers = [await registry.getMetricsAsJSON(), []];
    const all = await AggregatorRegistry.aggregate(ofWorkers).metrics();
    const families = parseExposition(all);
    assert.deepEqual(Object.values(valuesOf(families, APPENDED)), [9]);
    assert.ok(families.some(({ type }) => type === 'histogram'));
  });

  test('refuses what is no log, and labels that cannot be', async (context) => {
    const wal = await openLog(context);
    const exporter = new RegistryExporter(new PromClientRegistry());
    // @ts-expect-error: a caller without types
    assert.throws(() => exporter.add(wal), code('ERR_FLASHSTRIKE_INVALID_ARGUMENT'));
    for (const labels of [{ le: 'x' }, { 'a-b': 'x' }, { a: 1 as unknown as string }]) {
      assert.throws(
        () => exporter.add(wal.telemetry, { labels }),
        code('ERR_FLASHSTRIKE_INVALID_ARGUMENT'),
      );
    }
  });
});

// Logs in OpenTelemetry's own SDK: through its exporter for Prometheus, and by OTLP over HTTP to a
// receiver that reads what the protocol says.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { Wal } from '../../src/index.js';
import { WalMetricProducer, type WalMetricProducerOptions } from '../../src/opentelemetry.js';
import { PrometheusCollector } from '../../src/prometheus.js';
import { attachTelemetry } from '../../src/telemetry.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { temporaryFolder } from '../support/log-builder.js';
import { code } from '../support/log-content.js';

const SYNC = 'flashstrike.wal.recorder.segment_writer.sync';
const APPENDED = 'flashstrike.wal.recorder.manager.appended_events';

async function openLog(context: TestContext): Promise<Wal> {
  let wal: Wal | undefined;
  context.after(() => wal?.close());
  wal = await Wal.open(temporaryFolder(context), mappedOptions(context));
  return wal;
}

async function append(wal: Wal, events: number): Promise<void> {
  for (let left = events; left > 0; left--) wal.append(new Uint8Array(40));
  await wal.durable();
}

/** What OTLP's JSON encoding has of a point: 64-bit numbers are numbers or decimal strings. */
interface Point {
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { stringValue?: string };
  }[];
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
  readonly asInt?: number | string;
  readonly asDouble?: number;
  readonly count?: number | string;
  readonly sum?: number;
  readonly bucketCounts?: readonly (number | string)[];
  readonly explicitBounds?: readonly number[];
  readonly scale?: number;
  readonly zeroCount?: number | string;
  readonly positive?: { readonly offset: number; readonly bucketCounts: readonly number[] };
}

interface Points {
  readonly dataPoints: readonly Point[];
  readonly aggregationTemporality?: number;
  readonly isMonotonic?: boolean;
}

interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly sum?: Points;
  readonly gauge?: Points;
  readonly histogram?: Points;
  readonly exponentialHistogram?: Points;
}

/** An ExportMetricsServiceRequest. */
interface Request {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly scope: { readonly name: string };
      readonly metrics: readonly Metric[];
    }[];
  }[];
}

/** Receives OTLP/HTTP requests, in JSON, at the path that the protocol names. */
class Receiver {
  readonly #server: Server;
  readonly requests: Request[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const isMeant = request.method === 'POST' && request.url === '/v1/metrics';
        if (isMeant) this.requests.push(JSON.parse(Buffer.concat(parts).toString()));
        response.writeHead(isMeant ? 200 : 404, { 'Content-Type': 'application/json' }).end('{}');
      });
    });
  }

  static async start(context: TestContext): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    context.after(() => {
      receiver.#server.closeAllConnections();
      receiver.#server.close();
    });
    return receiver;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/v1/metrics`;
  }

  /** The metrics of ours in the last request, by name. */
  metrics(): Map<string, Metric> {
    const request = this.requests.at(-1);
    assert.ok(request !== undefined, 'something was received');
    const all = request.resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics);
    const ours = all.filter(({ scope }) => scope.name === 'flashstrike');
    return new Map(ours.flatMap(({ metrics }) => metrics).map((metric) => [metric.name, metric]));
  }
}

/** Sends what `logs` show once. */
async function sendOnce(
  context: TestContext,
  logs: readonly Wal[],
  options: WalMetricProducerOptions = {},
): Promise<Map<string, Metric>> {
  const receiver = await Receiver.start(context);
  const producer = new WalMetricProducer(options);
  for (const wal of logs) producer.add(wal.telemetry);
  const exporter = new OTLPMetricExporter({ url: receiver.url });
  const reader = new PeriodicExportingMetricReader({ exporter, metricProducers: [producer] });
  const provider = new MeterProvider({ readers: [reader] });
  await provider.forceFlush();
  await provider.shutdown();
  return receiver.metrics();
}

const attribute = ({ attributes }: Point, name: string): string | undefined =>
  attributes.find(({ key }) => key === name)?.value.stringValue;

const sum = (counts: readonly (number | string)[]): number =>
  counts.reduce<number>((total, each) => total + Number(each), 0);

describe('OTLP over HTTP', { skip: cannotMap, timeout: 300_000 }, () => {
  test('has every metric of a log, by semantic names, in units of UCUM', async (context) => {
    const wal = await openLog(context);
    await append(wal, 500);
    const metrics = await sendOnce(context, [wal]);
    const collector = new PrometheusCollector();
    wal.telemetry.collectAll('flashstrike_wal', collector);
    assert.ok(metrics.size >= collector.families.size, 'none is missing');
    const appended = metrics.get(APPENDED);
    assert.equal(appended?.unit, '{event}');
    assert.match(appended.description, /^\w.*[^.]$/);
    assert.deepEqual([appended.sum?.isMonotonic, appended.sum?.aggregationTemporality], [true, 2]);
    const [point, ...more] = appended.sum?.dataPoints ?? [];
    assert.deepEqual(more, []);
    assert.equal(Number(point?.asInt), 500);
    assert.equal(point && attribute(point, 'log'), basename(wal.directory));
    assert.match((point && attribute(point, 'log_id')) ?? '', /^[0-9a-f]{16}$/);
    assert.equal(BigInt(point?.startTimeUnixNano ?? 0), wal.telemetry.startedAtNs);
    assert.ok(BigInt(point?.timeUnixNano ?? 0) >= wal.telemetry.startedAtNs);
    const standing = metrics.get('flashstrike.wal.state')?.gauge?.dataPoints ?? [];
    const states = standing.filter(({ asInt }) => Number(asInt) === 1);
    assert.deepEqual(
      states.map((each) => attribute(each, 'state')),
      ['open'],
    );
  });

  test('has distributions in exact buckets by default', async (context) => {
    const wal = await openLog(context);
    await append(wal, 100);
    const metrics = await sendOnce(context, [wal]);
    const sync = metrics.get(SYNC);
    assert.equal(sync?.unit, 's');
    const [point] = sync.histogram?.dataPoints ?? [];
    const { bucketCounts = [], explicitBounds = [] } = point ?? {};
    assert.equal(bucketCounts.length, explicitBounds.length + 1);
    const { count, total } = wal.telemetry.segmentWriter.syncHistogram;
    assert.ok(count > 0);
    assert.deepEqual([Number(point?.count), sum(bucketCounts)], [count, count]);
    assert.ok(Math.abs((point?.sum ?? 0) - total / 1e9) < 1e-9);
    // A summary: one bucket.
    const rotation = metrics.get('flashstrike.wal.recorder.manager.init_active_segment')?.histogram;
    const [only] = rotation?.dataPoints ?? [];
    assert.deepEqual(only?.explicitBounds ?? [], []);
    assert.deepEqual(only?.bucketCounts?.map(Number), [Number(only?.count)]);
  });

  test('has exponential histograms on request: all values, none below where it stands', async (context) => {
    const wal = await openLog(context);
    for (let round = 0; round < 20; round++) await append(wal, 10);
    const metrics = await sendOnce(context, [wal], { histograms: 'exponential' });
    const [point] = metrics.get(SYNC)?.exponentialHistogram?.dataPoints ?? [];
    const { syncHistogram } = wal.telemetry.segmentWriter;
    assert.equal(point?.scale, 3);
    const { offset = 0, bucketCounts = [] } = point.positive ?? {};
    assert.equal(sum(bucketCounts) + Number(point.zeroCount), syncHistogram.count);
    assert.equal(Number(point.count), syncHistogram.count);
    // The bucket in which half of the values are reached, against the exact cell.
    let seen = Number(point.zeroCount);
    const index = bucketCounts.findIndex((each) => {
      seen += each;
      return seen >= Math.ceil(syncHistogram.count / 2);
    });
    const end = 2 ** ((offset + index + 1) / 8);
    const p50 = syncHistogram.percentile(50) / 1e9;
    assert.ok(end >= p50 * (1 - 1e-9) && end <= p50 * 1.0906, `${end} for ${p50}`);
  });

  test('has several logs as points of the same metrics', async (context) => {
    const logs = [await openLog(context), await openLog(context)];
    for (const [index, wal] of logs.entries()) await append(wal, index + 1);
    const metrics = await sendOnce(context, logs);
    const points = metrics.get(APPENDED)?.sum?.dataPoints ?? [];
    assert.deepEqual(
      points.map((point) => [attribute(point, 'log'), Number(point.asInt)]),
      logs.map(({ directory }, index) => [basename(directory), index + 1]),
    );
  });
});

describe("the SDK's exporter for Prometheus", { skip: cannotMap, timeout: 300_000 }, () => {
  test('serves the metrics of a log beside those of the application', async (context) => {
    const wal = await openLog(context);
    await append(wal, 12);
    const producer = new WalMetricProducer().add(wal.telemetry);
    const exporter = new PrometheusExporter({
      preventServerStart: true,
      metricProducers: [producer],
    });
    const provider = new MeterProvider({ readers: [exporter] });
    context.after(() => provider.shutdown());
    provider.getMeter('app').createCounter('orders').add(3);
    const server = createServer((request, response) => {
      exporter.getMetricsRequestHandler(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    context.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const lineOf = (start: string) => text.split('\n').find((line) => line.startsWith(start)) ?? '';
    assert.match(lineOf('orders_total{'), / 3$/);
    assert.match(lineOf('flashstrike_wal_recorder_manager_appended_events_total{'), / 12$/);
    assert.match(lineOf('flashstrike_wal_up{'), / 1$/);
    assert.match(lineOf('flashstrike_wal_recorder_segment_writer_sync_bucket{'), /le="/);
    assert.ok(!text.includes('untyped'));
  });
});

describe('WalMetricProducer', { skip: cannotMap, timeout: 300_000 }, () => {
  test('tells what keeps a log from being shown, and shows the others', async (context) => {
    const gone = await openLog(context);
    const wal = await openLog(context);
    const telemetry = attachTelemetry(gone.directory);
    const producer = new WalMetricProducer().add(telemetry).add(wal.telemetry);
    telemetry.close();
    const { resourceMetrics, errors } = await producer.collect();
    assert.equal(errors.length, 1);
    assert.ok(code('ERR_FLASHSTRIKE_CLOSED')(errors[0]));
    const [scope] = resourceMetrics.scopeMetrics;
    assert.ok((scope?.metrics.length ?? 0) > 100);
    assert.ok(scope?.metrics.every(({ dataPoints }) => dataPoints.length > 0));
    assert.equal(producer.remove(wal.telemetry), true);
    assert.deepEqual((await producer.collect()).resourceMetrics.scopeMetrics, []);
  });

  test('shows no two logs as one, and an opening in the place of one that is closed', async (context) => {
    const first = await openLog(context);
    const other = await openLog(context);
    const producer = new WalMetricProducer().add(first.telemetry);
    const labels = { log: basename(first.directory), log_id: 'x' };
    const refused = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /another log here has the same/i);
    producer.add(other.telemetry, { labels });
    assert.throws(() => producer.add(first.telemetry, { labels }), refused);
    const ups = async (): Promise<unknown[]> => {
      const { resourceMetrics } = await producer.collect();
      const [scope] = resourceMetrics.scopeMetrics;
      const up = scope?.metrics.find(({ descriptor }) => descriptor.name === 'flashstrike.wal.up');
      return up?.dataPoints.map(({ attributes, value }) => [attributes['log_id'], value]) ?? [];
    };
    const [[id]] = (await ups()) as [[string, number]];
    assert.deepEqual(await ups(), [
      [id, 1],
      ['x', 1],
    ]);
    await first.close();
    const again = await Wal.open(first.directory, mappedOptions(context));
    try {
      producer.add(again.telemetry);
      assert.deepEqual(await ups(), [
        ['x', 1],
        [id, 1],
      ]);
      assert.equal(producer.remove(first.telemetry), false);
      assert.throws(() => producer.add(first.telemetry), refused);
    } finally {
      await again.close();
    }
  });

  test('refuses options that are none', () => {
    // @ts-expect-error: a caller without types
    const make = () => new WalMetricProducer({ histograms: 'native' });
    assert.throws(make, code('ERR_FLASHSTRIKE_INVALID_ARGUMENT'));
  });
});

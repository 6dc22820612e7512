// How many requests a second a service answers, each on disk before its answer, and what a request
// costs in processor time, by thread. Closed loop: each connection waits for its answer.

import { scale, withFolder } from './harness/folder.js';
import { sumOf } from './harness/processor-time.js';
import type { Column, Row } from './harness/result.js';
import { benchmark, type Run } from './harness/run.js';
import { median } from './harness/statistics.js';
import { ratioOf, type Sample, type Way } from './harness/turns.js';
import { driveByNode, type Generator, generatorsNamed, type Load } from './http/generators.js';
import { Service } from './http/service.js';
import { peerNamed } from './peers/all.js';

const OURS = 'Flashstrike append + durable()';
const GROUP_COMMIT = '20 lines of group commit (appendFile + datasync)';
const SQLITE = 'better-sqlite3 FULL';
/** The one beside which the others are put comes first. */
const NAMES = [GROUP_COMMIT, OURS, SQLITE, 'node:sqlite FULL'];

/** Inside the tests; wrk, which knows whole seconds only, does not run there. */
const isSmall = scale < 1;
const GOAL_CONNECTIONS = [1, 8, 64, 512];
const CONNECTIONS = isSmall ? [1, 8] : GOAL_CONNECTIONS;
const SECONDS = isSmall ? 0.1 : 1;
/**
 * So many answers count for nothing: V8 compiles the code of a service for the first ten thousand,
 * beside it and with up to as much processor time again, which the rest of its days do without.
 */
const WARM_UP_REQUESTS = isSmall ? 10 : 20_000;
const WARM_UP_SECONDS = isSmall ? 0.05 : 0.5;

const COLUMNS: readonly Column[] = [
  { name: 'rate', unit: '/s' },
  { name: 'processor each', unit: 'µs' },
  { name: 'application', unit: 'µs' },
  { name: 'writer', unit: 'µs' },
  { name: 'other threads', unit: 'µs' },
  { name: 'p50', unit: 'ms' },
  { name: 'p99', unit: 'ms' },
];

async function measure(
  service: Service,
  connections: number,
  { drive }: Generator,
  folder: string,
): Promise<Sample> {
  const work = (): Promise<Load> => drive(service.port, connections, SECONDS, folder);
  const [load, used] = await service.used(work);
  const eachUs = (ns: number): number => ns / 1e3 / load.requests;
  const application = used.get('application') ?? Number.NaN;
  const writer = used.get('writer') ?? 0;
  return {
    values: {
      rate: load.perSecond,
      'processor each': eachUs(sumOf(used)),
      application: eachUs(application),
      writer: eachUs(writer),
      'other threads': eachUs(sumOf(used) - application - writer),
      p50: load.p50Ns / 1e6,
      p99: load.p99Ns / 1e6,
    },
  };
}

/** The services stay, idle while another has its turn, so that each is as warm as the others. */
async function wayOf(name: string, connections: number, at: Place): Promise<Way> {
  const { missing } = peerNamed(name);
  const service = at.services.get(name);
  if (service === undefined) return { name, missing, run: () => Promise.reject(new Error(name)) };
  for (let answered = 0; answered < WARM_UP_REQUESTS; ) {
    const drive = () => driveByNode(service.port, connections, WARM_UP_SECONDS);
    const [{ requests }] = await service.used(drive);
    answered += requests;
  }
  return { name, run: () => measure(service, connections, at.generator, at.folder) };
}

interface Place {
  readonly services: ReadonlyMap<string, Service>;
  readonly generator: Generator;
  readonly folder: string;
}

async function startAll(run: Run, folder: string): Promise<Map<string, Service>> {
  const services = new Map<string, Service>();
  for (const name of NAMES) {
    if (peerNamed(name).missing !== undefined || !run.isWanted(name)) continue;
    services.set(name, await Service.start(name, folder));
  }
  return services;
}

async function drive(run: Run, at: Place): Promise<void> {
  const plotted = new Map<string, [number, number][]>();
  for (const connections of run.options.connections ?? CONNECTIONS) {
    const ways: Way[] = [];
    for (const name of NAMES.filter((each) => run.isWanted(each))) {
      ways.push(await wayOf(name, connections, at));
    }
    const title = `${connections} connections, ${at.generator.name}`;
    const rows = await run.compare(title, COLUMNS, ways, GROUP_COMMIT);
    judge(run, connections, rows);
    for (const [name, { skipped, values }] of rows) {
      if (skipped !== undefined) continue;
      const points = plotted.get(name) ?? [];
      points.push([connections, median(values['rate'] ?? [])]);
      plotted.set(name, points);
    }
  }
  run.plot({
    title: `Requests a second, each on disk before its answer (${at.generator.name})`,
    x: { label: 'connections', isLogarithmic: true },
    y: { label: 'requests a second', isLogarithmic: true },
    lines: [...plotted].map(([name, points]) => ({ name, points })),
  });
}

await benchmark('http', async (run) => {
  for (const generator of generatorsNamed(isSmall ? ['node'] : run.options.generators)) {
    if (generator.missing !== undefined) {
      run.note(`${generator.name}: skipped: ${generator.missing}`);
      continue;
    }
    await withFolder(async (folder) => {
      const services = await startAll(run, folder);
      await drive(run, { services, generator, folder });
      for (const service of services.values()) await service.end();
    });
  }
});

function judge(run: Run, connections: number, rows: ReadonlyMap<string, Row>): void {
  const ours = rows.get(OURS);
  const byHand = rows.get(GROUP_COMMIT);
  if (!GOAL_CONNECTIONS.includes(connections)) return;
  run.goal(`rate${connections}`, ratioOf(ours, byHand, 'rate'));
  run.goal(`processor${connections}`, ratioOf(ours, byHand, 'processor each'));
  run.goal(`sqlite${connections}`, ratioOf(ours, rows.get(SQLITE), 'rate'));
}

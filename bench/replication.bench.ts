// What a log on three nats-servers costs, and how fast it goes there and back. All of them share
// the cores and the disk of this machine with whoever records.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Wal } from '../src/index.js';
import { audit, type BlockStream, natsStream, replicate, restoreFrom } from '../src/nats.js';
import { paced } from './append/paced.js';
import { ENDING, logSizes, scale, scaled, withFolder } from './harness/folder.js';
import { Latencies } from './harness/latencies.js';
import { NatsCluster, NO_SERVER } from './harness/nats-cluster.js';
import { removeFolder } from './harness/remove-folder.js';
import { benchmark, type Run } from './harness/run.js';
import type { Sample, Way } from './harness/turns.js';

const EVENTS = scaled(1_000_000);
const PAYLOAD = new Uint8Array(64).fill(0x5a);
const FRAME_BYTES = 24 + PAYLOAD.length;
const LAG_RATES = [20_000, 100_000];
const LAG_MS = 5_000 * scale;
const LAG_WARM_UP_MS = 2_000 * scale;
const FAILOVER_EVENTS = scaled(100_000);
/** So long it has had to take what the stream had. */
const STANDBY_MS = 2_000 * Math.min(1, scale * 10);
const PACED_RATE = 100_000;
const PACED_EVENTS = scaled(500_000);
const REPLICATOR = fileURLToPath(new URL('replication/replicator.js', import.meta.url));
const RATES = [
  { name: 'events', unit: '/s' },
  { name: 'frames', unit: 'MB/s' },
] as const;

let names = 0;
const newName = (): string => `bench-${++names}`;

class Bench {
  readonly #folder: string;
  readonly #cluster: NatsCluster;

  constructor(folder: string, cluster: NatsCluster) {
    this.#folder = folder;
    this.#cluster = cluster;
  }

  get servers(): string[] {
    return this.#cluster.servers;
  }

  stream(name: string): BlockStream {
    return natsStream({ servers: this.servers, stream: name, create: {} });
  }

  /** A folder that goes with what `body` makes in it. */
  async in<Result>(body: (dir: string) => Promise<Result>): Promise<Result> {
    mkdirSync(this.#folder, { recursive: true });
    const dir = mkdtempSync(join(this.#folder, 'way-'));
    try {
      return await body(dir);
    } finally {
      removeFolder(dir);
    }
  }

  /** Resolves once the stream has all of a closed log. */
  async replicateWhole(directory: string, stream: string, events = EVENTS): Promise<void> {
    const replica = await replicate(directory, { stream: this.stream(stream) });
    await replica.replicated(events);
    await replica.close();
  }
}

async function recorded(directory: string, events: number): Promise<string> {
  const wal = await Wal.open(directory, { ...logSizes, sync: { mode: 'manual' } });
  for (let event = 0; event < events; event++) wal.append(PAYLOAD);
  await wal.close();
  return directory;
}

async function timed(job: () => Promise<unknown>): Promise<Sample> {
  const startMs = performance.now();
  await job();
  const seconds = (performance.now() - startMs) / 1e3;
  return { values: { events: EVENTS / seconds, frames: (EVENTS * FRAME_BYTES) / 1e6 / seconds } };
}

/** There and back, of a log that is complete. */
async function rates(run: Run, bench: Bench, folder: string): Promise<void> {
  const directory = await recorded(join(folder, 'recorded'), EVENTS);
  const kept = newName();
  await bench.replicateWhole(directory, kept);
  const restored = async (dir: string): Promise<void> => {
    const { events } = await restoreFrom(bench.stream(kept), join(dir, 'log'));
    if (events !== EVENTS) throw new Error(`${events} of ${EVENTS} events were restored`);
  };
  const audited = async (): Promise<void> => {
    const { ok, events } = await audit(directory, bench.stream(kept));
    if (!ok || events !== EVENTS) throw new Error(`${events} of ${EVENTS} events are the same`);
  };
  const title = `${EVENTS.toLocaleString('en-US')} events of ${PAYLOAD.length} bytes`;
  await run.compare(title, RATES, [
    {
      name: 'replicate: catch-up',
      run: () => timed(() => bench.replicateWhole(directory, newName())),
    },
    { name: 'restoreFrom: a log rebuilt', run: () => timed(() => bench.in(restored)) },
    { name: 'audit: every block compared', run: () => timed(audited) },
  ]);
  run.hash.add(EVENTS);
}

/** From an append to `replicated()` of it: the last one of each turn of the event loop. */
const lag = (bench: Bench, rate: number): Way => ({
  name: `${rate.toLocaleString('en-US')} appends a second`,
  run: () =>
    bench.in(async (dir) => {
      const wal = await Wal.open(join(dir, 'log'), logSizes);
      const replica = await replicate(wal, { stream: bench.stream(newName()) });
      await replica.claimed();
      const latencies = new Latencies();
      const open: Promise<unknown>[] = [];
      const startMs = performance.now();
      const endMs = startMs + LAG_WARM_UP_MS + LAG_MS;
      for (let done = 0, nowMs = startMs; nowMs < endMs; nowMs = performance.now()) {
        const due = Math.ceil(((nowMs - startMs) * rate) / 1e3);
        const isLate = nowMs > startMs + LAG_WARM_UP_MS;
        if (done < due) {
          for (; done < due; done++) wal.append(PAYLOAD);
          const last = replica.replicated(wal.lastEventId);
          open.push(last.then(() => isLate && latencies.record((performance.now() - nowMs) * 1e6)));
        }
        await delay(1);
      }
      await Promise.all(open);
      const events = wal.lastEventId;
      await replica.close();
      await wal.close();
      return {
        values: {
          p50: latencies.percentileNs(50) / 1e6,
          p99: latencies.percentileNs(99) / 1e6,
          events: (events * 1e3) / (performance.now() - startMs),
        },
        latencies,
      };
    }),
});

/** From the decision to fail over until the log takes events, and nobody else's are taken. */
const failover = (bench: Bench, isWarm: boolean, directory: string): Way => ({
  name: isWarm
    ? 'a warm standby'
    : `a new log of ${FAILOVER_EVENTS.toLocaleString('en-US')} events`,
  run: () =>
    bench.in(async (dir) => {
      const [stream, target] = [newName(), join(dir, 'log')];
      await bench.replicateWhole(directory, stream, FAILOVER_EVENTS);
      const promotion = new AbortController();
      const { signal } = promotion;
      const standby = isWarm
        ? restoreFrom(bench.stream(stream), target, { follow: true, signal })
        : undefined;
      if (isWarm) await delay(STANDBY_MS);
      const startMs = performance.now();
      promotion.abort();
      await (standby ?? restoreFrom(bench.stream(stream), target));
      const wal = await Wal.open(target, logSizes);
      const replica = await replicate(wal, { stream: bench.stream(stream), takeover: true });
      await replica.claimed();
      const ms = performance.now() - startMs;
      if (wal.lastEventId !== FAILOVER_EVENTS) throw new Error(`it has ${wal.lastEventId} events`);
      await replica.close();
      await wal.close();
      return { values: { ms } };
    }),
});

async function failovers(run: Run, bench: Bench, folder: string): Promise<void> {
  const directory = await recorded(join(folder, 'failover'), FAILOVER_EVENTS);
  const columns = [{ name: 'ms', unit: 'ms' }] as const;
  const ways = [failover(bench, true, directory), failover(bench, false, directory)];
  await run.compare('failover: until the standby has claimed the stream', columns, ways);
}

const WITHOUT = 'without replication';

/** What appends cost beside a process that replicates them. */
const append = (bench: Bench, isReplicated: boolean): Way => ({
  name: isReplicated ? 'replicated by another process' : WITHOUT,
  run: () =>
    bench.in(async (dir) => {
      const directory = join(dir, 'log');
      const wal = await Wal.open(directory, logSizes);
      const stop = isReplicated ? await startReplicator(bench, directory) : undefined;
      await paced(wal, Math.min(100_000, PACED_EVENTS), PACED_RATE);
      const { service } = await paced(wal, PACED_EVENTS, PACED_RATE);
      await stop?.();
      await wal.close();
      const values = { p50: service.percentileNs(50), p99: service.percentileNs(99) };
      return { values, latencies: service };
    }),
});

async function startReplicator(
  { servers }: Bench,
  directory: string,
): Promise<() => Promise<void>> {
  const child = fork(REPLICATOR, [directory, newName(), ...servers]);
  const ended = once(child, 'exit');
  const isClaimed = await Promise.race([once(child, 'message'), ended.then(() => false)]);
  if (isClaimed === false) throw new Error('the replicator has ended');
  return async () => {
    child.disconnect();
    await ended;
  };
}

await benchmark('replication', (run) =>
  withFolder(async (folder) => {
    const missing = NO_SERVER === false ? undefined : NO_SERVER;
    if (missing !== undefined) {
      const none: Way = { name: 'three servers', missing, run: () => Promise.reject(missing) };
      await run.compare('on three servers', RATES, [none]);
      return;
    }
    const cluster = await NatsCluster.start();
    // Before the folder goes, and with it this process.
    const stop = (): void => cluster.killAll();
    for (const signal of ENDING) process.prependListener(signal, stop);
    try {
      const bench = new Bench(join(folder, 'ways'), cluster);
      await rates(run, bench, folder);
      await failovers(run, bench, folder);
      const title = 'from append to replicated(), which asks for the sync';
      const columns = [
        { name: 'p50', unit: 'ms' },
        { name: 'p99', unit: 'ms' },
        { name: 'events', unit: '/s' },
      ] as const;
      await run.compare(
        title,
        columns,
        LAG_RATES.map((rate) => lag(bench, rate)),
      );
      const paces = `append, ${PACED_RATE.toLocaleString('en-US')} a second on a schedule`;
      const service = [
        { name: 'p50', unit: 'ns' },
        { name: 'p99', unit: 'ns' },
      ] as const;
      await run.compare(paces, service, [append(bench, false), append(bench, true)], WITHOUT);
    } finally {
      for (const signal of ENDING) process.off(signal, stop);
      await cluster.stop();
    }
  }),
);

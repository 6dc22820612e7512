// How soon a follower has an event, what one costs that waits, and how fast it goes over what is
// there: event by event, and block by block.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { follow, followBlocks, Wal } from '../src/index.js';
import type { Asked, Told } from './follow/follower.js';
import { logSizes, scale, scaled, withFolder } from './harness/folder.js';
import { Latencies } from './harness/latencies.js';
import { canTimeThreads } from './harness/processor-time.js';
import { benchmark, type Run } from './harness/run.js';
import { median } from './harness/statistics.js';
import { ratioOf, type Sample, type Way } from './harness/turns.js';

const SAMPLES = scaled(500);
const WARM_UP = scaled(200);
const PAUSE_MS = 3;
const IDLE_MS = scale < 1 ? 100 : 3000;
const EVENTS = scaled(2_000_000);
const FOLLOWER = fileURLToPath(new URL('follow/follower.js', import.meta.url));

const OWN = 'wal.follow, in the same thread';
const OTHER = 'follow, in another process';
const ALONE = 'the same without a bell: looks by itself';
const COLUMNS = [{ name: 'p50 of a turn', unit: 'µs' }] as const;

const nowNs = (): number => Number(process.hrtime.bigint());
const payload = new Float64Array(5);
const bytes = new Uint8Array(payload.buffer);

const messageOf = async (child: ChildProcess): Promise<Told> => {
  const [told] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`a follower ended: ${code}`))),
  ]);
  return told as Told;
};

/** Commits events that carry the time; `PAUSE_MS` of nothing before each. */
async function commit(wal: Wal, count: number, latencies?: Latencies): Promise<void> {
  for (let event = 0; event < count; event++) {
    await delay(PAUSE_MS);
    payload[0] = nowNs();
    await wal.durable(wal.append(bytes));
    latencies?.record(nowNs() - (payload[0] as number));
  }
}

function sampleOf(latencies: Latencies): Sample {
  return { values: { 'p50 of a turn': latencies.percentileNs(50) / 1e3 }, latencies };
}

async function own(wal: Wal): Promise<Sample> {
  const latencies = new Latencies();
  const first = wal.lastEventId + 1;
  const last = first + WARM_UP + SAMPLES - 1;
  const following = (async () => {
    for await (const { eventId, payload } of wal.follow({ from: first })) {
      const sentNs = new Float64Array(payload.buffer, payload.byteOffset, 1)[0] as number;
      if (eventId >= first + WARM_UP) latencies.record(nowNs() - sentNs);
      if (eventId === last) return;
    }
  })();
  await commit(wal, WARM_UP + SAMPLES);
  await following;
  return sampleOf(latencies);
}

async function other(wal: Wal, isDeaf: boolean): Promise<Sample> {
  const asked: Asked = {
    directory: wal.directory,
    from: wal.lastEventId + 1,
    followers: 1,
    warmUp: WARM_UP,
    samples: SAMPLES,
    isDeaf,
  };
  const child = fork(FOLLOWER, [JSON.stringify(asked)], { serialization: 'advanced' });
  await messageOf(child);
  await commit(wal, WARM_UP + SAMPLES);
  const { latenciesNs } = await messageOf(child);
  child.kill();
  return sampleOf(new Latencies().recordAll(latenciesNs));
}

async function latency(run: Run, folder: string): Promise<void> {
  const wal = await Wal.open(join(folder, 'latency'), { ...logSizes, sync: { mode: 'manual' } });
  const baseline = 'durable() itself';
  const ways: readonly Way[] = [
    {
      name: baseline,
      async run() {
        const latencies = new Latencies();
        await commit(wal, SAMPLES, latencies);
        return sampleOf(latencies);
      },
    },
    { name: OWN, run: () => own(wal) },
    { name: OTHER, run: () => other(wal, false) },
    { name: ALONE, run: () => other(wal, true) },
  ];
  const title = `from append to the follower, ${PAUSE_MS} ms of nothing before each`;
  const rows = await run.compare(title, COLUMNS, ways, baseline);
  run.goal('other', ratioOf(rows.get(OTHER), rows.get(baseline), 'p50 of a turn'));
  await wal.close();
}

/** What followers take that have nothing to do. */
async function idle(directory: string, followers: number, isDeaf: boolean): Promise<Sample> {
  const asked: Asked = { directory, from: 2, followers, warmUp: 0, samples: 0, isDeaf };
  const child = fork(FOLLOWER, [JSON.stringify(asked)], { serialization: 'advanced' });
  await messageOf(child);
  await delay(Math.min(IDLE_MS, 1500));
  child.send('used');
  const before = await messageOf(child);
  await delay(IDLE_MS);
  child.send('used');
  const after = await messageOf(child);
  child.kill();
  const ms = after.atMs - before.atMs;
  return {
    values: {
      'of a core': ((after.usedMs - before.usedMs) / ms) * 100,
      'wake-ups': ((after.wakeUps - before.wakeUps) / ms) * 1e3,
    },
  };
}

async function waiting(run: Run, folder: string): Promise<void> {
  const wal = await Wal.open(join(folder, 'idle'), logSizes);
  await wal.durable(wal.append(bytes));
  const missing = canTimeThreads ? undefined : 'the system does not tell';
  const way = (name: string, followers: number, isDeaf = false): Way => ({
    name,
    missing,
    run: () => idle(wal.directory, followers, isDeaf),
  });
  const columns = [
    { name: 'of a core', unit: '%' },
    { name: 'wake-ups', unit: '/s' },
  ] as const;
  const rows = await run.compare('a process that follows a quiet log', columns, [
    way('no follower', 0),
    way('1 follower', 1),
    way('10 followers', 10),
    way('1 follower without a bell', 1, true),
    way('10 followers without a bell', 10, true),
  ]);
  const usedBy = (name: string): number => median(rows.get(name)?.values['of a core'] ?? []);
  run.goal('idle', usedBy('1 follower') - usedBy('no follower'));
  await wal.close();
}

async function rateOf(count: (last: number) => Promise<number>): Promise<Sample> {
  const startMs = performance.now();
  const events = await count(EVENTS);
  if (events !== EVENTS) throw new Error(`${events} of ${EVENTS} events were there`);
  return { values: { events: (EVENTS / (performance.now() - startMs)) * 1e3 } };
}

async function rates(run: Run, folder: string): Promise<void> {
  const directory = join(folder, 'rate');
  const wal = await Wal.open(directory, { ...logSizes, sync: { mode: 'manual' } });
  for (let event = 0; event < EVENTS; event++) wal.append(bytes);
  await wal.close();
  const events =
    (reuse: boolean) =>
    async (last: number): Promise<number> => {
      let count = 0;
      for await (const { eventId } of follow(directory, { reuse })) {
        count++;
        if (eventId === last) break;
      }
      return count;
    };
  const blocks =
    (reuse: boolean) =>
    async (last: number): Promise<number> => {
      let count = 0;
      for await (const { firstEventId, lastEventId } of followBlocks(directory, { reuse })) {
        count += lastEventId - firstEventId + 1;
        if (lastEventId === last) break;
      }
      return count;
    };
  const rows = await run.compare(
    `over ${EVENTS.toLocaleString('en-US')} durable events of 40 bytes, in the page cache`,
    [{ name: 'events', unit: '/s' }],
    [
      { name: 'follow', run: () => rateOf(events(false)) },
      { name: 'follow, reuse', run: () => rateOf(events(true)) },
      { name: 'followBlocks', run: () => rateOf(blocks(false)) },
      { name: 'followBlocks, reuse', run: () => rateOf(blocks(true)) },
    ],
    'follow',
    3,
  );
  run.goal('blocks', ratioOf(rows.get('followBlocks'), rows.get('follow'), 'events'));
  run.goal(
    'blocksReuse',
    ratioOf(rows.get('followBlocks, reuse'), rows.get('follow, reuse'), 'events'),
  );
  run.hash.add(EVENTS);
}

await benchmark('follow', (run) =>
  withFolder(async (folder) => {
    await latency(run, folder);
    await waiting(run, folder);
    await rates(run, folder);
  }),
);

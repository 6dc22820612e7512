// All benchmarks, with what each must reach and what it does not look at. The code of `NAME` is in
// `NAME.bench.ts`. The limits are those of the project's design; a run prints each beside what it
// measured.
import type { Unit } from './harness/result.js';

export interface Goal {
  readonly text: string;
  readonly unit: Unit;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Benchmark {
  readonly title: string;
  readonly nonGoal: string;
  readonly goals: { readonly [key: string]: Goal };
  /** Takes longer than half a minute: runs only when it is named. */
  readonly isLong?: boolean;
}

export type BenchmarkName = keyof typeof BENCHMARKS;

const ratio = (text: string, limit: { atMost: number } | { atLeast: number }): Goal => ({
  text,
  unit: '×',
  ...limit,
});

const httpGoals = (connections: number): { readonly [key: string]: Goal } => ({
  [`rate${connections}`]: ratio(`rate at ${connections} to 20 lines of group commit`, {
    atLeast: 1,
  }),
  [`processor${connections}`]: ratio(
    `processor time a request at ${connections} to 20 lines of group commit`,
    { atMost: 1 },
  ),
  [`sqlite${connections}`]: ratio(`rate at ${connections} to better-sqlite3 FULL`, { atLeast: 1 }),
});

export const BENCHMARKS = {
  append: {
    title: 'append into a ring that has room, beside a flat function that writes the same frame',
    nonGoal: 'throughput: bursts end before the ring is full',
    goals: {
      coarse: ratio('coarse time, fastest burst, to the flat function', { atMost: 1.3 }),
      precise: ratio('precise time, to the flat function and a clock reading', { atMost: 1.3 }),
      typed: ratio('typed in place, fastest burst, to the typed flat function', { atMost: 1.3 }),
      collections: { text: 'collections during a million appends', unit: '', atMost: 0 },
    },
  },
  'append-paced': {
    title: 'append at 1 M events a second while commits run without pause (open loop)',
    nonGoal: 'throughput',
    goals: {
      p50: { text: 'service time p50, clock reading included', unit: 'ns', atMost: 150 },
      p99: { text: 'service time p99', unit: 'ns', atMost: 1_000 },
      'p99.9': { text: 'service time p99.9', unit: 'ns', atMost: 20_000 },
      readers: ratio('p99 with 8 processes that read the telemetry, to none', { atMost: 1.1 }),
    },
    isLong: true,
  },
  'observation-cost': {
    title: 'a log that is watched: recorder of stalls, dashboard with a page, a scrape each second',
    nonGoal: 'what the browser and the Prometheus server do with it',
    goals: {
      recorder: ratio('p99 of append with the recorder of stalls, to none', { atMost: 1.05 }),
      all: ratio('p99 of append with all of them, to none', { atMost: 1.05 }),
      rest: { text: 'of a core, all of them above none, log at rest', unit: '%', atMost: 1 },
    },
    isLong: true,
  },
  'append-sustained': {
    title: '10 M appends without a pause',
    nonGoal: 'durability: nothing waits for a sync',
    goals: {
      reference: ratio('coarse time, to the C++ reference with its metrics on', { atMost: 0.5 }),
    },
  },
  throughput: {
    title: '20 M events of 40 bytes until the kernel has them all',
    nonGoal: 'durability: nothing waits for a sync (mode manual), but each segment is synced',
    goals: {
      bound: ratio('rate, to the slower of writev and append with room', { atLeast: 0.7 }),
      writeSync: ratio('rate, to fs.writeSync of each event', { atLeast: 10 }),
    },
    isLong: true,
  },
  durable: {
    title: 'commits of one event of 40 bytes, each on disk before the next',
    nonGoal: 'throughput of many at once (see durable-many, http, peers)',
    goals: {
      alone: ratio('p50 of durable(), to write + fdatasync of the same bytes', { atMost: 1.2 }),
      paused: ratio('the same, after 5 ms of nothing', { atMost: 1.2 }),
      sync: ratio('p50 of durableSync(), to write + fdatasync', { atMost: 1.1 }),
      sqlite: ratio('p50 of durable(), to better-sqlite3 FULL', { atMost: 1 }),
    },
  },
  'durable-many': {
    title: '1,000 events whose durable() is asked for one by one, or once for all',
    nonGoal: 'latency of one',
    goals: {
      waiter: { text: 'a waiter, above one durable() for all', unit: 'µs', atMost: 0.5 },
    },
  },
  peers: {
    title: 'events of 40 bytes a second at equal durability, one and a hundred at a time',
    nonGoal: 'queries, indexes and all else that databases are for',
    goals: {},
  },
  http: {
    title: 'an HTTP service that answers each POST of 120 bytes once it is on disk',
    nonGoal: 'the speed of HTTP itself: all services share one server',
    goals: { ...httpGoals(1), ...httpGoals(8), ...httpGoals(64), ...httpGoals(512) },
    isLong: true,
  },
  replay: {
    title: 'reading back, every checksum verified, from the page cache',
    nonGoal: 'cold reads',
    goals: {
      cursor: { text: 'cursor', unit: '/s', atLeast: 20e6 },
      iterator: { text: 'iterator, an object an event', unit: '/s', atLeast: 5e6 },
    },
  },
  decode: {
    title: 'fields of typed events, read by views, by hand, as objects, and from JSON',
    nonGoal: 'cold reads',
    goals: {
      view: ratio('events a second of a view, to DataView by hand', { atLeast: 0.5 }),
      json: ratio('events a second of a view, to JSON.parse', { atLeast: 5 }),
    },
  },
  follow: {
    title: 'followers: how soon they have an event, what one costs that waits, how fast they are',
    nonGoal: 'recording beside many followers (see growth-readers)',
    goals: {
      other: ratio('p50 from append to another process, to durable() itself', { atMost: 2 }),
      idle: { text: 'a follower of a quiet log, of a core', unit: '%', atMost: 0.5 },
      blocks: ratio('rate of followBlocks, to follow', { atLeast: 3 }),
      blocksReuse: ratio('the same with reuse, to follow with reuse', { atLeast: 3 }),
    },
    isLong: true,
  },
  replication: {
    title: 'a log on three nats-servers of this machine: there and back, lag, what appends pay',
    nonGoal: 'a network; servers that have a machine each',
    goals: {},
    isLong: true,
  },
  readahead: {
    title: 'reading back with a thread that reads ahead; beginning in the middle',
    nonGoal: 'cold reads; machines with no processor to spare',
    goals: {
      rawCursor: ratio('a cursor that reads ahead to one alone', { atLeast: 1.2 }),
      compressedCursor: ratio('the same of a compressed log', { atLeast: 1.2 }),
      handOver: { text: 'to a segment that was read ahead, median', unit: 'µs', atMost: 2 },
    },
    isLong: true,
  },
  open: {
    title: 'Wal.open, until the log can be appended to',
    nonGoal: 'recovery after a kill',
    goals: {
      newFresh: { text: 'a new log, a fresh process', unit: 'ms', atMost: 100 },
      newBeside: { text: 'a new log, another is open', unit: 'ms', atMost: 15 },
      oldFresh: { text: 'a closed log, a fresh process', unit: 'ms', atMost: 80 },
      oldBeside: { text: 'a closed log, another is open', unit: 'ms', atMost: 10 },
    },
  },
  segments: {
    title: 'getNextSegment when a segment is ready, and waiting for one in a log that recycles',
    nonGoal: 'how long one takes to be prepared',
    goals: {
      ready: { text: 'p99', unit: 'µs', atMost: 2 },
      recycled: ratio('bytes a second with recycled files, to zeroed ones', { atLeast: 1 }),
    },
  },
  idle: {
    title: 'a log that has nothing to do',
    nonGoal: 'how soon an event is seen',
    goals: {
      idle: { text: 'an idle log, of a core', unit: '%', atMost: 0.5 },
      smallLog: { text: 'a closed log of 20 events, on disk', unit: 'KB', atMost: 64 },
    },
    isLong: true,
  },
  'idle-many': {
    title: 'a hundred logs in one process that have nothing to do',
    nonGoal: 'how soon an event is seen',
    goals: {
      memory: { text: 'resident memory, above one log', unit: 'MB', atMost: 150 },
      threads: { text: 'threads', unit: '', atMost: 6 },
      descriptors: { text: 'descriptors of a log', unit: '', atMost: 4 },
      shared: { text: 'shared memory of a log', unit: 'MB', atMost: 1.2 },
      processor: { text: 'of a core', unit: '%', atMost: 1 },
    },
    isLong: true,
  },
  'many-small': {
    title: 'a thousand logs of 20 events, one after the other: open, append, durable, close',
    nonGoal: 'reading them again',
    goals: {
      round: { text: 'a log, p50', unit: 'ms', atMost: 15 },
      disk: { text: 'a closed log, on disk', unit: 'KB', atMost: 64 },
    },
    isLong: true,
  },
  'many-busy': {
    title: '64 logs that commit at once, and a busy log among 99 idle ones',
    nonGoal: 'logs with threads of their own',
    goals: {
      rate: ratio('rate of 64 logs, to 64 file handles with datasync', { atLeast: 1 }),
      processor: ratio('processor time of a commit, to those', { atMost: 1 }),
      among: ratio('commits a second of a busy log among 99 idle ones, to alone', {
        atLeast: 0.95,
      }),
      append: ratio('append of the same, to alone', { atMost: 1.05 }),
    },
    isLong: true,
  },
  telemetry: {
    title: 'recording a duration, beside other libraries',
    nonGoal: "a clock that is faster than the system's",
    goals: {
      record: {
        text: 'duration64 record, above the stores that keep it coherent',
        unit: 'ns',
        atMost: 10,
      },
      updater: ratio('updater call without its record, to one clock reading', { atMost: 1.3 }),
    },
  },
  'growth-rate': {
    title: 'latency and processor time of durable events against their rate (open loop)',
    nonGoal: 'many events that wait for one durable()',
    goals: {},
    isLong: true,
  },
  'growth-size': {
    title: 'append and throughput against the size of an event, 8 B to 1 MiB',
    nonGoal: 'durability',
    goals: {},
    isLong: true,
  },
  'growth-waiters': {
    title: 'durable() against how many wait for the same sync, 1 to 100,000',
    nonGoal: 'latency at a rate (see growth-rate)',
    goals: {},
  },
  'growth-log': {
    title: 'Wal.open of a closed log against its size, 1 MB to 10 GB, and seeking in it',
    nonGoal: 'an open that verifies more than the tail',
    goals: { size: ratio('10 GB, to 100 MB', { atMost: 1.2 }) },
    isLong: true,
  },
  'growth-machine': {
    title: 'opening a durable state machine against its events: from a snapshot, and from all',
    nonGoal: 'what a real `apply` costs: this one counts',
    goals: {},
    isLong: true,
  },
  maintenance: {
    title: 'appends while finished segments are compressed and removed, and what LZ4 makes of data',
    nonGoal: 'reading what is compressed',
    goals: {
      p99: ratio('append p99 with maintenance, to without', { atMost: 1.1 }),
      events: ratio('appends a second with maintenance, to without', { atLeast: 0.91 }),
      backup: ratio('append p99 beside backups without a pause, to without', { atMost: 1.1 }),
    },
    isLong: true,
  },
  machine: {
    title:
      'a durable state machine: events applied and durable, and how long it takes to open again',
    nonGoal: 'what a real `apply` costs: this one adds two numbers',
    goals: {
      applied: ratio('events a second applied and durable, to appended and durable', {
        atLeast: 0.5,
      }),
      recovery: ratio('opening from all events, to opening from a snapshot', { atLeast: 2 }),
    },
  },
  'growth-segment': {
    title: 'throughput and stalls against the size of a segment',
    nonGoal: 'latency',
    goals: {},
    isLong: true,
  },
  'growth-readers': {
    title: 'recording against how many processes follow the log',
    nonGoal: 'how soon a follower sees an event',
    goals: {},
    isLong: true,
  },
  tails: {
    title: 'the ten worst appends of a minute at 200,000 a second, each with its cause',
    nonGoal: 'the middle (see append, append-paced)',
    goals: {},
    isLong: true,
  },
  'first-event': {
    title: 'from `npm install` of the packed package to the first durable event',
    nonGoal: 'the registry and the way to it, which take most of it',
    goals: {},
    isLong: true,
  },
  limits: {
    title: 'what the machine allows',
    nonGoal: 'the product',
    goals: {},
  },
} as const satisfies { readonly [name: string]: Benchmark };

export const isBenchmark = (name: string): name is BenchmarkName => Object.hasOwn(BENCHMARKS, name);

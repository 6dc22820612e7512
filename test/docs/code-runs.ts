// How each block of code in the documents is run, by the heading that it stands under: what is
// there before, and what it prints. test/system/code-blocks.test.ts does that.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  defineEvent,
  listConsumers,
  type MachineOptions,
  openMachine,
  Wal,
} from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import type { Program } from '../support/program.js';

export interface Run {
  /** Packages beside flashstrike. */
  readonly packages?: readonly string[];
  /** Puts into the folder what the code counts on; returns what is to be done behind it. */
  readonly before?: (folder: string) => Promise<undefined | (() => Promise<void>)>;
  /** Each must be there: ports that others may have, and the like. */
  readonly replaced?: Readonly<Record<string, string>>;
  /** Goes on behind the code, to look at what it made. */
  readonly tail?: string;
  /** All that it prints; without it, nothing. */
  readonly prints?: RegExp;
  readonly signal?: NodeJS.Signals;
  /** Instead of waiting for its end. */
  readonly until?: (program: Program, folder: string) => Promise<void>;
  /** Once more in the same folder; prints this. */
  readonly again?: RegExp;
}

/** A closed log of these events. */
const logOf =
  (name: string, events: readonly string[] = ['one', 'two', 'three']) =>
  async (folder: string): Promise<undefined> => {
    const wal = await Wal.open(join(folder, name));
    for (const event of events) wal.append(Buffer.from(event));
    await wal.close();
  };

const LEDGER = `export const machine = {
  initial: () => ({ sum: 0 }),
  apply: (state, { type }) => (state.sum += type),
  snapshot: (state) => JSON.stringify(state),
  restore: (content) => JSON.parse(content.text()),
  hash: (state) => String(state.sum),
};
`;
const ANY = /^[\s\S]*$/;
const ORDER = /^1 \d{19}n buy 100 @ 580\.01\n$/;
export const RUNS: Readonly<Record<string, Run>> = {
  'README.md Quick start': { prints: ORDER },
  'QUICK-START.md An event that survives': { prints: ORDER },
  'QUICK-START.md Killed in the middle': {
    signal: 'SIGKILL',
    prints: /^0 events are there, 0 of them from the ring of a killed process\n$/,
    again: /^1000 events are there, \d+ of them from the ring of a killed process\n$/,
  },
  'QUICK-START.md A reader in another process': { prints: /^1 sell 50 @ 580\.02\n$/ },
  'QUICK-START.md Typed events': { prints: /^2 buy 5853300\n3 buy 5853400\n$/ },
  'QUICK-START.md State from events': { prints: /^\{ accepted: true \} \{ balance: 100 \}\n$/ },
  'API.md Ending what waits': {},
  'API.md Large events': {},
  'API.md Reading': {
    before: logOf('orders'),
    until: async (program) => {
      await program.prints(/^(3 three)$/m);
    },
  },
  'TUNING.md Tuning': {},
  'STALLS.md Stalls, after the fact': {
    before: async (folder) => {
      const wal = await Wal.open(join(folder, 'orders'));
      return () => wal.close();
    },
    prints: /^(?:no stalls: .*\n|began [\s\S]*)/,
  },
  'STALLS.md After a clean close': { prints: /^(?:\d{4}-.* \d+ [a-z]+\n)*$/ },
  'CONSUMERS.md Consumers': {
    before: logOf('orders'),
    until: async (_program, folder) => {
      await eventually('the events are acknowledged', () => {
        const [billing] = listConsumers(join(folder, 'orders'));
        return billing?.acknowledgedEventId === 3;
      });
    },
  },
  'OPERATIONS.md Backups': {
    before: logOf('orders'),
    prints: /^everything up to event 3, 1 segments copied\n$/,
  },
  'CLI.md Command line': { prints: ANY },
  'EVENTS.md Typed events': { prints: /^2 buy 105359400\n$/ },
  'EVENTS.md Reading': {
    before: async (folder) => {
      const Fill = defineEvent('fill', { price: 'f64', quantity: 'u32' }, { version: 1 });
      const wal = await Wal.open(join(folder, 'fills'));
      for (const quantity of [1, 2]) wal.appendEvent(Fill, { price: 1.5, quantity });
      wal.append(Buffer.from('of another type'));
      await wal.close();
    },
    tail: 'console.log(turnover);',
    prints: /^4\.5\n$/,
  },
  'EVENTS.md Change': { prints: /^[0-9a-f]+\n$/ },
  'EVENTS.md JSON': {},
  'METRICS.md Reading them': { prints: /Metrics\] Snapshot:/ },
  'METRICS.md Reading them 2': { before: logOf('orders'), prints: /^1\n2\n3\n[\s\S]*Snapshot:/ },
  'METRICS.md Reading them 3': {
    tail: 'console.log(metrics.getNextSegment.samples);',
    prints: /^1\n$/,
  },
  'METRICS.md From outside': {
    before: async (folder) => {
      const wal = await Wal.open(join(folder, 'orders'));
      await wal.durable(wal.append(Buffer.from('one')));
      return () => wal.close();
    },
  },
  'METRICS.md Exporters 2': {
    replaced: { '}).listen(9464': "}).on('listening', look).listen(0" },
    tail: `
      async function look() {
        const { port } = this.address();
        console.log(await (await fetch('http://127.0.0.1:' + port)).text());
        process.exit();
      }`,
    prints: /^flashstrike_wal_recorder_\w+\{log="orders"[\s\S]*\{log="trades"/m,
  },
  'METRICS.md Exporters 3': { packages: ['prom-client'] },
  'METRICS.md Exporters 4': {
    packages: ['@opentelemetry'],
    tail: 'await exporter.shutdown(); await wal.close(); console.log("set up"); process.exit();',
    prints: /^set up\n$/,
  },
  'MONITORING.md A bug report': {
    before: logOf('orders'),
    replaced: { '/data/orders': 'orders' },
    prints: ANY,
  },
  'REPLICATION.md Replication': {
    tail: `
      const { liveStream } = await import(DIST + 'test/replication/bench.js');
      const stream = liveStream();
      await record(stream.connect());
      await failOver(stream.connect());
      console.log('failed over');
      process.exit();`,
    prints: /^failed over\n$/,
  },
  'REPLICATION.md Finished segments as objects': {
    before: logOf('orders'),
    replaced: { '/mnt/archive/orders': 'objects' },
    tail: `
      const { liveStream, openLog } = await import(DIST + 'test/replication/bench.js');
      const { grow } = await import(DIST + 'test/replication/objects/bench.js');
      const { replicate } = await import('flashstrike/replication');
      const wal = await openLog('./orders');
      await grow(wal, 2);
      const stop = new AbortController();
      const kept = keep(stop.signal);
      const engine = liveStream();
      const replica = await replicate(wal, { stream: engine.connect() });
      await replica.replicated();
      stop.abort();
      await kept;
      await rebuild(engine.connect());
      await replica.close();
      await wal.close();
      console.log('rebuilt');`,
    prints: /^rebuilt\n$/,
  },
  'STATE-MACHINE.md A durable state machine': { prints: /^true 5\n$/ },
  'STATE-MACHINE.md Typed events': { prints: /^100\n100 100\n$/ },
  'STATE-MACHINE.md Snapshots': {
    tail: `
      const orders = new Map([[1, { price: 2, size: 3 }]]);
      for await (const part of snapshot({ orders })) console.log(part.toString().trim());`,
    prints: /^\[\[1,\{"price":2,"size":3\}\]\]\n$/,
  },
  'STATE-MACHINE.md What if': { prints: /^105 5\n$/ },
  'STATE-MACHINE.md Checking that runs agree': {
    before: async (folder) => {
      const file = join(folder, 'ledger.mjs');
      writeFileSync(file, LEDGER);
      const { machine } = (await import(pathToFileURL(file).href)) as {
        machine: MachineOptions<{ sum: number }>;
      };
      const ledger = await openMachine(join(folder, 'ledger'), machine);
      for (const type of [1, 2, 3]) await ledger.submit(Buffer.alloc(0), type);
      await ledger.close();
    },
    prints: ANY,
  },
};

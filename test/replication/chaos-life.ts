// The life of a replicated log: recorded by one process, replicated by another, on real servers,
// all of which are killed meanwhile, in an order drawn from a seed. What was promised is kept:
// all that was told to be durable or confirmed comes back from the stream, once and in order.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { replay } from '../../src/index.js';
import { natsStream, restoreFrom } from '../../src/nats.js';
import { TINY } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually, settles } from '../support/eventually.js';
import { assertSame } from './bench.js';
import { insist } from './insist.js';
import type { NatsCluster } from './nats-cluster.js';

export type Victim = 'leader' | 'replicator' | 'recorder';

/** What is appended under an id, in each process. */
const PAYLOAD = `
const payloadOf = (id) => {
  const payload = Buffer.alloc(8 + (id * 37) % 300, id & 255);
  payload.writeBigUInt64LE(BigInt(id));
  return payload;
};
`;

/** Appends until it is told to end; goes on where the last one ended. */
const RECORDER = `${PAYLOAD}
const wal = await Wal.open(directory, options);
let isOver = false;
told().then(() => { isOver = true; });
tell('open ' + wal.lastEventId);
while (!isOver) {
  for (let count = 0; count < 20; count++) wal.append(payloadOf(wal.lastEventId + 1));
  tell('durable ' + (await wal.durable()));
  await new Promise((resolve) => setTimeout(resolve, 2));
}
tell('over ' + (await wal.durable()));
await wal.close();
`;

const NATS = new URL('../../src/nats.js', import.meta.url).href;

/** Replicates the folder until it is killed. */
const REPLICATOR = `
const { natsStream, replicate } = await import('${NATS}');
const replica = await replicate(directory, { stream: natsStream(options) });
let last = 0;
setInterval(() => {
  if (replica.confirmedEventId > last) tell('confirmed ' + (last = replica.confirmedEventId));
}, 10);
tell('claimed ' + (await replica.claimed()));
await replica.ended();
`;

interface LifeResult {
  /** All that the log had in the end. */
  readonly events: number;
  /** The last that was told to be durable, or confirmed, before the end was known. */
  readonly promisedEventId: number;
  readonly epoch: number;
  readonly kills: Readonly<Record<Victim, number>>;
}

interface Folder {
  path(name: string): string;
}

/** The highest number that a line with that word tells. */
const highest = (scripts: readonly Script[], word: string): number =>
  Math.max(
    0,
    ...scripts
      .flatMap(({ lines }) => lines.filter((line) => line.startsWith(`${word} `)))
      .map((line) => Number(line.slice(word.length + 1))),
  );

export class ChaosLife {
  readonly #context: { after(hook: () => void): void };
  readonly #folder: Folder;
  readonly #cluster: NatsCluster;
  readonly #stream: string;
  readonly #recorders: Script[] = [];
  readonly #replicators: Script[] = [];
  readonly #kills = { leader: 0, replicator: 0, recorder: 0 };
  /** The server that was killed last. */
  #down: string | undefined;

  constructor(
    context: { after(hook: () => void): void },
    folder: Folder,
    cluster: NatsCluster,
    stream: string,
  ) {
    this.#context = context;
    this.#folder = folder;
    this.#cluster = cluster;
    this.#stream = stream;
  }

  get #options() {
    const { servers } = this.#cluster;
    return { servers, stream: this.#stream, create: {}, timeoutMs: 2_000 };
  }

  get #log(): string {
    return this.#folder.path(`log-${this.#stream}`);
  }

  /** @param below a whole number from 0 to one less, at random */
  async live(victims: readonly Victim[], below: (count: number) => number): Promise<LifeResult> {
    await this.#record();
    this.#replicate();
    for (const victim of victims) {
      const before = highest(this.#replicators, 'confirmed');
      // Sometimes while all is well, sometimes while it is still busy with the last one.
      if (below(2) === 0) {
        await eventually(`more than ${before} is confirmed`, () => {
          return highest(this.#replicators, 'confirmed') > before;
        });
      } else await delay(below(500));
      await this.#kill(victim);
    }
    const promisedEventId = Math.max(
      highest(this.#recorders, 'durable'),
      highest(this.#replicators, 'confirmed'),
    );
    return this.#end(promisedEventId);
  }

  async #record(): Promise<void> {
    const options = { ...TINY, sharedMemory: 'auto' };
    const script = Script.start(this.#context, RECORDER, this.#log, options);
    this.#recorders.push(script);
    await settles('the log is open', script.tells('open'));
  }

  #replicate(): void {
    const script = Script.start(this.#context, REPLICATOR, this.#log, this.#options);
    this.#replicators.push(script);
  }

  async #kill(victim: Victim): Promise<void> {
    this.#kills[victim]++;
    if (victim === 'recorder') {
      await this.#recorders.at(-1)?.kill();
      await this.#record();
    } else if (victim === 'replicator') {
      await this.#replicators.at(-1)?.kill();
      this.#replicate();
    } else {
      // Two of three stay, whatever comes next.
      if (this.#down !== undefined) this.#cluster.start(this.#down);
      this.#down = await leaderOf(this.#cluster, this.#stream);
      await this.#cluster.kill(this.#down);
    }
  }

  async #end(promisedEventId: number): Promise<LifeResult> {
    if (this.#down !== undefined) this.#cluster.start(this.#down);
    const [recorder, replicator] = [this.#recorders.at(-1), this.#replicators.at(-1)];
    assert.ok(recorder !== undefined && replicator !== undefined);
    recorder.tell();
    const events = Number(await settles('the end of the recorder', recorder.tells('over')));
    assert.ok(events >= promisedEventId, `${promisedEventId} was promised, the log has ${events}`);
    await recorder.ended;
    await eventually(`event ${events} is confirmed`, () => {
      assert.equal(replicator.child.exitCode, null, 'the replicator is at work');
      return highest([replicator], 'confirmed') >= events;
    });
    const epoch = highest(this.#replicators, 'claimed');
    await replicator.kill();
    const out = await this.#restored(events);
    assert.equal(assertSame(this.#log, out), events);
    let next = 1;
    for (const { eventId, payload } of replay(out)) {
      assert.equal(eventId, next);
      assert.equal(Buffer.from(payload).readBigUInt64LE(), BigInt(next), `event ${next}`);
      next++;
    }
    assert.equal(next - 1, events, 'none is missing');
    return { events, promisedEventId, epoch, kills: this.#kills };
  }

  /** Again while a server that has come back does not answer, or is behind. */
  async #restored(events: number): Promise<string> {
    let tries = 0;
    return insist(async () => {
      const out = this.#folder.path(`out-${this.#stream}-${++tries}`);
      const stream = natsStream(this.#options);
      try {
        const report = await settles('restore', restoreFrom(stream, out));
        assert.deepEqual([report.complete, report.lastEventId], [true, events]);
        return out;
      } finally {
        await stream.close();
      }
    });
  }
}

export async function leaderOf(cluster: NatsCluster, stream: string): Promise<string> {
  const nc = await connect({ servers: cluster.servers });
  try {
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    for (;;) {
      const info = await jsm.streams.info(stream).catch(() => undefined);
      if (info?.cluster?.leader !== undefined) return info.cluster.leader;
      await delay(100);
    }
  } finally {
    await nc.close();
  }
}

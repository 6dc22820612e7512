// Why a stream on NATS is fenced by its last sequence, with one block in flight: three ways that
// look as good, and what real servers make of them. Tests of the engine: a later server that does
// better, or worse, shows here.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { insist } from './insist.js';
import { NatsCluster, NO_SERVER } from './nats-cluster.js';

interface Writer {
  /** @returns its sequence */
  publish(text: string, expect: object, more?: { readonly msgID?: string }): Promise<number>;
}

/** 2.9.10 is the one of Debian 12. */
const isOld = (version: string): boolean => /^[01]\.|^2\.\d\./.test(version);

/** "Wrong last sequence", as the servers number it. */
const isRefused = (error: unknown): boolean =>
  error instanceof JetStreamApiError && [10071, 10164].includes(error.code);

describe('of a cluster of three', { skip: NO_SERVER }, () => {
  let cluster: NatsCluster;
  const open: NatsConnection[] = [];
  let jsm: JetStreamManager;
  let version = '';

  async function newConnection(servers = cluster.servers): Promise<NatsConnection> {
    const nc = await connect({ servers, maxReconnectAttempts: -1 });
    open.push(nc);
    return nc;
  }
  before(async () => {
    cluster = await NatsCluster.start();
    const nc = await newConnection();
    jsm = await jetstreamManager(nc, { checkAPI: false });
    version = nc.info?.version ?? '';
  });
  after(async () => {
    for (const nc of open) await nc.close();
    await cluster.stop();
  });

  const newStream = (name: string, more: object = {}) =>
    insist(() => jsm.streams.add({ name, subjects: [`wal.${name}`], num_replicas: 3, ...more }));

  /** A writer of one stream: each has a connection of its own, as if it were another process. */
  async function newWriter(stream: string, servers?: string[]): Promise<Writer> {
    const js = jetstream(await newConnection(servers));
    return {
      publish: async (text, expect, more = {}) => {
        const options = { timeout: 30_000, expect, ...more };
        const { seq } = await js.publish(`wal.${stream}`, text, options);
        return seq;
      },
    };
  }

  async function contentOf(stream: string): Promise<string[]> {
    const { state } = await jsm.streams.info(stream);
    const texts: string[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      texts.push((await jsm.streams.getMessage(stream, { seq }))?.string() ?? 'missing');
    }
    return texts;
  }

  /** Both expect the same; resolves with how many were told that their block is stored. */
  async function race(
    stream: string,
    [a, b]: readonly [Writer, Writer],
    expectation: (last: number) => object,
    round: number,
  ): Promise<number> {
    const last = (await insist(() => jsm.streams.info(stream))).state.last_seq;
    const outcomes = await Promise.allSettled([
      a.publish(`event ${round} of A`, expectation(last)),
      b.publish(`event ${round} of B`, expectation(last)),
    ]);
    return outcomes.filter(({ status }) => status === 'fulfilled').length;
  }

  test('by the last sequence of the stream: of two who write, one does', async () => {
    await newStream('whole');
    const writers = [await newWriter('whole'), await newWriter('whole')] as const;
    for (let round = 1; round <= 60; round++) {
      const stored = await race('whole', writers, (lastSequence) => ({ lastSequence }), round);
      assert.ok(stored <= 1, `${stored} in round ${round}`);
    }
    const texts = await insist(() => contentOf('whole'));
    const rounds = texts.map((text) => text.split(' of ')[0]);
    assert.ok(texts.length > 0);
    assert.equal(new Set(rounds).size, texts.length, texts.join());
  });

  test('by the last sequence of a subject: both are told that theirs is stored', async (t) => {
    await newStream('subject');
    const writers = [await newWriter('subject'), await newWriter('subject')] as const;
    const expectation = (lastSubjectSequence: number) => ({ lastSubjectSequence });
    if (!isOld(version)) {
      t.skip(`not by server ${version}: seen in 2.9.10 (nats-server issue 4320)`);
      return;
    }
    let round = 1;
    while ((await race('subject', writers, expectation, round)) < 2) {
      assert.ok(round < 1_000, 'they were never at it at the same time');
      round++;
    }
    const texts = await insist(() => contentOf('subject'));
    const twice = texts.filter((text) => text.startsWith(`event ${round} `));
    assert.deepEqual(twice.sort(), [`event ${round} of A`, `event ${round} of B`]);
  });

  test('several in flight: who was deposed writes on behind a block that is missing', async () => {
    await newStream('flight');
    const [a, b] = [await newWriter('flight'), await newWriter('flight')];
    const flight = [1, 2, 3].map((number) => ({ text: `event ${number} of A`, at: number - 1 }));
    // All of them are sent, and on their way they take as long as they like: that is by hand here.
    const [first, second, third] = flight.map(
      ({ text, at }) =>
        () =>
          a.publish(text, { lastSequence: at }),
    );
    assert.equal(await first?.(), 1);
    assert.equal(await b.publish('claim of B', { lastSequence: 1 }), 2);
    await assert.rejects(async () => second?.(), isRefused);
    assert.equal(await third?.(), 3, 'it names a place, and the claim has filled the one before');
    await assert.rejects(b.publish('event 2 of B', { lastSequence: 2 }), isRefused);
    const texts = await insist(() => contentOf('flight'));
    assert.deepEqual(texts, ['event 1 of A', 'claim of B', 'event 3 of A']);
  });

  test('by the last message id: replicas part, and what was acknowledged is gone', async (t) => {
    if (!isOld(version)) {
      t.skip(`not seen of server ${version}: it was in 2.9.10, which judges it by each replica`);
      return;
    }
    // What shows it is that the follower was back before the next block came, which is likely.
    for (let attempt = 1; ; attempt++) {
      const texts = await restartBetweenTwo(`named-${attempt}`);
      if (texts.length === 1) {
        assert.deepEqual(texts, ['event 1']);
        return;
      }
      assert.ok(attempt < 10, 'the follower has stored the block each time');
    }
  });

  /** Who leads, once somebody does. */
  const newLeader = (stream: string): Promise<string> =>
    insist(async () => {
      const { cluster: peers } = await jsm.streams.info(stream);
      assert.ok(peers?.leader !== undefined, 'there is a leader');
      return peers.leader;
    });

  /**
   * Two blocks, both acknowledged; between them a follower is killed, and starts.
   * @returns what the stream has with that follower as its leader
   */
  async function restartBetweenTwo(stream: string): Promise<string[]> {
    const windowMs = 100;
    await newStream(stream, { duplicate_window: windowMs * 1e6 });
    const { cluster: peers } = await insist(() => jsm.streams.info(stream));
    const follower = peers?.replicas?.[0]?.name ?? '';
    const writer = await newWriter(stream, cluster.serversOf(peers?.leader ?? ''));
    assert.equal(await writer.publish('event 1', {}, { msgID: 'one' }), 1);
    // When it starts it forgets the ids of messages that are older than this.
    await delay(10 * windowMs);
    await cluster.kill(follower);
    cluster.start(follower);
    await until(async () => (await cluster.tells(follower, 'healthz')) !== undefined);
    assert.equal(await writer.publish('event 2', { lastMsgID: 'one' }, { msgID: 'two' }), 2);
    // Each time another one leads; sooner or later it is the one that was restarted.
    const nc = await newConnection();
    while ((await newLeader(stream)) !== follower) {
      await insist(() => nc.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`));
    }
    return insist(() => contentOf(stream));
  }
});

/** Asks until it is so. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; !(await isSo()); looks++) {
    assert.ok(looks < 3_000, 'it never was');
    await delay(100);
  }
}

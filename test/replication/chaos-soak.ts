// Lives of replicated logs, one after the other, on three real servers: leaders, replicators and
// recorders are killed as the seed says. Prints what they survived.
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '../../bench/harness/remove-folder.js';
import { randomOf } from '../crash/random.js';
import { ChaosLife, type Victim } from './chaos-life.js';
import { NatsCluster, NO_SERVER } from './nats-cluster.js';

const VICTIMS: readonly Victim[] = ['leader', 'replicator', 'recorder'];

export async function soakReplication(lives: number, seed: number): Promise<void> {
  assert.equal(NO_SERVER, false, String(NO_SERVER));
  const random = randomOf(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const kills = { leader: 0, replicator: 0, recorder: 0 };
  const startMs = performance.now();
  const cluster = await NatsCluster.start();
  let [events, promised] = [0, 0];
  try {
    for (let life = 1; life <= lives; life++) {
      const root = mkdtempSync(join(tmpdir(), 'flashstrike-chaos-'));
      const hooks: (() => void)[] = [];
      try {
        const folder = { path: (name: string) => join(root, name) };
        const context = { after: (hook: () => void) => void hooks.push(hook) };
        // Each of them at least once, and some more.
        const more = Array.from({ length: 1 + below(4) }, () => VICTIMS[below(3)] ?? 'leader');
        const victims = shuffled([...VICTIMS, ...more], below);
        const lived = new ChaosLife(context, folder, cluster, `life-${life}`);
        const result = await lived.live(victims, below);
        events += result.events;
        promised += result.promisedEventId;
        for (const victim of VICTIMS) kills[victim] += result.kills[victim];
      } finally {
        for (const hook of hooks) hook();
        removeFolder(root);
      }
      const minutes = Number(((performance.now() - startMs) / 60_000).toFixed(1));
      // What is missing ends it by its name.
      console.log(JSON.stringify({ minutes, lives: life, kills, events, promised, missing: 0 }));
    }
  } finally {
    await cluster.stop();
  }
}

function shuffled<Item>(items: Item[], below: (count: number) => number): Item[] {
  for (let at = items.length - 1; at > 0; at--) {
    const other = below(at + 1);
    [items[at], items[other]] = [items[other] as Item, items[at] as Item];
  }
  return items;
}

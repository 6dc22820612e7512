// A log that outlives its machine: three servers have copies of it; the leading one is killed,
// then the process that records, and a second one goes on. Then each order that was acknowledged
// is shown to be there exactly once. Needs nats-server (Debian: apt-get install nats-server).
//   npm run build && node dist/examples/replicated/walk.js
import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { replay, Wal, WalError } from '../../src/index.js';
import { audit, replicate, restoreFrom } from '../../src/nats.js';
import { Client, send, textOf } from './client.js';
import { env, Servers } from './servers.js';
import { insist, streamOn } from './stream.js';

const MANY = 1_000;
const folder = mkdtempSync(join(tmpdir(), 'flashstrike-replicated-'));
const running: Servers[] = [];
process.on('exit', () => {
  for (const servers of running) void servers.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const say = (text: string): void => console.log(text);
const KEEPER = fileURLToPath(new URL('./keeper.js', import.meta.url));

function startKeeper(name: string, role: 'record' | 'standby', addresses: string[]): ChildProcess {
  return fork(KEEPER, [join(folder, name), role, ...addresses]).once('exit', (code, signal) => {
    // Two ends are as they should be: it is killed below, or the walk is over.
    if (code !== 0 && signal !== 'SIGKILL') process.exit(1);
  });
}

async function walk(): Promise<void> {
  const servers = await Servers.begin(folder);
  running.push(servers);
  const { addresses } = servers;
  const client = new Client();
  const first = startKeeper('first', 'record', addresses);
  const firstLog = await client.use(first);
  const second = startKeeper('second', 'standby', addresses);
  await client.until(MANY);
  say('1. Three servers run. The first process records and replicates, a second one stands by.');

  const leader = await servers.leader();
  await servers.kill(leader);
  const atKill = client.acknowledged;
  await client.until(atKill + MANY);
  say(`2. The leading server, ${leader}, was killed when ${atKill} orders were acknowledged. The`);
  say('   other two have chosen a new leader, and the first process goes on by itself.');

  servers.start(leader);
  first.kill('SIGKILL');
  await once(first, 'exit');
  const promised = client.acknowledged;
  const open = client.sent - promised;
  say(
    `3. The first process was killed: ${promised} orders are acknowledged, ${open} more are not.`,
  );

  send(second, 'promote');
  const secondLog = await client.use(second);
  await client.until(promised + MANY);
  await client.finish();
  say('4. The second process was promoted and has claimed the stream. The client has sent again');
  say(`   what had no answer, and new orders: all ${client.sent} are acknowledged.`);

  const wal = await Wal.open(firstLog);
  const late = await replicate(wal, { stream: streamOn(addresses) });
  const refusal = await late.claimed().catch((error: unknown) => error);
  assert.ok(refusal instanceof WalError && refusal.code === 'ERR_FLASHSTRIKE_FENCED');
  await late.close();
  await wal.close();
  say('5. The first process comes back with its log, and is refused: it is fenced.');

  const third = await insist(async (attempt) => {
    const target = join(folder, `third-${attempt}`);
    await restoreFrom(streamOn(addresses), target, { toId: client.acknowledged });
    return target;
  });
  let order = 0;
  for (const { eventId, payload } of replay(third)) {
    order++;
    assert.deepEqual([eventId, Buffer.from(payload).toString()], [order, textOf(order)]);
  }
  assert.equal(order, client.acknowledged);
  await insist(async () => {
    const { ok, events } = await audit(secondLog, streamOn(addresses));
    assert.deepEqual([ok, events], [true, order]);
  });
  say(
    `6. A third machine was built from the stream alone: orders 1 to ${order}, each exactly once,`,
  );
  say(`   in order. None of the ${promised} that the first process had acknowledged is missing.`);

  second.disconnect();
  await once(second, 'exit');
  await servers.stop();
}

if (spawnSync('nats-server', ['--version'], { env }).error === undefined) {
  await walk();
  process.exit();
} else {
  say('skipped: nats-server is not installed (Debian: apt-get install nats-server)');
}

// A process of followers: tells when they wait, the latencies of the first, and what it has used.
import { type FSWatcher, readdirSync, readFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { threadTimes } from '../harness/processor-time.js';

export interface Asked {
  readonly directory: string;
  readonly from: number;
  readonly followers: number;
  readonly warmUp: number;
  readonly samples: number;
  /** It can watch no file, so nobody can wake it. */
  readonly isDeaf: boolean;
}

export interface Told {
  readonly latenciesNs: Float64Array;
  readonly atMs: number;
  readonly usedMs: number;
  readonly wakeUps: number;
}

const asked: Asked = JSON.parse(process.argv[2] ?? '');
const { directory, from, followers, warmUp, samples, isDeaf } = asked;
if (isDeaf) {
  const fs = createRequire(import.meta.url)('node:fs') as { watch: () => FSWatcher };
  fs.watch = () => {
    throw Object.assign(new Error('ENOSPC: watch'), { code: 'ENOSPC' });
  };
  syncBuiltinESMExports();
}
const { follow } = await import('../../src/index.js');

/** How often a thread of this process went to sleep and was woken. */
function wakeUps(): number {
  let count = 0;
  for (const thread of readdirSync('/proc/self/task')) {
    const status = readFileSync(`/proc/self/task/${thread}/status`, 'latin1');
    count += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return count;
}

const latenciesNs = new Float64Array(samples);

function tell(): void {
  const usedNs = [...threadTimes().values()].reduce((sum, ns) => sum + ns, 0);
  const told: Told = {
    latenciesNs,
    atMs: performance.now(),
    usedMs: usedNs / 1e6,
    wakeUps: samples === 0 ? wakeUps() : 0,
  };
  // Whoever has heard enough ends this process: nobody is there for what comes meanwhile.
  process.send?.(told, () => {});
}

async function run(): Promise<void> {
  for await (const { eventId, payload } of follow(directory, { from })) {
    const nowNs = Number(process.hrtime.bigint());
    const at = eventId - from - warmUp;
    if (at >= 0 && at < samples) {
      latenciesNs[at] = nowNs - (new Float64Array(payload.buffer, payload.byteOffset, 1)[0] ?? 0);
    }
    if (at === samples - 1) tell();
  }
}

process.on('message', tell);
for (let follower = 0; follower < followers; follower++) void run();
setTimeout(tell, 300);

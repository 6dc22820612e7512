// On a mapping the language defines no order between threads, on no memory does it between
// processes: that V8 emits the same instructions as for shared buffers is held here. Every
// experiment is also run in the wrong order, which is to be caught, or the test says that it was
// not: a litmus test that cannot fail proves nothing.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { libc } from '../../src/memory/libc.js';
import type { SharedRegion } from '../../src/region/shared-region.js';
import { consume, type Experiment, type Findings, LATCH_STRIDE } from './hand-off.js';
import { areaOf, createLitmusRegion } from './litmus-region.js';
import type { ProducerData } from './producer-thread.js';

const HAND_OFFS = 1_000_000;
/** A wrong order is seen within one of these; each is a fresh pair of sides. */
const WRONG_ATTEMPTS = 20;
const WRONG_HAND_OFFS = 200_000;

type Runner = (t: TestContext, experiment: Experiment, count: number) => Promise<Findings>;

function runIn(
  adapter: 'mapped' | 'portable',
  start: (region: SharedRegion, experiment: Experiment, count: number) => Promise<() => unknown>,
): Runner {
  return async (t, experiment, count) => {
    const region = createLitmusRegion(adapter);
    t.after(() => region.release({ remove: true }));
    const ended = await start(region, experiment, count);
    const findings = consume(areaOf(region), experiment, count);
    await ended();
    return findings;
  };
}

const withThread = (adapter: 'mapped' | 'portable'): Runner =>
  runIn(adapter, async ({ handle }, experiment, count) => {
    const workerData: ProducerData = { handle, experiment, count };
    const worker = new Worker(new URL('./producer-thread.js', import.meta.url), {
      trackUnmanagedFds: false,
      execArgv: [],
      workerData,
    });
    await once(worker, 'message');
    return () => once(worker, 'exit');
  });

const withProcess: Runner = runIn('mapped', async (region, experiment, count) => {
  const module = fileURLToPath(new URL('./producer-process.js', import.meta.url));
  const { byteOffset } = region.section('ring');
  const args = [module, region.path ?? '', String(byteOffset), experiment, String(count)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  await once(child.stdout, 'data');
  return async () => assert.equal((await exit)[0], 0);
});

const noLibc = libc() === undefined ? 'no libc is bound on this machine' : false;
const oneCore = availableParallelism() < 2 ? 'two sides need two cores to meet' : false;

const SIDES: readonly (readonly [string, Runner, string | false])[] = [
  ['two threads, portable', withThread('portable'), oneCore],
  ['two threads, mapped', withThread('mapped'), oneCore || noLibc],
  ['two processes, mapped', withProcess, oneCore || noLibc],
];

const EXPERIMENTS = [
  ['ring', 'a position never runs ahead of the payload before it'],
  ['ring-atomic', 'nor where the publication is an atomic store, as on other processors'],
  ['latch', 'a latch is never read torn or backwards'],
  ['queue', 'a queue hands over every entry whole and in order'],
] as const;

for (const [sides, run, skip] of SIDES) {
  describe(`publication order between ${sides}`, { skip }, () => {
    for (const [experiment, promise] of EXPERIMENTS) {
      test(promise, async (t) => {
        const { handOffs, violations } = await run(t, experiment, HAND_OFFS);
        t.diagnostic(`${handOffs} hand-offs, ${violations} violations`);
        assert.equal(violations, 0);
        const least = experiment === 'latch' ? HAND_OFFS / LATCH_STRIDE : HAND_OFFS;
        assert.ok(handOffs >= least, `only ${handOffs} values were seen`);
      });

      if (experiment === 'ring-atomic') continue;

      test(`${experiment}: publishing before the payload is caught`, async (t) => {
        for (let attempt = 1; attempt <= WRONG_ATTEMPTS; attempt++) {
          const { violations } = await run(t, `${experiment}-wrong`, WRONG_HAND_OFFS);
          if (violations > 0) {
            t.diagnostic(`attempt ${attempt}: ${violations} of ${WRONG_HAND_OFFS}`);
            return;
          }
        }
        // Whoever never runs beside the other sees nothing: no fault of the package.
        t.skip(`the wrong order was not seen in ${WRONG_ATTEMPTS} attempts on this machine`);
      });
    }
  });
}

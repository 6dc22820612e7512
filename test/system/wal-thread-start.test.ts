// The order in which the threads of a log start in a process that has none yet.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotMap, mappedOptions, TINY } from '../support/adapters.js';
import { runSound } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';

const BEGINNING = `
const seen = [];
let made = 0;
process.on('worker', (worker) => {
  const number = ++made;
  seen.push('made ' + number);
  worker.once('online', () => seen.push('up ' + number));
});
const wal = await Wal.open(directory, options);
tell(seen.slice(0, 2).join() + ' of ' + made);
await wal.close();
// All are there: the next log makes none.
await (await Wal.open(directory + '/another', options)).close();
tell('made ' + made);
`;

test('the thread that opens a log is up before the others are made', async (t) => {
  const lines = await runSound(BEGINNING, temporaryFolder(t), { ...TINY, sharedMemory: 'off' });
  assert.deepEqual(lines, ['made 1,up 1 of 3', 'made 3']);
});

/** @param refused whether the thread that is made now is refused: `made` says which it is */
const refusing = (refused: string): string => `
const { Worker } = await import('node:worker_threads');
const { syncBuiltinESMExports } = await import('node:module');
const threads = (await import('node:worker_threads')).default;
let made = 0;
let ended = 0;
let refuses = true;
threads.Worker = class extends Worker {
  constructor(...given) {
    made++;
    if (refuses && ${refused}) {
      throw Object.assign(new Error('Worker initialization failure: EAGAIN'), {
        code: 'ERR_WORKER_INIT_FAILED',
      });
    }
    super(...given);
    this.once('exit', () => ended++);
  }
};
syncBuiltinESMExports();
const { Wal } = await import(INDEX);
const attempt = () => Wal.open(directory, options).then(
  (wal) => wal.close().then(() => 'opened ' + wal.recovery.verdict),
  ({ code }) => code,
);
`;

const REFUSED = `${refusing('made > 1')}
tell(await attempt());
tell('made ' + made);
tell(await attempt());
refuses = false;
tell(await attempt());
`;

test('a thread that cannot be made beside the writer refuses the open, and holds nothing', {
  skip: cannotMap,
}, async (t) => {
  const options = mappedOptions(t);
  const lines = await runSound(REFUSED, temporaryFolder(t), options, { bare: true });
  const [first, made, second, last] = lines;
  assert.deepEqual([first, made, second], ['ERR_FLASHSTRIKE_RESOURCES', 'made 2', first]);
  assert.equal(last, 'opened clean');
});

const FIRST_REFUSED = `${refusing('true')}
tell(await attempt());
refuses = false;
tell(await attempt());
const giveUpMs = performance.now() + 20_000;
while (ended < 3 && performance.now() < giveUpMs) {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
tell(ended + ' ended of ' + (made - 1));
// A thread that is kept would keep the process.
setTimeout(() => process.exit(1), 3_000).unref();
`;

test('where the writer cannot be made, no other thread is kept for the log', {
  skip: cannotMap,
}, async (t) => {
  const options = mappedOptions(t);
  const lines = await runSound(FIRST_REFUSED, temporaryFolder(t), options, { bare: true });
  assert.deepEqual(lines, ['ERR_FLASHSTRIKE_RESOURCES', 'opened new', '3 ended of 3']);
});

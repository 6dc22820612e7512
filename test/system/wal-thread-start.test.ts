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

const REFUSED = `
const { Worker } = await import('node:worker_threads');
const { syncBuiltinESMExports } = await import('node:module');
const threads = (await import('node:worker_threads')).default;
let made = 0;
let refuses = true;
threads.Worker = class extends Worker {
  constructor(...given) {
    made++;
    if (refuses && made > 1) {
      throw Object.assign(new Error('Worker initialization failure: EAGAIN'), {
        code: 'ERR_WORKER_INIT_FAILED',
      });
    }
    super(...given);
  }
};
syncBuiltinESMExports();
const { Wal } = await import(INDEX);
const attempt = () => Wal.open(directory, options).then(
  (wal) => wal.close().then(() => 'opened ' + wal.recovery.verdict),
  ({ code }) => code,
);
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

// A process that gets no processor for longer than its own limits, as by SIGSTOP, a debugger or a
// frozen container: once it goes on, nothing is called dead, late or lost that was only stopped
// with it.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { onBothAdapters } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound } from '../support/log-content.js';

/** Longer than a disk may take, and shorter than the stop. */
const STALL_TIMEOUT_MS = 4_000;
const STOPPED_MS = 4_500;

/** Its ring is nearly always full: it is stopped while it waits for room. */
const HURRY = `
const wal = await Wal.open(directory, options);
tell('ready');
const toldAll = told();
let ended = false;
toldAll.then(() => { ended = true; });
while (!ended) {
  for (let event = 0; event < 200; event++) wal.append(Buffer.alloc(4_000));
  await new Promise(setImmediate);
}
const durable = await wal.durable();
await wal.close();
tell('durable ' + (durable === wal.lastEventId));
`;

onBothAdapters('a process that is stopped while its ring is full goes on', async (t, v) => {
  const directory = temporaryFolder(t);
  const sync = { mode: 'every-block' } as const;
  const options = { ...v.options, sync, stallTimeoutMs: STALL_TIMEOUT_MS };
  const script = Script.start(t, HURRY, directory, options);
  await script.tells('ready');
  await sleep(200);
  script.child.kill('SIGSTOP');
  await sleep(STOPPED_MS);
  script.child.kill('SIGCONT');
  await sleep(200);
  script.tell();
  assert.equal(await script.tells('durable'), 'true');
  const { code, stderr } = await script.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  await assertSound(directory);
});

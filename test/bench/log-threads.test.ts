// A column of the benchmarks is a thread's: the system tells them by numbers alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { threadsOfLog } from '../../bench/harness/log-threads.js';
import { canTimeThreads, threadTimes } from '../../bench/harness/processor-time.js';
import { Wal } from '../../src/index.js';
import { temporaryFolder } from '../support/log-builder.js';

const skip = canTimeThreads ? false : 'the system tells no times of threads';

test('the thread that works for commits is the writer', { skip }, async (t) => {
  const { log, threads } = await threadsOfLog(() => Wal.open(temporaryFolder(t)));
  const before = threadTimes();
  for (let commit = 0; commit < 300; commit++) await log.durable(log.append(new Uint8Array(40)));
  const after = threadTimes();
  await log.close();
  const used = threads.map(([thread, role]) => {
    return [role, (after.get(thread) ?? 0) - (before.get(thread) ?? 0)] as const;
  });
  assert.deepEqual(used.map(([role]) => role).sort(), ['housekeeping', 'preparer', 'writer']);
  const [most] = used.sort(([, one], [, other]) => other - one);
  assert.equal(most?.[0], 'writer');
});

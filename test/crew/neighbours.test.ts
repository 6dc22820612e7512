// What `npm run test:crew` does to each process of a test: two logs at work beside its own.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TINY } from '../support/adapters.js';
import { runSound } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound, contentOf } from '../support/log-content.js';

const NEIGHBOURS = new URL('../support/neighbours.js', import.meta.url).href;

test('a log beside two others that are at work in its process has all of its events', async (t) => {
  const [base, directory] = [temporaryFolder(t), temporaryFolder(t)];
  const under = ['env', `FLASHSTRIKE_NEIGHBOURS=${base}`, 'NODE_TEST_CONTEXT=child'];
  const script = `
    for (let round = 1; round <= 3; round++) {
      const wal = await Wal.open(directory, options);
      for (let count = 0; count < 200; count++) wal.append(Buffer.alloc(1000, round));
      await wal.durable();
      await wal.close();
    }
  `;
  const options = { ...TINY, sharedMemory: 'off' };
  await runSound(script, directory, options, { under, nodeOptions: [`--import=${NEIGHBOURS}`] });
  assert.equal(contentOf(directory).length, 600);
  await assertSound(directory);
  const [process = ''] = readdirSync(base);
  for (const name of ['log-0', 'log-1']) {
    assert.ok(contentOf(join(base, process, name)).length > 0, 'it was at work');
    await assertSound(join(base, process, name));
  }
});

// A log whose ring does not outlive its process says so where it was to: once, and nowhere else.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cannotMap, mappedOptions, TINY } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';
import { noMountNamespace, withoutSharedMemory } from '../support/without-shared-memory.js';

const TWO_LOGS = `
process.on('warning', ({ code, message }) => tell(code + ' ' + message));
for (const name of ['/a', '/b']) {
  const wal = await Wal.open(directory + name, options);
  await wal.durable(wal.append(Buffer.from('x')));
  await wal.close();
}
`;

test('two logs that fell back to the portable ring: one process warning, with reason and remedy', async (t) => {
  const directory = temporaryFolder(t);
  const options = { ...TINY, sharedMemoryDirectory: join(directory, 'missing') };
  const { code, lines, stderr } = await Script.run(TWO_LOGS, directory, options);
  assert.equal(code, 0, stderr);
  assert.equal(lines.length, 1, lines.join('\n'));
  const [line = ''] = lines;
  assert.match(
    line,
    /^FLASHSTRIKE_PORTABLE_RING .*\/a: no shared region could be created in .*missing/,
  );
  assert.match(line, /kill -9 loses .* --shm-size.* sharedMemoryDirectory/s);
  assert.match(stderr, /FLASHSTRIKE_PORTABLE_RING/, 'and Node shows it');
});

test('a portable ring that was asked for is no news', async (t) => {
  const options = { ...TINY, sharedMemory: 'off' };
  const { lines, stderr } = await Script.run(TWO_LOGS, temporaryFolder(t), options);
  assert.deepEqual([lines, stderr], [[], '']);
});

test('a mapped ring is no news', { skip: cannotMap }, async (t) => {
  const options = { ...mappedOptions(t), sharedMemory: 'auto' };
  const { lines, stderr } = await Script.run(TWO_LOGS, temporaryFolder(t), options);
  assert.deepEqual([lines, stderr], [[], '']);
});

test('record says on stderr that /dev/shm takes no ring, and records', {
  skip: noMountNamespace,
}, async (t) => {
  const directory = temporaryFolder(t);
  const input = join(directory, 'input');
  writeFileSync(input, 'one\ntwo\n');
  const args = ['record', join(directory, 'log'), '--input', input];
  const { stdout, stderr } = await withoutSharedMemory(args);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    /^warning: .*\/log: no shared region could be created in \/dev\/shm.*--shm-size/m,
  );
  assert.equal(stderr.match(/warning/gi)?.length, 1, stderr);
  assert.match(stderr, /recorded 2 events/);
});

// A user without rights, and an environment that gives everyone every right: what the log makes is
// for its owner alone.
import assert from 'node:assert/strict';
import { chownSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';
import { cannotBeNobody, NOBODY, NOBODY_ID } from '../support/nobody.js';

const RECORDER = `
const wal = await Wal.open(directory, options);
for (let id = 1; id <= 2000; id++) wal.append(Buffer.from('event ' + id));
await wal.durable();
tell('ready');
await told();
process.kill(process.pid, 'SIGKILL');
`;

const modeOf = (path: string): string => (lstatSync(path).mode & 0o777).toString(8);

/** Of each file that is in the folder; a temporary one may be given its name between two looks. */
function* filesIn(directory: string): Generator<{ name: string; mode: string; uid: number }> {
  for (const name of readdirSync(directory)) {
    const stats = lstatSync(join(directory, name), { throwIfNoEntry: false });
    assert.ok(stats !== undefined || name.endsWith('.tmp'), `${name} has gone`);
    if (stats === undefined) continue;
    yield { name, mode: (stats.mode & 0o777).toString(8), uid: stats.uid };
  }
}

test('an unprivileged user under umask 000: files 600, folder 700, the region too', {
  skip: cannotBeNobody || cannotMap,
}, async (t) => {
  const parent = temporaryFolder(t);
  chownSync(parent, NOBODY_ID, NOBODY_ID);
  const options = mappedOptions(t);
  chownSync(options.sharedMemoryDirectory, NOBODY_ID, NOBODY_ID);
  const directory = join(parent, 'log');
  const under = [...NOBODY, 'sh', '-c', 'umask 000; exec "$0" "$@"'];
  const script = Script.start(t, RECORDER, directory, options, { under });
  await script.tells('ready');
  assert.equal(modeOf(directory), '700');
  const files = [...filesIn(directory)];
  assert.ok(files.length >= 3, 'LOCK, wal.meta, a segment');
  for (const { name, mode, uid } of files) {
    assert.deepEqual({ name, mode, uid }, { name, mode: '600', uid: NOBODY_ID });
  }
  const regions = readdirSync(options.sharedMemoryDirectory);
  assert.equal(regions.length, 1);
  for (const name of regions) {
    assert.equal(modeOf(join(options.sharedMemoryDirectory, name)), '600');
  }
  script.tell();
  assert.equal((await script.ended).signal, 'SIGKILL');
  const again = await Script.run(
    "const wal = await Wal.open(directory, options); tell('last ' + wal.lastEventId); await " +
      'wal.close();',
    directory,
    options,
    { under },
  );
  assert.deepEqual([again.lines, again.stderr], [['last 2000'], '']);
});

// System calls that a filter (seccomp) or a file system (FUSE) does not have: what can be done
// without is done without, and told; the rest refuses the open with a code. FAULTS row 79.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { cannotMap, regionFolder, TINY } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound } from '../support/log-content.js';
import { cannotTrace } from '../support/strace.js';

const SCRIPT = `
const refused = (error) => void tell(error.code + ' ' + error.message);
const wal = await Wal.open(directory, options).catch(refused);
if (wal !== undefined) {
  await wal.durable(wal.append(Buffer.from('one')));
  const { sharedMemory, renameNoReplace, allocate, syncDirectory } = wal.capabilities;
  await wal.close();
  tell(JSON.stringify({ sharedMemory, renameNoReplace, allocate, syncDirectory }));
}
`;

const ALL_HAD = {
  sharedMemory: 'mapped',
  renameNoReplace: true,
  allocate: true,
  syncDirectory: true,
};
const DONE_WITHOUT = [
  { call: 'fallocate', errors: ['ENOSYS', 'EPERM', 'EOPNOTSUPP'], lacks: { allocate: false } },
  { call: 'renameat2', errors: ['ENOSYS', 'EPERM', 'EINVAL'], lacks: { renameNoReplace: false } },
  { call: 'fsync', errors: ['EINVAL', 'EOPNOTSUPP'], lacks: { syncDirectory: false } },
  { call: 'statfs', errors: ['ENOSYS', 'EPERM'], lacks: { sharedMemory: 'portable' } },
  { call: 'statx', errors: ['ENOSYS', 'EPERM'], lacks: {} },
];

const refusing = (call: string, error: string): readonly string[] => [
  ...['strace', '-f', '--seccomp-bpf', '-qq', '-o', '/dev/null', '-e', `trace=${call}`],
  ...['-e', `inject=${call}:error=${error}`],
];

for (const { call, errors, lacks } of DONE_WITHOUT) {
  for (const error of errors) {
    test(`${call} says ${error}: the log does without, and its capabilities tell`, {
      skip: cannotMap || cannotTrace,
    }, async (t) => {
      const directory = join(temporaryFolder(t), 'log');
      const options = { ...TINY, sharedMemoryDirectory: regionFolder(t) };
      const under = refusing(call, error);
      const { code, lines, stderr } = await Script.run(SCRIPT, directory, options, { under });
      assert.equal(code, 0, stderr);
      assert.match(lines.join(), /^\{/, 'it opened, and told what it has');
      assert.deepEqual(JSON.parse(lines.join()), { ...ALL_HAD, ...lacks });
      await assertSound(directory);
    });
  }
}

for (const error of ['ENOSYS', 'EPERM', 'EINVAL', 'EOPNOTSUPP']) {
  test(`flock says ${error}: the open is refused, and says how to do without`, {
    skip: cannotMap || cannotTrace,
  }, async (t) => {
    const options = { ...TINY, sharedMemoryDirectory: regionFolder(t) };
    const under = refusing('flock', error);
    const { code, lines, stderr } = await Script.run(SCRIPT, temporaryFolder(t), options, {
      under,
    });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(
      lines.join(),
      /^ERR_FLASHSTRIKE_LOCK_UNAVAILABLE .*LOCK cannot be locked \(.*lock: 'none'/,
    );
  });
}

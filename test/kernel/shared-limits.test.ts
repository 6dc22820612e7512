// Limits of the process that one log more meets while others are open: it is told which to raise,
// nothing of it is left, and the others go on.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { runSound } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound } from '../support/log-content.js';
import { refusalOf } from '../support/mount-point.js';
import { cannotCount } from '../support/process-resources.js';

const cannotLimit = refusalOf('prlimit', '--version') ?? false;
const under = ['prlimit', '--nofile=200', '--'];

/** Three logs that are open, and a way to have no more than so many descriptors left. */
const CROWDED = `
import { closeSync, existsSync, openSync, readdirSync, readlinkSync } from 'node:fs';
const open = (name) => Wal.open(directory + '/' + name, options);
const others = [];
for (const name of ['a', 'b', 'c']) others.push(await open(name));
// A fourth has been open: what Node itself opens for its thread is there.
await (await open('d')).close();
const crowd = (spare) => {
  const held = [];
  try {
    for (;;) held.push(openSync('/dev/null'));
  } catch ({ code }) {
    if (code !== 'EMFILE') throw new Error(code);
  }
  for (const fd of held.splice(0, spare)) closeSync(fd);
  return () => held.forEach((fd) => closeSync(fd));
};
const targets = () => readdirSync('/proc/self/fd').flatMap((fd) => {
  try { return [readlinkSync('/proc/self/fd/' + fd)]; } catch { return []; }
});
const below = (name) => targets().filter((path) => path.startsWith(directory + '/' + name));
const goOn = async () => {
  for (const wal of others) wal.append(Buffer.from('event ' + (wal.lastEventId + 1)));
  return await Promise.all(others.map((wal) => wal.durable()));
};
const settled = (promise) =>
  promise.then((value) => [value], ({ code, message }) => [code, message]);
`;

test('one log more than there are descriptors for: told so, nothing is left, the others go on', {
  skip: cannotLimit || cannotMap || cannotCount,
}, async (t) => {
  const folder = temporaryFolder(t);
  const options = mappedOptions(t);
  const script = `${CROWDED}
    const regions = () => readdirSync(options.sharedMemoryDirectory).length;
    const before = regions();
    for (let spare = 0; spare < 10; spare++) {
      const name = 'more-' + spare;
      const release = crowd(spare);
      const [outcome, message] = await settled(open(name));
      const isOpen = message === undefined;
      const durable = await goOn();
      // To look around takes a descriptor as well.
      release();
      const left = { fds: isOpen ? [] : below(name), regions: regions() - before - Number(isOpen) };
      if (isOpen) await outcome.close();
      const wal = await open(name);
      tell(JSON.stringify({ code: isOpen ? 'opened' : outcome, message, durable, left,
        last: wal.lastEventId }));
      await wal.close();
    }
    for (const wal of others) await wal.close();
  `;
  const lines = await runSound(script, folder, options, { under });
  const codes = new Set<string>();
  for (const [spare, line] of lines.entries()) {
    const { code, message, durable, left, last } = JSON.parse(line);
    codes.add(code);
    if (code !== 'opened') assert.match(message, /limit of open files \(ulimit -n\)/, line);
    assert.deepEqual(durable, new Array(3).fill(spare + 1));
    assert.deepEqual([left, last], [{ fds: [], regions: 0 }, 0], line);
  }
  assert.deepEqual([...codes].sort(), ['ERR_FLASHSTRIKE_RESOURCES', 'opened']);
  for (const name of ['a', 'b', 'c']) await assertSound(join(folder, name));
});

for (const spare of [0, 1, 2]) {
  test(`logs that share threads wait for their next segments with ${spare} descriptors left`, {
    skip: cannotLimit || cannotMap || cannotCount,
  }, async (t) => {
    const folder = temporaryFolder(t);
    const options = { ...mappedOptions(t), stallTimeoutMs: 300 };
    const script = `${CROWDED}
      const release = crowd(${spare});
      // More than their segments hold, and their rings.
      const appended = others.map((wal) => {
        try {
          for (;;) {
            if (wal.lastEventId === 300) return 300;
            wal.append(Buffer.alloc(1000));
          }
        } catch ({ code }) {
          if (code !== 'ERR_FLASHSTRIKE_STALLED') throw new Error(code);
          return wal.lastEventId;
        }
      });
      const states = others.map((wal) => wal.failure?.message ?? wal.state);
      release();
      const durable = await Promise.all(others.map((wal) => wal.durable()));
      tell(JSON.stringify({ appended, states, durable }));
      for (const wal of others) await wal.close();
    `;
    const [line = ''] = await runSound(script, folder, options, { under });
    const { appended, states, durable } = JSON.parse(line);
    assert.deepEqual(states, ['open', 'open', 'open']);
    assert.deepEqual(durable, appended);
    for (const name of ['a', 'b', 'c']) await assertSound(join(folder, name));
  });
}

// Logs that share threads, and a disk that hangs under some of them: what another one, which is
// well and waits, tells of it, to its application and to another process.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { diagnose } from '../../src/cli/diagnosis/diagnosis.js';
import { figuresOf } from '../../src/cli/diagnosis/figures.js';
import { takeLook } from '../../src/cli/diagnosis/look.js';
import { attachTelemetry } from '../../src/telemetry.js';
import { hexOf64 } from '../../src/units.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { cannotTrace, Strace } from '../support/strace.js';

/** So many threads write the logs of a disk: one more log shares a thread with one of them. */
const WRITERS = 3;
/** A call that takes so long ends when the tracer lets go. */
const STUCK_US = 300_000_000;

const SHARE = `
const logs = [];
for (let index = 0; index <= ${WRITERS}; index++) {
  const wal = await Wal.open(directory + '/' + index, options);
  await wal.durable(wal.append(Buffer.alloc(1000)));
  logs.push(wal);
}
const last = logs.pop();
tell('ready');
await told();
// Each in a sync that does not return.
const stuck = logs.map((wal) => wal.durable(wal.append(Buffer.alloc(1000))));
await told();
const id = last.append(Buffer.alloc(1000));
try {
  last.durableSync(id, 2000);
} catch ({ code, message }) {
  tell('stalled ' + JSON.stringify({ code, message }));
}
await told();
await Promise.all([...stuck, last.durable(id)]);
tell('durable');
await told();
for (const wal of [...logs, last]) await wal.close();
`;

test('a log whose writer hangs at a neighbour tells so, and at which one', {
  skip: cannotTrace || cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = { ...mappedOptions(t), sync: { mode: 'manual' } };
  const script = Script.start(t, SHARE, directory, options);
  await script.tells('ready');
  const folderOf = (index: number): string => join(directory, String(index));
  const attach = (index: number) => {
    const telemetry = attachTelemetry(folderOf(index));
    t.after(() => telemetry.close());
    return telemetry;
  };
  const last = attach(WRITERS);
  const others = Array.from({ length: WRITERS }, (_, index) => attach(index));
  assert.equal(last.threads.writer.elsewhere, undefined);
  const paths = others.flatMap((_, index) => ['-P', join(folderOf(index), '0000000001.wal')]);
  const inject = `inject=fdatasync:delay_enter=${STUCK_US}`;
  const args = [...paths, '-e', 'trace=fdatasync', '-e', inject];
  const strace = await Strace.attach(t, script.child.pid ?? 0, { args });
  script.tell();
  await eventually('all writers are in a sync', () => {
    return strace.calls.filter((call) => call.includes('fdatasync(')).length >= WRITERS;
  });
  script.tell();
  const { code, message } = JSON.parse(await script.tells('stalled'));
  assert.equal(code, 'ERR_FLASHSTRIKE_STALLED');
  assert.match(message, /the writer thread serves other logs as well, and has been at \S+ for/);
  const neighbour = others.findIndex((_, index) => message.includes(`${folderOf(index)} for`));
  assert.notEqual(neighbour, -1, message);
  const { logId, directory: folder } = others[neighbour] ?? assert.fail();
  await eventually('that is seen from outside', () => {
    last.refresh();
    const { ageNs, elsewhere } = last.threads.writer;
    return (ageNs ?? 0) > 1e9 && elsewhere?.logId === hexOf64(logId) && elsewhere.ageNs > 1e9;
  });
  const look = takeLook(last);
  const troubles = diagnose(look, figuresOf(undefined, look)).map(({ text }) => text);
  const text = `the writer thread has been at another log that it serves, ${folder}, for`;
  assert.ok(
    troubles.some((trouble) => trouble.startsWith(text)),
    troubles.join('\n'),
  );
  for (const telemetry of others) {
    telemetry.refresh();
    assert.equal(telemetry.threads.writer.elsewhere, undefined, 'these wait for their own disk');
  }
  await strace.detach();
  script.tell();
  await script.tells('durable');
  await eventually('that is over', () => {
    last.refresh();
    return last.threads.writer.elsewhere === undefined;
  });
  script.tell();
  const ended = await script.ended;
  assert.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: '' });
});

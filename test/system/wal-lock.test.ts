// One writer a log: a second one is told so at once, and what a crash leaves locks nobody out.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { Wal } from '../../src/index.js';
import { onBothAdapters } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';
import { appendEvents, assertHoldsEvents, code } from '../support/log-content.js';

const locked = code('ERR_FLASHSTRIKE_LOCKED', /LOCK is locked.*Close it there first/);

const HOLDER = `
const wal = await Wal.open(directory, options);
wal.append(Buffer.from('first'));
await wal.durable();
tell('open');
await told();
wal.append(Buffer.from('second'));
await wal.close();
tell('closed');
process.exit(0);
`;

onBothAdapters('a second open in this process is refused, by any path', async (t, v) => {
  const directory = temporaryFolder(t);
  const link = join(temporaryFolder(t), 'link');
  symlinkSync(directory, link);
  await using wal = await Wal.open(directory, v.options);
  const lockText = readFileSync(join(directory, 'LOCK'));
  const regions = readdirSync(v.options.sharedMemoryDirectory);
  const paths = [
    directory,
    `${directory}/`,
    link,
    relative(process.cwd(), directory),
    join(dirname(directory), 'x', '..', basename(directory)),
  ];
  for (const path of paths) await assert.rejects(Wal.open(path, v.options), locked);
  assert.deepEqual(readFileSync(join(directory, 'LOCK')), lockText);
  assert.deepEqual(readdirSync(v.options.sharedMemoryDirectory), regions);
  const last = appendEvents(wal, 2000);
  assert.equal(await wal.durable(), last);
  await wal.close();
  assertHoldsEvents(directory, last);
});

onBothAdapters('of several opens at the same time one is given the log', async (t, v) => {
  const directory = temporaryFolder(t);
  const opened = await Promise.allSettled(
    Array.from({ length: 4 }, () => Wal.open(directory, v.options)),
  );
  const holders = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const refusals = opened.flatMap((result) =>
    result.status === 'rejected' ? [result.reason] : [],
  );
  assert.equal(holders.length, 1);
  for (const refusal of refusals) locked(refusal);
  for (const wal of holders) await wal.close();
  await using wal = await Wal.open(directory, v.options);
  assert.equal(wal.recovery.verdict, 'clean');
});

onBothAdapters('with lockTimeoutMs a second open waits for the first to end', async (t, v) => {
  const directory = temporaryFolder(t);
  const holder = Script.start(t, HOLDER, directory, v.options);
  await holder.tells('open');
  let isOpen = false;
  const patient = Wal.open(directory, { ...v.options, lockTimeoutMs: 300_000 }).then((wal) => {
    isOpen = true;
    return wal;
  });
  await assert.rejects(Wal.open(directory, { ...v.options, lockTimeoutMs: 50 }), locked);
  assert.equal(isOpen, false);
  holder.tell();
  await using wal = await patient;
  assert.equal(wal.lastEventId, 2);
  // In this process, too.
  const next = Wal.open(directory, { ...v.options, lockTimeoutMs: 300_000 });
  await wal.close();
  await (await next).close();
});

onBothAdapters('a second process is refused at once, and may read', async (t, v) => {
  const directory = temporaryFolder(t);
  const link = join(temporaryFolder(t), 'link');
  symlinkSync(directory, link);
  const holder = Script.start(t, HOLDER, directory, v.options);
  await holder.tells('open');
  await assert.rejects(Wal.open(directory, v.options), locked);
  await assert.rejects(Wal.open(link, v.options), locked);
  holder.tell();
  assert.deepEqual(await holder.ended.then(({ code, stderr }) => ({ code, stderr })), {
    code: 0,
    stderr: '',
  });
  await using wal = await Wal.open(link, v.options);
  assert.equal(wal.lastEventId, 2, 'the refusals did the holder no harm');
});

onBothAdapters('kill -9 frees the lock, also when a child of the holder lives on', async (t, v) => {
  const directory = temporaryFolder(t);
  const script = `
    import { spawn } from 'node:child_process';
    const wal = await Wal.open(directory, options);
    wal.append(Buffer.from('first'));
    await wal.durable();
    const heir = spawn('sleep', ['3600'], { stdio: 'ignore', detached: true });
    tell('heir ' + heir.pid);
    setInterval(() => {}, 1000);
  `;
  const holder = Script.start(t, script, directory, v.options);
  const heir = Number(await holder.tells('heir'));
  t.after(() => process.kill(heir, 'SIGKILL'));
  await assert.rejects(Wal.open(directory, v.options), locked);
  await holder.kill();
  process.kill(heir, 0);
  await using wal = await Wal.open(directory, v.options);
  assert.equal(wal.lastEventId, 1);
});

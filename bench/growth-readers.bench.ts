// How fast events are recorded against how many processes follow the log.
import { type ChildProcess, fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Wal } from '../src/index.js';
import { logSizes, scale, scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { sweep } from './harness/sweep.js';
import type { Sample } from './harness/turns.js';

const READERS = scale < 1 ? [0, 1] : [0, 1, 2, 4, 8];
const EVENTS = scaled(2_000_000);
const PAYLOAD = new Uint8Array(40).fill(0x5a);
const FOLLOWER = fileURLToPath(new URL('growth/follower.js', import.meta.url));

const messageOf = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`a follower ended with ${code}`)));
  });

let logs = 0;

async function withReaders(folder: string, readers: number): Promise<Sample> {
  const directory = join(folder, `log-${++logs}`);
  const wal = await Wal.open(directory, { ...logSizes, timestamps: 'coarse' });
  await wal.durable(wal.append(PAYLOAD));
  const children = Array.from({ length: readers }, () => fork(FOLLOWER, [directory]));
  await Promise.all(children.map(messageOf));
  const seen = children.map(messageOf);
  for (const child of children) child.send(EVENTS);
  const startMs = performance.now();
  for (let event = 1; event < EVENTS; event++) wal.append(PAYLOAD);
  await wal.durable();
  const recordedMs = performance.now() - startMs;
  await Promise.all(seen);
  const seenMs = performance.now() - startMs;
  await wal.close();
  rmSync(directory, { recursive: true });
  return {
    values: {
      recorded: (EVENTS / recordedMs) * 1e3,
      ...(readers > 0 && { 'seen by all': (EVENTS / seenMs) * 1e3 }),
    },
  };
}

await benchmark('growth-readers', (run) =>
  withFolder(async (folder) => {
    await sweep(run, {
      title: 'recording by the number of followers',
      label: 'followers + 1',
      sizes: READERS.map((readers) => readers + 1),
      columns: [
        { name: 'recorded', unit: '/s' },
        { name: 'seen by all', unit: '/s' },
      ],
      nameOf: (size) => `${size - 1} followers`,
      measure: (size) => withReaders(folder, size - 1),
    });
  }),
);

// A log that a worker thread of the application has open, in whatever way that thread ends: its
// lock is free and all its events are there as soon as the thread is gone, and no descriptor of
// anybody else was touched. Node closes the descriptors of a worker when it ends, and those of a
// worker that it has started in any case, so the log must never use or close a number behind that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotMap, mappedOptions, onBothAdapters, regionFolder } from '../support/adapters.js';
import { runSound, Script } from '../support/child-script.js';
import { cannotCount } from '../support/process-resources.js';

/**
 * Runs `body`, the text of a function of `data` and what is below, in a worker, or in one inside
 * it.
 */
const THREADS = `
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync,
  writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
const warnings = [];
process.on('warning', ({ message }) => warnings.push(message));
const text = (body, depth) => depth > 1
  ? 'import("node:worker_threads").then(({ Worker, workerData, parentPort }) => {' +
    'const inner = new Worker(' + JSON.stringify(text(body, depth - 1)) +
    ', { eval: true, workerData }); inner.on("message", (m) => parentPort.postMessage(m)); });'
  : 'import(' + JSON.stringify('${new URL('../../src/index.js', import.meta.url).href}') + ')' +
    '.then(async ({ Wal }) => {' +
    'const { parentPort, workerData: data } = await import("node:worker_threads");' +
    'const say = (message) => parentPort.postMessage(message);' +
    'const { directory, options } = data; const last = new Float64Array(data.last);' +
    'const append = () => {' +
    ' last[0] = wal.append(Buffer.from("event " + (wal.lastEventId + 1))); };' +
    'let wal; const fill = async (folder = directory) => {' +
    ' wal = await Wal.open(folder, options); for (let n = 0; n < 100; n++) append(); };' +
    body + '});';
const last = new Float64Array(new SharedArrayBuffer(8));
const start = (body, { depth = 1, ...more } = {}) => {
  const worker = new Worker(text(body, depth), {
    eval: true, workerData: { directory, options, last: last.buffer }, ...more });
  worker.on('error', () => {});
  worker.gone = new Promise((resolve) => worker.on('exit', resolve));
  return worker;
};
/** Files of the application, each with content of its own. */
let files = 0;
const busy = () => {
  const path = directory + '/mine-' + files++;
  writeFileSync(path, path.repeat(50));
  return { path, fd: openSync(path, 'r+') };
};
/** What is wrong with them. */
const harm = (mine) => mine.flatMap(({ path, fd }) => {
  try {
    const bytes = Buffer.alloc(path.length * 60);
    const count = readSync(fd, bytes, 0, bytes.length, 0);
    closeSync(fd);
    rmSync(path);
    return bytes.toString('utf8', 0, count) === path.repeat(50) ? [] : ['other bytes in ' + path];
  } catch (error) {
    return [error.message];
  }
});
`;

const ROUNDS = 8;

for (const [where, depth] of [
  ['the main thread', 0],
  ['a worker', 1],
  ['a worker of a worker', 2],
] as const) {
  onBothAdapters(
    `opened and closed in ${where}: no descriptor of the application is touched, none stays`,
    async (t, v) => {
      const script = `${THREADS}
        const rounds = async (Wal) => {
          for (let round = 0; round < ${ROUNDS}; round++) {
            const wal = await Wal.open(directory + '/log', options);
            for (let n = 0; n < 100; n++) wal.append(Buffer.alloc(900));
            await wal.durable();
            await wal.close();
          }
        };
        mkdirSync(directory + '/log', { recursive: true });
        const once1 = await Wal.open(directory + '/log', options);
        await once1.close();
        const before = readdirSync('/proc/self/fd').length;
        let over = false;
        const done = ${depth} === 0 ? rounds(Wal) : (async () => {
          const worker = start('await (' + rounds + ')(Wal); say("done");', { depth: ${depth} });
          // The worker ends by itself behind its message. Not once(): its promise may settle
          // behind an exit that is served in the same turn.
          let message;
          worker.on('message', (given) => { message = given; });
          const code = await worker.gone;
          if (message !== 'done') throw new Error('no word of the worker, exit code ' + code);
        })();
        done.then(() => { over = true; }, () => { over = true; });
        const wrong = [];
        while (!over) {
          const mine = [];
          for (let n = 0; n < 20; n++) {
            mine.push(busy());
            await new Promise(setImmediate);
          }
          wrong.push(...harm(mine));
        }
        await done;
        tell(JSON.stringify({ wrong, warnings, files: files > 0,
          left: Math.max(0, readdirSync('/proc/self/fd').length - before) }));
      `;
      const [line = ''] = await runSound(script, regionFolder(t), v.options);
      assert.deepEqual(JSON.parse(line), { wrong: [], warnings: [], files: true, left: 0 });
    },
    cannotCount,
  );
}

/** How a thread can end with its log open, and whether an exit hook of ours runs there. */
const ENDS: Readonly<Record<string, { body: string; limits?: object; waits?: boolean }>> = {
  'is terminated': { body: 'await fill(); say("go"); for (;;) { append(); await null; }' },
  'is terminated while durable() is pending': {
    body: 'await fill(); say("go"); for (;;) { append(); await wal.durable(); }',
  },
  'is terminated while close() is pending': {
    body: 'await fill(); wal.close(); say("go"); setInterval(() => {}, 1000);',
  },
  'runs out of its heap': {
    body: 'await fill(); const hog = []; for (;;) hog.push(new Array(1e5).fill(hog.length));',
    limits: { maxOldGenerationSizeMb: 24 },
    waits: true,
  },
  'calls process.exit': { body: 'await fill(); process.exit(0);', waits: true },
  'throws what nobody catches': { body: 'await fill(); throw new Error("out");', waits: true },
};

for (const [how, { body, limits = {}, waits = false }] of Object.entries(ENDS)) {
  // A limit holds for the one thread that it was given to.
  for (const depth of Object.keys(limits).length > 0 ? [1] : [1, 2]) {
    test(`a thread ${how}${depth > 1 ? ', started by another that is terminated' : ''}: the log is free at once, nothing is lost`, {
      skip: cannotMap || cannotCount,
    }, async (t) => {
      const script = `${THREADS}
        const found = [];
        for (let round = 0; round < 2; round++) {
          const worker = start(${JSON.stringify(body)}, {
            depth: ${depth}, resourceLimits: ${JSON.stringify(limits)} });
          if (!${waits}) await once(worker, 'message');
          else if (${depth} > 1) while (last[0] < 100) await new Promise((r) => setTimeout(r, 1));
          if (${!waits || depth > 1}) await worker.terminate();
          await worker.gone;
          const wal = await Wal.open(directory, options);
          found.push(wal.lastEventId >= last[0] && wal.lastEventId >= 100);
          await wal.close();
          last[0] = 0;
        }
        const maps = readFileSync('/proc/self/maps', 'utf8').split('\\n')
          .filter((line) => line.includes(options.sharedMemoryDirectory));
        tell(JSON.stringify({ found, warnings, maps }));
      `;
      // Larger than what is appended: a thread that waits for room is one that is ended at the
      // wait.
      const options = { ...mappedOptions(t), ringBytes: 1 << 20 };
      const directory = regionFolder(t);
      const [line = ''] = await runSound(script, directory, options);
      assert.deepEqual(JSON.parse(line), { found: [true, true], warnings: [], maps: [] });
    });
  }
}

test('several logs in one thread: all are free when it is gone', { skip: cannotMap }, async (t) => {
  const script = `${THREADS}
    const body = 'for (const name of ["/a", "/b", "/c"]) await fill(directory + name); say("go");';
    const worker = start(body);
    await once(worker, 'message');
    await worker.terminate();
    for (const name of ['/a', '/b', '/c']) {
      const wal = await Wal.open(directory + name, options);
      tell(String(wal.lastEventId));
      await wal.close();
    }
  `;
  const lines = await runSound(script, regionFolder(t), mappedOptions(t));
  assert.deepEqual(lines, ['100', '100', '100']);
});

test('a thread started with trackUnmanagedFds: false, terminated: the log is locked for as long as the process lives, and nothing is lost', {
  skip: cannotMap,
}, async (t) => {
  const script = `${THREADS}
    const fills = 'await fill(); say("go"); setInterval(() => {}, 1000);';
    const worker = start(fills, { trackUnmanagedFds: false });
    await once(worker, 'message');
    await worker.terminate();
    await worker.gone;
    tell('second ' + await Wal.open(directory, options).then(() => 'open', ({ code }) => code));
    await told();
  `;
  const [directory, options] = [regionFolder(t), mappedOptions(t)];
  const owner = Script.start(t, script, directory, options);
  assert.equal(await owner.tells('second'), 'ERR_FLASHSTRIKE_LOCKED', 'in the same process');
  const opens = `tell(await Wal.open(directory, options)
    .then(async (wal) => { await wal.close(); return String(wal.lastEventId); },
      ({ code }) => code));`;
  assert.deepEqual(await runSound(opens, directory, options), ['ERR_FLASHSTRIKE_LOCKED']);
  owner.tell();
  assert.equal((await owner.ended).code, 0);
  assert.deepEqual(await runSound(opens, directory, options), ['100']);
});

test('a log that is closed in such a thread is free at once', { skip: cannotMap }, async (t) => {
  const script = `${THREADS}
    const worker = start('await fill(); await wal.close();', { trackUnmanagedFds: false });
    await worker.gone;
    const wal = await Wal.open(directory, options);
    tell(String(wal.lastEventId));
    await wal.close();
  `;
  assert.deepEqual(await runSound(script, regionFolder(t), mappedOptions(t)), ['100']);
});

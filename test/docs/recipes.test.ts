// Runs the programs of docs/RECIPES.md and docs/NODE.md as they stand there.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { replay, Wal } from '../../src/index.js';
import { codeBlocks, RUN_WITH_SIGNALS } from '../support/code-blocks.js';
import { Program, projectWith } from '../support/program.js';

interface Place {
  readonly log: string;
  readonly folder: string;
  /** Starts the program; the log is its first argument. */
  start(...args: string[]): Program;
}

type Run = (place: Place) => Promise<void>;

const contentOf = (log: string): string[] =>
  [...replay(log)].map(({ payload }) => Buffer.from(payload).toString());

/** Sends lines and reads the answer. */
async function send(port: string, lines: string): Promise<string> {
  const socket = connect(Number(port), '127.0.0.1');
  socket.end(lines);
  return await text(socket);
}

const RUNS: Readonly<Record<string, Run>> = {
  'RECIPES.md Ingest, with a graceful shutdown': async ({ log, start }) => {
    const program = start();
    const port = await program.prints(/listening on (\d+)/);
    assert.equal(await send(port, 'one\ntwo\n'), 'durable up to 2\n');
    assert.equal(await send(port, 'three'), 'durable up to 3\n');
    const open = connect(Number(port), '127.0.0.1');
    open.write('four\nfi');
    await untilIn(log, 4);
    program.child.kill('SIGTERM');
    assert.equal(await text(open), 'durable up to 4\n');
    assert.match(await program.output(), /closed after event 4\n$/);
    assert.deepEqual(contentOf(log), ['one', 'two', 'three', 'four']);
  },

  'RECIPES.md A follower with a stored position': async ({ log, folder, start }) => {
    const file = join(folder, 'position.json');
    const first = start(file);
    const wal = await Wal.open(log);
    for (const word of ['a', 'b', 'c']) wal.append(Buffer.from(word));
    await first.prints(/^(3 c)$/m);
    first.child.kill('SIGTERM');
    assert.equal(await first.output(), '1 a\n2 b\n3 c\n');
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), {
      logId: String(wal.logId),
      eventId: 3,
    });
    const second = start(file);
    wal.append(Buffer.from('d'));
    await second.prints(/^(4 d)$/m);
    second.child.kill('SIGTERM');
    assert.equal(await second.output(), '4 d\n');
    await wal.close();
    rmSync(log, { recursive: true });
    const anew = await Wal.open(log);
    for (let event = 0; event < 10; event++) anew.append(Buffer.from('of another log'));
    await anew.close();
    const { code, stdout, stderr } = await start(file).ended;
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /ERR_FLASHSTRIKE_WRONG_LOG/);
  },

  'RECIPES.md A session journal': async ({ log, start }) => {
    const killed = start('1000000');
    await killed.prints(/step (20) is on disk/);
    killed.child.kill('SIGKILL');
    const { stdout } = await killed.ended;
    const last = [...stdout.matchAll(/step (\d+) is on disk/g)].length;
    const resumed = await start(String(last + 10)).output();
    const step = Number(/^resuming after step (\d+)$/m.exec(resumed)?.[1]);
    assert.ok(step >= last, `what was told is there: ${last}, ${step}`);
    const content = contentOf(log).map((line) => JSON.parse(line).step);
    assert.deepEqual(
      content,
      Array.from(content, (_, index) => index + 1),
    );
    assert.ok(content.length >= last + 10);
  },

  'RECIPES.md Containers': async ({ start }) => {
    assert.equal(await start().output(), 'new, 0 events recovered from the ring\n');
    assert.equal(await start().output(), 'clean, 0 events recovered from the ring\n');
  },

  'RECIPES.md Metrics beside those of prom-client': async ({ start }) => {
    const program = start();
    const port = await program.prints(/listening on (\d+)/);
    const metrics = await (await fetch(`http://127.0.0.1:${port}/`)).text();
    assert.match(metrics, /^orders_total 1$/m);
    assert.match(metrics, /^flashstrike_wal_recorder_\w+\{[^}]*\} /m);
    program.child.kill('SIGTERM');
    await program.output();
  },

  'NODE.md Streams': async ({ start }) => {
    const lines = '{"id":1,"side":"buy"}\n{"id":2,"side":"sell"}\n';
    assert.equal(await start().output(), `durable up to 2\n${lines}`);
  },

  'NODE.md Diagnostics': async ({ log, start }) => {
    assert.equal(await start().output(), `${log}: new\n`);
  },

  'NODE.md Worker threads and clusters': async ({ log, start }) => {
    assert.equal(await start().output(), '20 events of 2 workers\n');
    assert.equal(contentOf(log).filter((order) => order === 'order 10').length, 2);
  },

  'NODE.md CommonJS, Jest, bundlers': async ({ start }) => {
    assert.equal(await start().output(), 'closed\n');
  },
};

/** Resolves once readers find so many events. */
async function untilIn(log: string, events: number): Promise<void> {
  const controller = new AbortController();
  const { follow } = await import('../../src/index.js');
  for await (const { eventId } of follow(log, { signal: controller.signal })) {
    if (eventId >= events) controller.abort();
  }
}

describe('the programs of', { concurrency: 2, timeout: 900_000 }, () => {
  const blocks = RUN_WITH_SIGNALS.flatMap(codeBlocks).filter(({ language }) =>
    ['js', 'cjs'].includes(language),
  );

  test('the documents have a test each', () => {
    assert.deepEqual(blocks.map(({ name }) => name).sort(), Object.keys(RUNS).sort());
  });

  for (const { name, language, code } of blocks) {
    test(name, async (context: TestContext) => {
      const folder = projectWith(context, ['prom-client']);
      const file = join(folder, `program.${language === 'js' ? 'mjs' : 'cjs'}`);
      writeFileSync(file, code);
      const log = join(folder, 'log');
      const start = (...args: string[]): Program => new Program(context, file, [log, ...args]);
      const run = RUNS[name];
      assert.ok(run !== undefined, 'there is a test of it');
      await run({ log, folder, start });
    });
  }
});

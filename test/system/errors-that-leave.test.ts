// Whatever a public function is given: what it throws, or rejects with, is a WalError with a code.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { removeFolder } from '../../bench/harness/remove-folder.js';
import { ERROR_CODES, WalError } from '../../src/errors.js';
import {
  backup,
  follow,
  openCursor,
  replay,
  restore,
  salvage,
  salvageTo,
  verify,
  Wal,
} from '../../src/index.js';
import { attachTelemetry, recorder, Snapshotter } from '../../src/telemetry.js';
import { temporaryFolder } from './cli-process.js';

/** The callers have no types. */
// biome-ignore lint/suspicious/noExplicitAny: what is wrong on purpose has no type
type Anything = any;

/** Takes a folder, and options; done when nothing more is to be had of it. */
const TAKING_A_FOLDER: Record<string, (dir: Anything, options?: Anything) => unknown> = {
  'Wal.open': async (dir, options) => (await Wal.open(dir, options)).close(),
  replay: (dir, options) => [...replay(dir, options)],
  openCursor: (dir, options) => openCursor(dir, options).close(),
  follow: async (dir, options) => {
    const events = follow(dir, options);
    // An empty log would be waited for.
    await Promise.race([events.next(), events.return(undefined)]);
  },
  verify: (dir, options) => verify(dir, options),
  salvage: (dir, ...others: Anything[]) => [...(salvage as Anything)(dir, ...others)],
  salvageTo: (dir, options) => salvageTo(dir, join(String(dir), 'out'), options),
  backup: (dir, options) => backup(dir, join(String(dir), 'out'), options),
  restore: (dir, options) => restore(dir, join(String(dir), 'out'), options),
  attachTelemetry: (dir) => attachTelemetry(dir).close(),
};

/** Nothing, or what it failed with. */
async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

async function assertCoded(what: string, call: () => unknown): Promise<void> {
  const error = await failureOf(call);
  if (error === undefined) return;
  assert.ok(error instanceof WalError, `${what}: ${error instanceof Error ? error.stack : error}`);
  assert.ok(Object.hasOwn(ERROR_CODES, error.code), `${what}: ${error.code}`);
}

const WRONG_TYPES: readonly unknown[] = [
  undefined,
  null,
  0,
  1n,
  '',
  'a\0b',
  {},
  [],
  Symbol('x'),
  () => 'x',
  new URL('file:///tmp'),
  Buffer.from('/tmp'),
];

/** Paths that cannot be a log's. */
function wrongPaths(context: TestContext): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-wrong-'));
  context.after(() => removeFolder(folder));
  const file = join(folder, 'file');
  writeFileSync(file, 'x');
  const loop = join(folder, 'loop');
  symlinkSync(loop, loop);
  const dangling = join(folder, 'dangling');
  symlinkSync(join(folder, 'nowhere'), dangling);
  const closed = join(folder, 'closed');
  mkdirSync(closed);
  chmodSync(closed, 0);
  const strange = join(folder, 'strange');
  mkdirSync(join(strange, '0000000001.wal'), { recursive: true });
  return [
    join(folder, 'missing', 'more'),
    file,
    join(file, 'below'),
    loop,
    dangling,
    closed,
    strange,
    join(folder, 'x'.repeat(300)),
    `/${'x/'.repeat(4000)}`,
    '/proc/self/fd',
    '/dev/null',
    '/sys',
  ];
}

describe('every error that leaves is a WalError with a code', () => {
  for (const [name, call] of Object.entries(TAKING_A_FOLDER)) {
    test(`${name}: a folder of the wrong type`, async () => {
      for (const dir of WRONG_TYPES) await assertCoded(`${name} of ${typeof dir}`, () => call(dir));
    });

    test(`${name}: a path that is none of a log`, async (context) => {
      for (const path of wrongPaths(context)) {
        // What it makes where it may is not the question here.
        if (name === 'Wal.open' && path.endsWith('more')) continue;
        await assertCoded(`${name} of ${path.slice(0, 80)}`, () =>
          call(path, name === 'Wal.open' ? { create: false } : undefined),
        );
      }
    });

    test(`${name}: options of the wrong type`, async (context) => {
      const dir = temporaryFolder(context);
      const wal = await Wal.open(dir, { sharedMemory: 'off' });
      wal.append(new Uint8Array(1));
      await wal.close();
      for (const options of [
        null,
        1,
        'x',
        [],
        { from: 'x' },
        { to: {} },
        { signal: {} },
        { onGap: 1 },
        { onProgress: 'x' },
        { telemetry: {} },
        { from: -1 },
        { nonsense: 1 },
      ]) {
        await assertCoded(`${name} with ${JSON.stringify(options)}`, () => call(dir, options));
      }
    });
  }

  test('arguments behind the last one are passed over, as in any function', async (context) => {
    const dir = temporaryFolder(context);
    const wal = await Wal.open(dir, { sharedMemory: 'off' });
    wal.append(new Uint8Array(1));
    await wal.close();
    const loose: Record<string, Anything> = { replay, salvage };
    for (const value of [null, 0, {}]) {
      assert.equal([...loose['replay'](dir, {}, value)].length, 1);
      assert.equal([...loose['salvage'](dir, value)].length, 1);
      assert.equal((await (verify as Anything)(dir, {}, value)).verdict, 'clean');
      (openCursor as Anything)(dir, {}, value).close();
      const events = (follow as Anything)(dir, {}, value);
      assert.equal((await events.next()).value.eventId, 1);
      await events.return();
    }
    // The index, as `map` gives it.
    assert.equal([dir].map(salvage as Anything).length, 1);
    const { events } = await (salvageTo as Anything)(dir, temporaryFolder(context), {}, null);
    assert.equal(events, 1);
  });

  test('what an open log is asked for', async (context) => {
    const wal = await Wal.open(temporaryFolder(context), { sharedMemory: 'off' });
    const log: Anything = wal;
    for (const value of WRONG_TYPES) {
      await assertCoded('append', () => log.append(value));
      await assertCoded('append with a type', () => log.append(new Uint8Array(1), value));
      await assertCoded('tryAppend', () => log.tryAppend(value, value));
      await assertCoded('appendBatch', () => log.appendBatch(value));
      await assertCoded('appendBatch of it', () => log.appendBatch([new Uint8Array(1), value]));
      await assertCoded('durable', () => log.durable(value));
      await assertCoded('wal.replay', () => [...log.replay({ from: value })]);
      await assertCoded('wal.replay of it', () => [...log.replay(value)]);
      await assertCoded('wal.follow', () => log.follow({ from: value }).return());
      await assertCoded('wal.follow of it', () => log.follow(value).return());
      await assertCoded('copyTo', () => wal.telemetry.copyTo(value as Anything));
      await assertCoded('Snapshotter', () => new Snapshotter(value as Anything));
      await assertCoded('an updater', () => new recorder.ManagerUpdater(value as Anything));
    }
    await wal.close();
    await assertCoded('append when closed', () => wal.append(new Uint8Array(1)));
    await assertCoded('replay when closed', () => [...wal.replay()]);
  });
});

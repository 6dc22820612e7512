// While the ring has room, `append` makes no system call and allocates nothing, nor does `begin`.
// What the runtime does on its own thread at the same time (it compiles, it collects what others
// left) is told apart by looking at several windows: what append did would show in each of them.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WalOptions } from '../../src/index.js';
import { MIB } from '../../src/units.js';
import { cannotMap, onBothAdapters, regionFolder } from '../support/adapters.js';
import {
  allocationWindows,
  assertAllocatesNothing,
  BOXED_TIME,
  isOlderThan24,
} from '../support/allocation-windows.js';
import { runSound, Script } from '../support/child-script.js';
import { cannotTrace, Strace } from '../support/strace.js';

/** The default: one append in so many is timed. */
const APPEND_SAMPLING = 64;
const BOXED_NUMBER_BYTES = 16;
/** Room for all events of a window; on a tmpfs, so that the disk has nothing to do. */
const LARGE = { ringBytes: 32 * MIB, segmentBytes: 64 * MIB };

const readsBoxedTime = (timestamps: string): boolean => isOlderThan24 && timestamps === 'precise';

/** Every way to append an event of 8 bytes; the first windows warm up. */
const APPEND = `
const wal = await Wal.open(directory, options);
const payload = new Uint8Array(8);
const batch = [payload, payload];
const Price = defineEvent('price', { price: 'f64' }, { version: 1 });
const ways = {
  append(count) { for (let at = 0; at < count; at++) wal.append(payload, at & 7); },
  tryAppend(count) { for (let at = 0; at < count; at++) wal.tryAppend(payload, 7); },
  appendBatch(count) { for (let at = 0; at < count; at += 2) wal.appendBatch(batch, 7); },
  begin(count) {
    for (let at = 0; at < count; at++) {
      const event = wal.begin(Price);
      event.price = at;
      event.commit();
    }
  },
};
const run = ways.WAY;
for (let window = 0; window < 8; window++) { run(200_000); await wal.durable(); }
`;

const scriptOf = (way: string, rest: string): string => APPEND.replace('WAY', way) + rest;

const WINDOWS = 6;
const TRACED = `
import { accessSync } from 'node:fs';
const mark = (name) => { try { accessSync('/flashstrike-marker-' + name); } catch {} };
mark('warm'); mark('warm');
tell('warm');
await told();
for (let window = 0; window < ${WINDOWS}; window++) {
  mark('begin');
  run(200_000);
  mark('end');
  await wal.durable();
}
await wal.close();
tell('closed');
`;

/**
 * What V8 calls when it compiles or collects: memory, its worker threads' condition variables, and
 * the event by which it asks for a turn of the loop.
 */
const OF_THE_RUNTIME = new RegExp(
  [
    /^(brk|mmap|mremap|munmap|madvise|(pkey_)?mprotect|membarrier|prctl|futex|getpid|gettid)\(/,
    /^(sched_\w+|rt_sig\w+|restart_syscall)\(/,
    /^write\(\d+, "\\1\\0\\0\\0\\0\\0\\0\\0", 8\)/,
    // The ring grows where the writer gets too little of a busy machine: it has no room before.
    /^fallocate\(\d+, 0, 0, \d+\)/,
  ]
    .map(({ source }) => source)
    .join('|'),
);

/** The calls between each pair of markers. */
function windowsOf(calls: readonly string[]): string[][] {
  const windows: string[][] = [];
  let current: string[] | undefined;
  for (const call of calls) {
    if (call.includes('flashstrike-marker-begin')) {
      current = [];
      windows.push(current);
    } else if (call.includes('flashstrike-marker-end')) current = undefined;
    else current?.push(call);
  }
  return windows;
}

for (const [way, timestamps] of [
  ['append', 'precise'],
  ['append', 'coarse'],
  ['tryAppend', 'coarse'],
  ['appendBatch', 'coarse'],
  ['begin', 'coarse'],
] as const) {
  const name = `200,000 events by ${way} with ${timestamps} timestamps make no system call`;
  onBothAdapters(
    name,
    async (t, v) => {
      const options: WalOptions = { ...v.options, ...LARGE, timestamps };
      const directory = join(regionFolder(t), 'log');
      const script = Script.start(t, scriptOf(way, TRACED), directory, options);
      await script.tells('warm');
      const pid = script.child.pid ?? 0;
      const strace = await Strace.attach(t, pid, { mainThreadOnly: true, args: [] });
      script.tell();
      const { code, stderr } = await script.ended;
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      await strace.detach();
      const windows = windowsOf(strace.calls);
      assert.equal(windows.length, WINDOWS, 'the markers were seen');
      t.diagnostic(`system calls a window: ${windows.map((calls) => calls.length).join(', ')}`);
      for (const call of windows.flat()) assert.match(call, OF_THE_RUNTIME);
      // There the clock itself returns a number that has to be collected.
      if (readsBoxedTime(timestamps)) return;
      const fewest = Math.min(...windows.map((calls) => calls.length));
      assert.equal(fewest, 0, `at least\n${windows.at(-1)?.join('\n')}`);
    },
    cannotTrace,
  );
}

/** The ways of which one call in so many is timed. */
const IS_TIMED: ReadonlySet<string> = new Set(['append', 'begin']);

const ALLOCATIONS = `${allocationWindows(WINDOWS, 'await wal.durable();')}
await wal.close();
`;

for (const [way, timestamps] of [
  ['append', 'precise'],
  ['append', 'coarse'],
  ['tryAppend', 'coarse'],
  ['appendBatch', 'coarse'],
  ['begin', 'coarse'],
] as const) {
  const boxed = readsBoxedTime(timestamps) ? BOXED_TIME : false;
  const name = `a million events by ${way} with ${timestamps} timestamps allocate nothing`;
  test(name, { skip: boxed || cannotMap }, async (t) => {
    const sharedMemoryDirectory = regionFolder(t);
    const options = { ...LARGE, sharedMemory: 'required', sharedMemoryDirectory, timestamps };
    const directory = join(regionFolder(t), 'log');
    const lines = await runSound(scriptOf(way, ALLOCATIONS), directory, options);
    // Where the clock returns numbers that have to be collected, there are the two looks of each
    // append that is timed.
    const timed = isOlderThan24 && IS_TIMED.has(way) ? 1_000_000 / APPEND_SAMPLING : 0;
    assertAllocatesNothing(t, lines, WINDOWS, timed * 2 * BOXED_NUMBER_BYTES);
  });
}

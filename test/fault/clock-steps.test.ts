// The wall clock of a process is stepped while its monotonic clock goes on, as by a suspend of the
// machine, NTP or an operator: libfaketime stands between the process and its clock.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { removeFolder } from '../../bench/harness/remove-folder.js';
import { runSound } from '../support/child-script.js';

const TRIPLE = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
const LIBRARY = `/usr/lib/${TRIPLE}/faketime/libfaketime.so.1`;
const cannotFake = existsSync(LIBRARY) ? false : 'no libfaketime (package faketime)';
const HOUR_MS = 3_600_000;

/**
 * Steps the clock by each of `steps`, sees to it that the log has noticed, and appends; then does
 * the same with a new opening. Tells how far each event is behind the wall clock, and its
 * timestamp.
 */
const RECORDER = `
const { renameSync, writeFileSync } = await import('node:fs');
const { setTimeout: pause } = await import('node:timers/promises');
let wal = await Wal.open(directory, options.walOptions);
async function append(name) {
  await wal.durable(wal.append(Buffer.from(name)));
  let last = 0n;
  for (const event of wal.replay()) last = event.timestampNs;
  tell(name + ' ' + (Date.now() - Number(last / 1000000n)) + ' ' + last);
}
await append('0');
for (const step of options.steps) {
  const { wallClockSteps } = wal.telemetry.manager;
  // Renamed, so that nobody reads half a step.
  writeFileSync(options.file + '.new', step);
  renameSync(options.file + '.new', options.file);
  while (wal.telemetry.manager.wallClockSteps === wallClockSteps) await pause(5);
  // Coarse time is that of the writer thread's last look.
  await pause(100);
  await append(step);
  await wal.close();
  wal = await Wal.open(directory, options.walOptions);
  await append(step);
}
await wal.close();
`;

interface Told {
  readonly step: string;
  readonly behindMs: number;
  readonly timestampNs: bigint;
}

async function record(
  context: TestContext,
  steps: readonly string[],
  walOptions: object,
): Promise<readonly Told[]> {
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-clock-'));
  context.after(() => removeFolder(folder));
  const file = join(folder, 'faketime');
  writeFileSync(file, '+0s');
  const environment = {
    LD_PRELOAD: LIBRARY,
    FAKETIME_TIMESTAMP_FILE: file,
    // It looks at the file at each call otherwise, and threads look at the clock all the time.
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  const under = ['env', ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)];
  const given = { file, steps, walOptions };
  const lines = await runSound(RECORDER, join(folder, 'log'), given, { under });
  return lines.map((line) => {
    const [step = '', behindMs, timestampNs = ''] = line.split(' ');
    return { step, behindMs: Number(behindMs), timestampNs: BigInt(timestampNs) };
  });
}

function assertOrdered(told: readonly Told[]): void {
  told.reduce((before, { step, timestampNs }) => {
    assert.ok(timestampNs >= before, `${step}: ${timestampNs} behind ${before}`);
    return timestampNs;
  }, 0n);
}

describe('steps of a process’s wall clock: new events carry the new time, and none is older than the one before', {
  skip: cannotFake,
}, () => {
  for (const walOptions of [{}, { timestamps: 'coarse', sharedMemory: 'off' }]) {
    test(`forward: ${JSON.stringify(walOptions)}`, async (context) => {
      const told = await record(context, ['+8h', '+10y'], walOptions);
      assert.equal(told.length, 5);
      assertOrdered(told);
      // Much less than the smallest step, however slow the machine is.
      for (const { step, behindMs } of told) {
        assert.ok(Math.abs(behindMs) < HOUR_MS / 4, `${step}: ${behindMs} ms behind`);
      }
    });

    test(`back, and forward again: ${JSON.stringify(walOptions)}`, async (context) => {
      const told = await record(context, ['-8h', '+1h'], walOptions);
      assertOrdered(told);
      const behind = told.map(({ behindMs }) => behindMs);
      for (const behindMs of behind.slice(1, 3)) assert.ok(behindMs < -7 * HOUR_MS);
      for (const behindMs of behind.slice(3)) assert.ok(Math.abs(behindMs) < HOUR_MS / 4);
    });
  }
});

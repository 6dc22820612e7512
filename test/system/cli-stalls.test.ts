// `flashstrike stalls` as a process: of a log that is open, that was killed, and that was closed.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Wal } from '../../src/index.js';
import { attachTelemetry, readStalls, type Stall } from '../../src/telemetry.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { eventually } from '../support/eventually.js';
import { flashstrike, temporaryFolder } from './cli-process.js';

/** The event loop does not turn for so long while an event is waited for. */
const BLOCKED_MS = 400;

describe('command line: stalls', { skip: cannotMap, timeout: 900_000 }, () => {
  test('of an open log shows what was recorded, as a table and as JSON', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    // No wait of this process is so long before one is made to be.
    const options = { ...mappedOptions(context), stallThresholdMs: BLOCKED_MS };
    await using wal = await Wal.open(log, options);
    using telemetry = attachTelemetry(log);
    telemetry.readStalls();
    for (;;) {
      let isOver = false;
      const pending = wal.durable(wal.append(Buffer.alloc(10))).then(() => {
        isOver = true;
      });
      await new Promise(setImmediate);
      const isWaiting = !isOver;
      if (isWaiting) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED_MS);
      }
      await pending;
      if (isWaiting) break;
    }
    await eventually('it is recorded', () => readStalls(log).some(({ end }) => end === 'over'));
    const startsOf = (all: readonly Stall[]): number[] => all.map(({ startMs }) => startMs);
    assert.deepEqual(startsOf(telemetry.readStalls()), startsOf(readStalls(log)), 'also attached');
    const shown = await flashstrike(['stalls', log, '--since', '1h']);
    assert.deepEqual([shown.code, shown.stderr], [0, '']);
    assert.match(String(shown.stdout), /^began +took +waited +cause +went to$/m);
    assert.match(String(shown.stdout), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} +[\d.]+ m?s +/m);
    assert.match(String(shown.stdout), /^the last: .*durable\(\) group.* in the ring$/m);
    const json = await flashstrike(['stalls', log, '--json']);
    assert.equal(json.code, 0);
    const stalls = JSON.parse(String(json.stdout));
    assert.ok(stalls.length >= 1 && stalls[0].durationMs >= BLOCKED_MS && stalls[0].cause !== '');
    const later = await flashstrike(['stalls', log, '--since', '2999-01-01T00:00Z']);
    assert.deepEqual([later.code, String(later.stdout).startsWith('no stalls: ')], [0, true]);
  });

  test('of a log that records none says so', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await using wal = await Wal.open(log, { ...mappedOptions(context), stallThresholdMs: 0 });
    await wal.durable(wal.append(Buffer.alloc(10)));
    const { code, stdout } = await flashstrike(['stalls', log]);
    assert.equal(code, 0);
    assert.match(String(stdout), /^no stalls: .* \(with 0, nothing is recorded\)$/m);
    const json = await flashstrike(['stalls', log, '--json']);
    assert.deepEqual(JSON.parse(String(json.stdout)), []);
  });

  test('of a closed log says that nothing of them is left, and why', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log], 'line\n');
    const { code, stdout, stderr } = await flashstrike(['stalls', log]);
    assert.deepEqual([code, String(stdout)], [1, '']);
    assert.match(stderr, /ERR_FLASHSTRIKE_NO_TELEMETRY/);
    assert.match(stderr, /closed cleanly nothing of them is left/);
  });

  test('refuses what is no log, and what is no time', async (context) => {
    const none = await flashstrike(['stalls', temporaryFolder(context)]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /ERR_FLASHSTRIKE_NOT_A_LOG/);
    for (const since of ['yesterday', '2 h', '1w']) {
      const { code } = await flashstrike(['stalls', '.', '--since', since]);
      assert.equal(code, 2, since);
    }
  });
});

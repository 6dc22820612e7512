// `flashstrike consumers`: shows and removes, on a log that is closed and on one that is open.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openConsumer, Wal } from '../../src/index.js';
import { flashstrike, temporaryFolder } from './cli-process.js';

describe('command line: consumers', { timeout: 900_000 }, () => {
  it('shows each consumer, and removes the one that is named', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log], 'line\n'.repeat(1000));
    const none = await flashstrike(['consumers', log]);
    assert.deepEqual([none.code, String(none.stdout)], [0, 'no consumers\n']);

    const options = { create: true, maxLagBytes: 5e6, maxLagMs: 60_000, policy: 'drop' } as const;
    const billing = await openConsumer(log, 'billing', options);
    await billing.acknowledge(900);
    await (await openConsumer(log, 'audit', { create: true })).close();
    writeFileSync(join(log, 'torn.consumer'), 'torn');
    const shown = await flashstrike(['consumers', log]);
    assert.equal(shown.code, 0, shown.stderr);
    const [head, audit, second, torn] = String(shown.stdout).trimEnd().split('\n');
    assert.match(head ?? '', /^consumer +acknowledged +behind +bytes +for +at most +last +state$/);
    assert.match(audit ?? '', /^audit +0 +1,000 +0 B +0.* - +\d{4}-.* active$/);
    assert.match(second ?? '', /^billing +900 +100 +0 B .* 5\.00 MB, .*: drop .* active$/);
    assert.match(torn ?? '', /^torn +- .* damaged: .*torn\.consumer is not valid: 4 bytes\.$/);

    const refused = await flashstrike(['consumers', log, '--remove', 'billing']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /ERR_FLASHSTRIKE_LOCKED/);
    await billing.close();
    for (const name of ['billing', 'torn']) {
      const { code, stderr } = await flashstrike(['consumers', log, '--remove', name]);
      assert.deepEqual([code, stderr], [0, `removed consumer ${name}\n`]);
    }
    const json = await flashstrike(['consumers', log, '--json']);
    const [left, ...others] = JSON.parse(String(json.stdout)) as { name: string }[];
    assert.deepEqual([left?.name, others], ['audit', []]);
    const again = await flashstrike(['consumers', log, '--remove', 'billing']);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /ERR_FLASHSTRIKE_NO_CONSUMER/);
  });

  it('is told by inspect, verify and the open of a log: who is damaged', async (context) => {
    const log = join(temporaryFolder(context), 'log');
    await flashstrike(['record', log], 'line\n');
    writeFileSync(join(log, 'torn.consumer'), 'torn');
    const inspected = await flashstrike(['inspect', log]);
    assert.match(String(inspected.stdout), /^consumer torn: DAMAGED, all events are kept/m);
    const verified = await flashstrike(['verify', log]);
    assert.equal(verified.code, 0);
    assert.match(String(verified.stdout), /All events are kept for consumer torn until you remove/);
    await using wal = await Wal.open(log);
    assert.match(wal.recovery.notes.join(' '), /consumers .*log --remove torn/);
    assert.equal(wal.consumers()[0]?.state, 'damaged');
  });
});

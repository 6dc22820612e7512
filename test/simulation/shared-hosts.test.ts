import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seedsFrom } from './campaign.js';
import { type SharedHostsResult, shareHosts } from './shared-hosts.js';

const HISTORIES = 100;

function shareAll(): SharedHostsResult {
  let total: SharedHostsResult = { turns: 0, events: 0, failed: 0 };
  for (const seed of seedsFrom(1, HISTORIES)) {
    try {
      const { turns, events, failed } = shareHosts(seed);
      total = {
        turns: total.turns + turns,
        events: total.events + events,
        failed: total.failed + failed,
      };
    } catch (cause) {
      throw new Error(`the history of seed ${seed} fails: ${cause}`, { cause });
    }
  }
  return total;
}

test('logs that share hosts: each that has work has a step in turn, and one that fails leaves the others', (t) => {
  const total = shareAll();
  t.diagnostic(JSON.stringify(total));
  assert.ok(total.failed > HISTORIES / 4, 'some fail');
  assert.ok(total.events > HISTORIES * 50, 'they have work');
});

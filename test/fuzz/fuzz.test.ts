import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script } from '../support/child-script.js';
import { fuzz } from './campaign.js';

/** Measured to take less than half a minute of a core. */
const CASES = 2500;
const FIRST_SEED = 1;

test('damaged and forged logs, regions and metas: refused with a code or read right, and never for ever', async (t) => {
  const { cases, forged, opened, eventsChecked, sayings } = await fuzz(FIRST_SEED, CASES);
  t.diagnostic(JSON.stringify({ cases, forged, opened, eventsChecked, sayings: sayings.size }));
  assert.equal(cases, CASES);
  assert.ok(forged > CASES / 2 && forged < CASES, 'with right checksums and with wrong ones');
  assert.ok(opened > CASES / 20 && opened < CASES, 'some open, some are refused');
  assert.ok(sayings.size > 100, 'damage of many kinds is met');
});

test('a case follows from its seed alone', async () => {
  const first = await fuzz(77, 20);
  assert.deepEqual(await fuzz(77, 20), first);
});

test('a case that does not end is told with its seed, and ends', async () => {
  const url = new URL('./watchdog.js', import.meta.url).href;
  const script = `
    const { Watchdog } = await import(options.url);
    new Watchdog('again with ', 1).begin(4711);
    for (;;);
  `;
  const { signal, stderr } = await Script.run(script, '', { url });
  assert.equal(signal, 'SIGKILL');
  assert.match(stderr, /^The case of seed 4711 does not end\.\nagain with 4711$/m);
});

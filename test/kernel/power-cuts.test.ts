// Power cuts under load, on both file systems and in all three sync modes, with segments so small
// that many cuts hit a rotation, or a segment that is compressed and whose file is used again.
// `npm run soak -- power-cuts --rounds N` for more of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotMap, TINY } from '../support/adapters.js';
import { cannotLoop, type DiskType } from '../support/loop-disk.js';
import { powerCutRounds } from './power-cut-rounds.js';

const TYPES: readonly DiskType[] = ['ext4', 'xfs'];
const MODES = ['interval', 'every-block', 'manual'] as const;
/** Everything that is finished is compressed. */
const MAINTAINED = { compression: 'lz4', hotSegments: 0, preallocate: 'recycle' } as const;
const ROUNDS = 4;
/** More of the same, with other seeds, where the children had no processor until the cuts came. */
const TURNS_MAX = 5;
const EVENTS_MIN = 1000;

for (const type of TYPES) {
  test(`power cuts on ${type}: all that durable() acknowledged is there, as a prefix`, {
    skip: cannotMap || cannotLoop(type),
  }, async (t) => {
    let eventsChecked = 0;
    let eventsGone = 0;
    const isEnough = (): boolean => eventsChecked > EVENTS_MIN && eventsGone > 0;
    for (let turn = 0; turn < TURNS_MAX && !isEnough(); turn++) {
      for (const [index, mode] of MODES.entries()) {
        const result = await powerCutRounds(t, type, {
          rounds: ROUNDS,
          seed: 19970101 + turn * MODES.length + index,
          roundsPerLog: ROUNDS,
          options: {
            ...TINY,
            sync: { mode },
            sharedMemory: 'required',
            ...(mode === 'interval' && MAINTAINED),
          },
        });
        t.diagnostic(`${mode}: ${JSON.stringify(result)}`);
        eventsChecked += result.eventsChecked;
        eventsGone += result.eventsGone;
      }
    }
    assert.ok(eventsChecked > EVENTS_MIN, 'the children appended something');
    assert.ok(eventsGone > 0, 'a cut after which nothing was missing was none');
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { isDefect } from './defect.js';
import { decodeSeal, encodeSeal } from './seal.js';
import { SegmentTally } from './segment-tally.js';

const someBlock = fc.record({
  eventCount: fc.integer({ min: 1, max: 5 }),
  firstTimestampNs: fc.bigInt({ min: 0n, max: 100n }),
  laterNs: fc.bigInt({ min: 0n, max: 50n }),
  watermarkBehind: fc.boolean(),
});

test('a tally is what a seal needs: it is encoded as it stands, and counts everything', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(someBlock), (firstEventId, blocks) => {
      const tally = new SegmentTally(firstEventId);
      let nextEventId = firstEventId;
      let blockIndex = 0;
      let highest = 0n;
      for (const { eventCount, firstTimestampNs, laterNs, watermarkBehind } of blocks) {
        const header = { firstEventId: nextEventId, eventCount, payloadBytes: eventCount * 24 };
        const place = { offset: 4096 + blockIndex * 200, blockIndex: blockIndex++ };
        const highestInBlock = firstTimestampNs + laterNs;
        tally.addEvents(header, place, firstTimestampNs, highestInBlock);
        if (highestInBlock > highest) highest = highestInBlock;
        nextEventId += eventCount;
        if (!watermarkBehind) continue;
        tally.addWatermark();
        blockIndex++;
      }
      const eventCount = nextEventId - firstEventId;
      const seal = decodeSeal(encodeSeal(tally.totals, tally.entries));
      assert.ok(!isDefect(seal));
      assert.deepEqual(seal.totals, {
        firstEventId,
        lastEventId: nextEventId - 1,
        eventCount,
        eventBlocks: blocks.length,
        watermarkBlocks: blockIndex - blocks.length,
        payloadBytes: eventCount * 24,
        firstTimestampNs: blocks[0]?.firstTimestampNs ?? 0n,
        highestTimestampNs: highest,
      });
      assert.equal(seal.entries.length, blocks.length);
      assert.equal(tally.highestTimestampNs, highest);
      assert.equal(
        seal.entries.at(-1)?.highestTimestampNs,
        blocks.length > 0 ? highest : undefined,
      );
    }),
  );
});

test('a tally goes on where another has come to, as plain data', () => {
  const add = (tally: SegmentTally, block: number): void => {
    const header = { firstEventId: block + 1, eventCount: 1, payloadBytes: 24 };
    tally.addEvents(header, { offset: 4096 + block * 88, blockIndex: block }, 5n, BigInt(block));
    if (block % 3 === 0) tally.addWatermark();
  };
  // Also beyond what the index has room for.
  for (const blocks of [0, 1, 700, 5000]) {
    const whole = new SegmentTally(1);
    const first = new SegmentTally(1);
    for (let block = 0; block < blocks; block++)
      for (const tally of [whole, first]) add(tally, block);
    const second = SegmentTally.from(structuredClone(first.state));
    for (let block = blocks; block < 2 * blocks + 3; block++) {
      for (const tally of [whole, second]) add(tally, block);
    }
    assert.deepEqual(second.state, whole.state);
  }
});

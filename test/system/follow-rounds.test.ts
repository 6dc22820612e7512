// Who follows a log does not notice that its writer closes it and opens it again.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { follow } from '../../src/index.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { settles } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound, payloadOf, typeOf } from '../support/log-content.js';

const PAYLOADS = new URL('../crash/payloads.js', import.meta.url).href;
const ROUNDS = 6;
const EVENTS = 150;

/** Opens, appends, closes, over and over; then it is to be killed with its log open. */
const WRITER = `
const { payloadOf, typeOf } = await import('${PAYLOADS}');
for (let round = 1; ; round++) {
  const wal = await Wal.open(directory, options);
  for (let count = 0; count < ${EVENTS}; count++) {
    const id = wal.lastEventId + 1;
    wal.append(payloadOf(id), typeOf(id));
  }
  if (round === 1) tell('begun');
  if (round === ${ROUNDS}) break;
  await wal.close();
}
tell('all');
await new Promise((resolve) => setTimeout(resolve, 600_000));
`;

/** Resolves once the reader has had the events 1 … `last`, each once and in order. */
async function followTo(directory: string, last: number): Promise<void> {
  let expected = 1;
  for await (const { eventId, type, payload } of follow(directory)) {
    assert.equal(eventId, expected);
    assert.equal(type, typeOf(expected));
    assert.deepEqual(Buffer.from(payload), Buffer.from(payloadOf(expected)));
    if (expected++ === last) return;
  }
}

test('who follows a log has each event once while other processes close it, open it again, are killed', {
  skip: cannotMap,
}, async (t) => {
  const directory = join(temporaryFolder(t), 'log');
  const options = mappedOptions(t);
  let following: Promise<void> | undefined;
  for (let life = 0; life < 2; life++) {
    const writer = Script.start(t, WRITER, directory, options);
    await writer.tells('begun');
    // What was only in the ring of the first is there once the second has recovered it.
    following ??= followTo(directory, 2 * ROUNDS * EVENTS);
    await writer.tells('all');
    if (life === 1) await settles('the follower', following);
    await writer.kill();
  }
  await assertSound(directory);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { untilRoom } from './room.js';

/** Has room at the n-th look. */
function roomAfter(looks: number) {
  const story = { looks: 0, asked: 0 };
  const hasRoom = (): boolean => ++story.looks >= looks;
  const askWriter = (): void => {
    story.asked++;
  };
  return { story, hasRoom, askWriter };
}

test('where there is room nobody is asked for any', async () => {
  const { story, hasRoom, askWriter } = roomAfter(1);
  await untilRoom(hasRoom, askWriter, undefined);
  assert.deepEqual(story, { looks: 1, asked: 0 });
});

test('the writer is asked for room until there is some', async () => {
  const { story, hasRoom, askWriter } = roomAfter(8);
  await untilRoom(hasRoom, askWriter, undefined);
  assert.deepEqual(story, { looks: 8, asked: 7 });
});

test('a log that ends meanwhile ends the waiting', async () => {
  let looks = 0;
  const hasRoom = (): boolean => {
    if (++looks === 3) throw new Error('closed');
    return false;
  };
  await assert.rejects(
    untilRoom(hasRoom, () => {}, undefined),
    /^Error: closed$/,
  );
});

test('an abort ends the waiting, with its reason, and before the first look', async () => {
  const ending = new AbortController();
  const { story, hasRoom } = roomAfter(Number.POSITIVE_INFINITY);
  const askWriter = (): void => {
    if (story.looks === 3) ending.abort(new Error('enough'));
  };
  const { signal } = ending;
  await assert.rejects(untilRoom(hasRoom, askWriter, signal), /^Error: enough$/);
  assert.equal(story.looks, 3);
  await assert.rejects(untilRoom(hasRoom, askWriter, signal), /^Error: enough$/);
  assert.equal(story.looks, 3);
});

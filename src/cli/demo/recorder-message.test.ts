import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeMessage, MessageReader, RecorderMessageLayout } from './recorder-message.js';

const messageOf = (eventId: number) => ({
  appendedEventId: eventId,
  writtenEventId: eventId - 1,
  durableEventId: eventId - 2,
  appendNsMean: 12.5,
  appendNsMax: 1e6,
  isMapped: eventId % 2 === 0,
});

const bytesOf = (eventId: number): Buffer => {
  const bytes = Buffer.alloc(RecorderMessageLayout.size);
  encodeMessage(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), messageOf(eventId));
  return bytes;
};

describe('recorder messages', () => {
  it('show the newest whole one, wherever the pipe cuts them', () => {
    const bytes = Buffer.concat([bytesOf(10), bytesOf(2 ** 52), bytesOf(13)]);
    const { size } = RecorderMessageLayout;
    for (let pieceBytes = 1; pieceBytes <= bytes.length; pieceBytes += 1) {
      const reader = new MessageReader();
      for (let start = 0; start < bytes.length; start += pieceBytes) {
        const end = Math.min(start + pieceBytes, bytes.length);
        reader.push(bytes.subarray(start, end));
        const whole = Math.floor(end / size);
        const expected = [undefined, 10, 2 ** 52, 13][whole];
        assert.deepEqual(reader.last, expected === undefined ? undefined : messageOf(expected));
      }
    }
  });

  it('do not count a message that a kill cut short', () => {
    const reader = new MessageReader();
    reader.push(Buffer.concat([bytesOf(10), bytesOf(11).subarray(0, 47)]));
    assert.equal(reader.last?.appendedEventId, 10);
  });
});

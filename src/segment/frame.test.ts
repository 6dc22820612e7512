import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeFrame } from '../../test/support/frames.js';
import { fc } from '../../test/support/properties.js';
import {
  decodeFrame,
  FRAME_HEADER_BYTES,
  FrameKind,
  FrameLayout,
  frameSpan,
  highestTimestampNs,
  MAX_EVENT_ID,
  renumberFrames,
  walkFrames,
} from './frame.js';

const U64_MAX = 2n ** 64n - 1n;
const someFrame = fc.record({
  type: fc.integer({ min: 0, max: 0xffff }),
  timestampNs: fc.bigInt({ min: 0n, max: U64_MAX }),
  payload: fc.uint8Array({ maxLength: 40 }),
  continued: fc.boolean(),
});
/** Where a run of frames starts in its buffer; odd ones are off the alignment of words. */
const someShift = fc.constantFrom(0, 1, 3, 4, 8, 16);
const someFirstId = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.integer({ min: 2 ** 31 - 3, max: 2 ** 31 + 3 }),
  fc.integer({ min: 2 ** 32 - 5, max: 2 ** 32 + 5 }),
  fc.integer({ min: MAX_EVENT_ID - 18, max: MAX_EVENT_ID - 8 }),
);

interface Written {
  readonly bytes: Uint8Array;
  readonly offsets: number[];
}

function write(
  frames: readonly (typeof someFrame extends fc.Arbitrary<infer T> ? T : never)[],
  firstId: number,
  shift: number,
): Written {
  const spans = frames.map((frame) => frameSpan(FRAME_HEADER_BYTES + frame.payload.length));
  const bytes = new Uint8Array(spans.reduce((sum, span) => sum + span, shift)).fill(0xee);
  const offsets: number[] = [];
  let at = shift;
  frames.forEach(({ type, timestampNs, payload, continued }, index) => {
    const kind = continued && index < frames.length - 1 ? FrameKind.continued : FrameKind.event;
    offsets.push(at);
    at += encodeFrame(bytes, at, { kind, type, eventId: firstId + index, timestampNs, payload });
  });
  return { bytes, offsets };
}

const PAYLOAD_BYTES = [0, 7, 8];
/** Three frames of 24 + 0, 7 and 8 bytes from event 9 on. */
const three = (): Written =>
  write(
    PAYLOAD_BYTES.map((length) => ({
      type: 7,
      timestampNs: 1n,
      payload: new Uint8Array(length).fill(0xff),
      continued: false,
    })),
    9,
    0,
  );
const walk = ({ bytes }: Written, eventCount = 3): ReturnType<typeof walkFrames> =>
  walkFrames(bytes, 0, bytes.length, 9, eventCount);

describe('frames', () => {
  test('round trip, at any id and at any place in memory', () => {
    fc.assert(
      fc.property(
        fc.array(someFrame, { minLength: 1, maxLength: 9 }),
        someFirstId,
        someShift,
        (frames, firstId, shift) => {
          const { bytes, offsets } = write(frames, firstId, shift);
          const view = bytes.subarray(0);
          assert.equal(walkFrames(view, shift, bytes.length, firstId, frames.length), undefined);
          let highest = 0n;
          for (const { timestampNs } of frames) {
            if (timestampNs > highest) highest = timestampNs;
          }
          assert.equal(highestTimestampNs(bytes, shift, bytes.length), highest);
          offsets.forEach((offset, index) => {
            const decoded = decodeFrame(bytes, offset);
            const { payloadOffset, payloadBytes } = decoded;
            const payload = bytes.slice(payloadOffset, payloadOffset + payloadBytes);
            assert.deepEqual(payload, frames[index]?.payload);
            assert.equal(decoded.eventId, firstId + index);
            assert.equal(decoded.type, frames[index]?.type);
            assert.equal(decoded.timestampNs, frames[index]?.timestampNs);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  test('bytes in a Buffer of Node, whose slice is no copy, are walked like any others', () => {
    const bytes = new Uint8Array(48);
    const frame = { kind: FrameKind.event, type: 1, timestampNs: 5n, payload: new Uint8Array(20) };
    encodeFrame(bytes, 0, { ...frame, eventId: 7 });
    for (let shift = 0; shift < 8; shift++) {
      const buffer = Buffer.alloc(64, 0xee);
      buffer.set(bytes, shift);
      assert.equal(walkFrames(buffer.subarray(shift, shift + 48), 0, 48, 7, 1), undefined);
    }
  });

  test('the span is the frame rounded up to 8', () => {
    assert.deepEqual([24, 25, 31, 32, 33].map(frameSpan), [24, 32, 32, 32, 40]);
  });

  test('each flipped bit outside of type, timestamp and payload is noticed without a checksum', () => {
    const sound = three();
    const missed = new Set<number>();
    for (let bit = 0; bit < sound.bytes.length * 8; bit++) {
      const bytes = sound.bytes.slice();
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (walk({ ...sound, bytes }) === undefined) missed.add(bit >> 3);
    }
    const open = new Set<number>();
    const { type, timestampNs } = FrameLayout.offset;
    for (const [index, offset] of sound.offsets.entries()) {
      for (const byte of [type, type + 1]) open.add(offset + byte);
      for (let byte = timestampNs; byte < timestampNs + 8; byte++) open.add(offset + byte);
      for (let byte = 0; byte < ([0, 7, 8][index] ?? 0); byte++) {
        open.add(offset + FRAME_HEADER_BYTES + byte);
      }
      // A bit of an event's kind makes it 0, 3 or more; only the last but one may turn `continued`,
      // which is 2, and that is two bits away from 1.
    }
    // A shorter frame is noticed only where it leaves something other than zero: it does here,
    // for the payloads are 0xff.
    assert.deepEqual(
      [...missed].sort((a, b) => a - b),
      [...open].sort((a, b) => a - b),
    );
  });

  test('frames cut at every byte are a defect', () => {
    const { bytes } = three();
    for (let end = 0; end < bytes.length; end++) {
      assert.ok(walkFrames(bytes, 0, end, 9, 3), `cut at ${end}`);
      assert.ok(walkFrames(bytes.subarray(0, end), 0, bytes.length, 9, 3), `cut at ${end}`);
    }
  });

  test('bytes behind the last frame are a defect, be they fewer than a word', () => {
    const { bytes } = three();
    for (let extra = 1; extra <= 8; extra++) {
      const longer = new Uint8Array(bytes.length + extra);
      longer.set(bytes);
      assert.ok(walkFrames(longer, 0, longer.length, 9, 3), `${extra} more`);
    }
  });

  for (const frameBytes of [0, 1, 7, 8, 23, 97, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 8, 2 ** 32 - 1]) {
    test(`a length of ${frameBytes} is refused and nothing is read past the end`, () => {
      const written = three();
      new DataView(written.bytes.buffer).setUint32(0, frameBytes, true);
      assert.match(walk(written)?.message ?? '', new RegExp(`frame of ${frameBytes} bytes`));
    });
  }

  for (const kind of [0, FrameKind.padding, 4, 0x100, 0xffff]) {
    test(`a frame of kind ${kind} is refused on disk`, () => {
      const written = three();
      new DataView(written.bytes.buffer).setUint16(FrameLayout.offset.kind, kind, true);
      assert.match(walk(written)?.message ?? '', new RegExp(`kind ${kind}`));
    });
  }

  test('one frame more or less than announced is refused', () => {
    assert.match(walk(three(), 4)?.message ?? '', /3 frames, 4 expected/);
    assert.match(walk(three(), 2)?.message ?? '', /3 frames, 2 expected/);
  });

  test('an id that skips, repeats or lies beyond 2^53 is refused, and the defect names the place', () => {
    for (const id of [0n, 9n, 11n, 2n ** 32n + 10n, 2n ** 53n, U64_MAX]) {
      const written = three();
      const [, second = 0] = written.offsets;
      const at = second + FrameLayout.offset.eventId;
      new DataView(written.bytes.buffer).setBigUint64(at, id, true);
      assert.deepEqual(walk(written), {
        defect: 'field',
        message: 'event 10: its frame has another id',
        offset: second,
        eventId: 10,
      });
    }
  });

  test('a batch that does not end in the block is refused', () => {
    const written = three();
    const [, , third = 0] = written.offsets;
    const at = third + FrameLayout.offset.kind;
    new DataView(written.bytes.buffer).setUint16(at, FrameKind.continued, true);
    assert.match(walk(written)?.message ?? '', /batch is incomplete/);
  });

  test('bytes of all zero and of all 0xFF are no frames', () => {
    for (const fill of [0, 0xff]) {
      assert.ok(walkFrames(new Uint8Array(64).fill(fill), 0, 64, 1, 1));
    }
  });

  test('frames in shared memory are walked without a copy', () => {
    const { bytes } = three();
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    assert.equal(walkFrames(shared, 0, shared.length, 9, 3), undefined);
  });
});

test('renumbered frames are those that would have been written with the new ids', () => {
  fc.assert(
    fc.property(
      fc.array(someFrame, { minLength: 1, maxLength: 8 }),
      someFirstId,
      someFirstId,
      someShift,
      (frames, oldId, newId, shift) => {
        const { bytes } = write(frames, oldId, shift);
        renumberFrames(bytes, shift, bytes.length, newId);
        assert.deepEqual(bytes, write(frames, newId, shift).bytes);
      },
    ),
  );
});

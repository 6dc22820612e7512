import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import { nodeStorage } from '../storage/node-storage.js';
import { endsAtPin, pinError, pinProblem } from './pin.js';
import { openSegment } from './segment-file.js';
import { SegmentReader } from './segment-reader.js';

/** A walked segment of five events, and the header that follows it. */
function walked(t: TestContext): { reader: SegmentReader; pin: SegmentHeader } {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3).watermark();
  builder.seal().segment().write();
  const [file, successor] = [1, 2].map((index) =>
    openSegment(nodeStorage, builder.pathOf(index), { index }),
  );
  assert.ok(file !== undefined && successor !== undefined);
  t.after(() => {
    for (const each of [file, successor]) nodeStorage.close(each.fd);
  });
  const reader = new SegmentReader(nodeStorage, file);
  while (reader.next());
  return { reader, pin: successor.header };
}

test('a segment ends at its pin when offset, last id and checksum agree, each of them', (t) => {
  const { reader, pin } = walked(t);
  assert.equal(endsAtPin(reader, pin), true);
  assert.equal(endsAtPin(reader, { ...pin, previousEndOffset: pin.previousEndOffset + 8 }), false);
  assert.equal(endsAtPin(reader, { ...pin, previousLastEventId: 6 }), false);
  assert.equal(endsAtPin(reader, { ...pin, previousBlockChecksum: 1n }), false);
});

test('the error names what is lost, or that the end is another one', (t) => {
  const { reader, pin } = walked(t);
  const beyond = { ...pin, previousLastEventId: 8 };
  const { message } = pinError(nodeStorage, reader, beyond);
  assert.match(message, /Events 6 to 8 are lost\./);
  assert.match(message, /flashstrike salvage \S+ --output NEW_FOLDER\.$/);
  const before = { ...pin, previousLastEventId: 2 };
  assert.doesNotMatch(pinError(nodeStorage, reader, before).message, /are lost/);
});

test('events that stand whole behind the damage are not called lost', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3).events(4);
  builder.fileOf(1)[builder.blockOf(1, 1).offset] = 0;
  builder.seal().segment().write();
  const [file, successor] = [1, 2].map((index) =>
    openSegment(nodeStorage, builder.pathOf(index), { index }),
  );
  assert.ok(file !== undefined && successor !== undefined);
  t.after(() => {
    for (const each of [file, successor]) nodeStorage.close(each.fd);
  });
  const reader = new SegmentReader(nodeStorage, file);
  while (reader.next(successor.header.previousEndOffset));
  assert.match(pinError(nodeStorage, reader, successor.header).message, /Events 3 to 5 are lost/);
});

test('a seal that was cut off vouches for nothing, also where it was there a moment before', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3);
  builder.seal().segment().write();
  const path = builder.pathOf(1);
  const look = (): string | undefined => {
    const [file, successor] = [1, 2].map((index) =>
      openSegment(nodeStorage, builder.pathOf(index), { index }),
    );
    assert.ok(file !== undefined && successor !== undefined);
    const problem = pinProblem(nodeStorage, file, successor.header);
    for (const each of [file, successor]) nodeStorage.close(each.fd);
    return problem;
  };
  assert.equal(look(), undefined);
  // The last block that counts is another one, and the file ends right behind it, or in the seal.
  const { offset } = builder.blockOf(1, 1);
  const bytes = builder.fileOf(1).slice();
  bytes.fill(0, offset, offset + 64);
  writeFileSync(path, bytes);
  assert.equal(look(), undefined, 'the seal is there');
  const sealOffset = builder.blockOf(1, 2).offset;
  for (const end of [sealOffset + 63, sealOffset + 1, sealOffset]) {
    truncateSync(path, end);
    assert.match(look() ?? '', /^does not end at offset/);
  }
});

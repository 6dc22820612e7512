import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../test/support/log-builder.js';
import { type FrameForgery, frameOf } from '../../test/support/lz4-frames.js';
import { fc } from '../../test/support/properties.js';
import { isDefect } from '../segment/defect.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import { wholeFrameDefect } from './frame-check.js';
import { FrameReader } from './frame-reader.js';
import { BLOCK_CONTENT_BYTES, blocksOf } from './lz4-frame.js';

const PAGE_BYTES = 4096;

/** Text that packs, with a stretch in it that does not. */
function contentOf(bytes: number): Uint8Array {
  const content = new Uint8Array(bytes);
  let state = 1;
  for (let at = 0; at < bytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    content[at] = at % 300_000 < 200_000 ? (at >> 6) & 0xff : state >>> 24;
  }
  return content;
}

type Cleanup = Parameters<typeof temporaryFolder>[0];

function opened(t: Cleanup, frame: Uint8Array, storage: Storage = nodeStorage) {
  const path = join(temporaryFolder(t), '0000000001.wal.lz4');
  writeFileSync(path, frame);
  const fd = storage.open(path, 'read');
  t.after(() => storage.close(fd));
  return FrameReader.open(storage, fd);
}

function reader(t: Cleanup, frame: Uint8Array, storage?: Storage): FrameReader {
  const opening = opened(t, frame, storage);
  assert.ok(!isDefect(opening), 'the frame can be opened');
  return opening;
}

function readAt(frame: FrameReader, offset: number, bytes: number): Uint8Array {
  const target = new Uint8Array(bytes);
  return target.subarray(0, frame.read(target, offset));
}

const CONTENT = contentOf(PAGE_BYTES + 3 * BLOCK_CONTENT_BYTES + 1000);
const FRAME = frameOf(CONTENT);

/** Where the size of block `index` stands in a sound frame. */
function placeOf(index: number, frame: Uint8Array = FRAME): number {
  const view = new DataView(frame.buffer, frame.byteOffset);
  let place = 15;
  for (let at = 0; at < index; at++) {
    place += 8 + (view.getUint32(place, true) & 0x7fff_ffff);
  }
  return place;
}

function changed(at: number, change: (byte: number) => number): Uint8Array {
  const frame = FRAME.slice();
  frame[at] = change(frame[at] ?? 0);
  return frame;
}

describe('a frame', () => {
  test('is read wherever it is asked for, as its content', (t) => {
    const frame = reader(t, FRAME);
    assert.equal(frame.contentBytes, CONTENT.length);
    const places = fc.integer({ min: 0, max: CONTENT.length + 10 });
    const lengths = fc.integer({ min: 0, max: BLOCK_CONTENT_BYTES + 5000 });
    fc.assert(
      fc.property(places, lengths, (offset, bytes) => {
        const expected = CONTENT.subarray(offset, offset + bytes);
        assert.equal(Buffer.compare(readAt(frame, offset, bytes), expected), 0);
      }),
    );
    assert.equal(wholeFrameDefect(frame), undefined);
  });

  test('of any length is whole', (t) => {
    for (const bytes of [
      PAGE_BYTES,
      PAGE_BYTES + 8,
      PAGE_BYTES + BLOCK_CONTENT_BYTES - 8,
      PAGE_BYTES + BLOCK_CONTENT_BYTES,
      PAGE_BYTES + BLOCK_CONTENT_BYTES + 8,
    ]) {
      const frame = reader(t, frameOf(contentOf(bytes)));
      assert.equal(wholeFrameDefect(frame), undefined, `${bytes}`);
    }
  });

  test('gives its first page for two small reads', (t) => {
    let bytesRead = 0;
    const read = (fd: number, target: Uint8Array, offset: number): number => {
      bytesRead += target.length;
      return nodeStorage.read(fd, target, offset);
    };
    readAt(reader(t, FRAME, { ...nodeStorage, read }), 0, PAGE_BYTES);
    assert.ok(bytesRead < PAGE_BYTES + 100, `${bytesRead} bytes`);
  });

  const hasProgram = spawnSync('lz4', ['--version']).status === 0;
  const skip = hasProgram ? false : 'the program lz4 is not installed';
  test('made for tests is one that the program lz4 gives back', { skip }, (t) => {
    const dir = temporaryFolder(t);
    writeFileSync(join(dir, 'packed'), FRAME);
    execFileSync('lz4', ['-d', '-q', join(dir, 'packed'), join(dir, 'content')]);
    assert.equal(Buffer.compare(readFileSync(join(dir, 'content')), CONTENT), 0);
  });
});

describe('the header of a frame', () => {
  const refused: readonly (readonly [what: string, frame: Uint8Array, defect: string, RegExp])[] = [
    ['nothing', new Uint8Array(0), 'truncated', /0 bytes/],
    ['a part of it', FRAME.subarray(0, 14), 'truncated', /14 bytes/],
    ['zeros', new Uint8Array(100), 'magic', /not an LZ4 frame/],
    ['a flipped bit', changed(9, (byte) => byte ^ 4), 'checksum', /does not match/],
    ['a flipped checksum', changed(14, (byte) => byte ^ 1), 'checksum', /does not match/],
  ];
  for (const [what, frame, defect, message] of refused) {
    test(`is refused: ${what}`, (t) => {
      const opening = opened(t, frame);
      assert.ok(isDefect(opening));
      assert.equal(opening.defect, defect);
      assert.match(opening.message, message);
    });
  }

  const forged: readonly (readonly [forgery: FrameForgery, defect: string, RegExp])[] = [
    [{ magic: 0x184d2a57 }, 'magic', /skippable/],
    [{ magic: 0x184c2102 }, 'magic', /legacy/],
    [{ flg: 0xbc }, 'feature', /version 2/],
    [{ flg: 0x7e }, 'feature', /unknown flag/],
    [{ flg: 0x7d, dictionaryId: 1 }, 'feature', /dictionary/],
    [{ flg: 0x5c }, 'feature', /linked/],
    [{ flg: 0x74 }, 'feature', /content size/],
    [{ flg: 0x6c }, 'feature', /checksums/],
    [{ flg: 0x78 }, 'feature', /checksums/],
    [{ bd: 0x40 }, 'feature', /another size/],
    [{ bd: 0x51 }, 'feature', /another size/],
    [{ contentBytes: 4095n }, 'field', /4095 bytes/],
    [{ contentBytes: 2n ** 30n + 1n }, 'field', /1073741825 bytes/],
    [{ contentBytes: 2n ** 63n }, 'field', /9223372036854775808 bytes/],
    [{ contentBytes: 2n ** 64n - 1n }, 'field', /bytes/],
  ];
  for (const [forgery, defect, message] of forged) {
    test(`is refused with checksums that hold: ${message.source}, ${JSON.stringify(forgery, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`, (t) => {
      const opening = opened(t, frameOf(CONTENT, forgery));
      assert.ok(isDefect(opening));
      assert.equal(opening.defect, defect);
      assert.match(opening.message, message);
    });
  }
});

describe('a damaged block', () => {
  const second = PAGE_BYTES + BLOCK_CONTENT_BYTES;
  const third = second + BLOCK_CONTENT_BYTES;

  /** All but block 2 is as it was, and block 2 is nothing that could be taken for content. */
  function assertOnlyOneLost(frame: FrameReader): void {
    const content = readAt(frame, 0, CONTENT.length);
    assert.equal(content.length, CONTENT.length);
    assert.equal(Buffer.compare(content.subarray(0, second), CONTENT.subarray(0, second)), 0);
    assert.equal(Buffer.compare(content.subarray(third), CONTENT.subarray(third)), 0);
    assert.ok(content.subarray(second, third).every((byte) => byte === 0xee));
    assert.equal(frame.damageIn(0, second), undefined);
    assert.equal(frame.damageIn(third, CONTENT.length), undefined);
  }

  test('with any byte changed costs its own content only', (t) => {
    const place = placeOf(2);
    for (const at of [place + 4, place + 500, placeOf(3) - 4, placeOf(3) - 1]) {
      const frame = reader(
        t,
        changed(at, (byte) => byte ^ 0x10),
      );
      assertOnlyOneLost(frame);
      assert.match(frame.damageIn(second, second + 8)?.message ?? '', /LZ4 block 2, at byte \d+/);
      assert.equal(wholeFrameDefect(frame)?.defect, 'checksum');
      assert.equal(frame.endDefect(), undefined, 'the sizes are sound');
    }
  });

  const zeros = frameOf(new Uint8Array(PAGE_BYTES + 2 * BLOCK_CONTENT_BYTES));
  const packedZeros = zeros.subarray(placeOf(1, zeros) + 4, placeOf(2, zeros) - 4);
  const packed: Readonly<Record<string, Uint8Array>> = {
    'is empty but for a token': Uint8Array.of(0),
    'is no LZ4 block': new Uint8Array(100).fill(0xff),
    'unpacks to less': Uint8Array.of(0x10, 0x61),
    'unpacks to more': bombOf(packedZeros),
    'refers to what is before it': Uint8Array.of(0x1f, 0x61, 0x00, 0x80, 0x00, 0x50, 1, 2, 3, 4, 5),
  };
  for (const [what, block] of Object.entries(packed)) {
    test(`that ${what} costs its own content only`, (t) => {
      assertOnlyOneLost(reader(t, frameOf(CONTENT, { packed: { 2: block } })));
    });
  }

  test('without a size hides all behind it', (t) => {
    for (const word of [0, 0x7fff_ffff, 0x8000_0001, BLOCK_CONTENT_BYTES]) {
      const frame = FRAME.slice();
      new DataView(frame.buffer).setUint32(placeOf(2), word, true);
      const damaged = reader(t, frame);
      const content = readAt(damaged, 0, CONTENT.length);
      assert.equal(Buffer.compare(content.subarray(0, second), CONTENT.subarray(0, second)), 0);
      assert.ok(content.subarray(second).every((byte) => byte === 0xee));
      assert.notEqual(damaged.damageIn(third, third + 1), undefined);
      assert.notEqual(damaged.endDefect(), undefined);
    }
  });

  test('where the file was cut: what is whole before it is read', (t) => {
    for (let index = 1; index < blocksOf(CONTENT.length); index++) {
      for (const bytes of [placeOf(index), placeOf(index) + 2, placeOf(index + 1) - 1]) {
        const frame = reader(t, FRAME.subarray(0, bytes));
        const content = readAt(frame, 0, CONTENT.length);
        const sound = PAGE_BYTES + (index - 1) * BLOCK_CONTENT_BYTES;
        assert.equal(Buffer.compare(content.subarray(0, sound), CONTENT.subarray(0, sound)), 0);
        assert.ok(content.subarray(sound).every((byte) => byte === 0xee));
        assert.equal(wholeFrameDefect(frame)?.defect, 'truncated');
      }
    }
  });
});

/** A block of so many zeros that it stands for more than a block may hold. */
function bombOf(packedZeros: Uint8Array): Uint8Array {
  const longer = Buffer.alloc(packedZeros.length + 2000, 0xff);
  // A match is as long as the bytes of 255 that follow its token and distance: many more of them.
  Buffer.from(packedZeros.subarray(0, 4)).copy(longer);
  Buffer.from(packedZeros.subarray(4)).copy(longer, 2004);
  return longer;
}

describe('the end of a frame', () => {
  const end = FRAME.length;
  const wrong: readonly (readonly [what: string, frame: Uint8Array, RegExp])[] = [
    ['is missing', FRAME.subarray(0, end - 8), /no end/],
    ['is cut', FRAME.subarray(0, end - 1), /no end/],
    ['has a mark that is none', changed(end - 8, () => 1), /goes on/],
    ['is followed by a byte', Buffer.concat([FRAME, Buffer.alloc(1)]), /1 bytes follow/],
    ['is followed by itself', Buffer.concat([FRAME, FRAME]), /bytes follow/],
    ['has another checksum', changed(end - 1, (byte) => byte ^ 1), /checksum of the content/],
  ];
  for (const [what, bytes, message] of wrong) {
    test(`that ${what} is told, and all of the content is read`, (t) => {
      const frame = reader(t, bytes);
      assert.equal(Buffer.compare(readAt(frame, 0, CONTENT.length), CONTENT), 0);
      assert.match(wholeFrameDefect(frame)?.message ?? '', message);
    });
  }
});

test('each flipped bit of a frame is told, or changes nothing', (t) => {
  const content = contentOf(PAGE_BYTES + 600);
  const sound = frameOf(content);
  const path = join(temporaryFolder(t), 'frame');
  for (let bit = 0; bit < sound.length * 8; bit++) {
    const bytes = sound.slice();
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    writeFileSync(path, bytes);
    const fd = nodeStorage.open(path, 'read');
    try {
      const frame = FrameReader.open(nodeStorage, fd);
      if (isDefect(frame)) continue;
      assert.notEqual(wholeFrameDefect(frame), undefined, `bit ${bit}`);
    } finally {
      nodeStorage.close(fd);
    }
  }
});

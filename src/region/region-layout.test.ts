import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { FakeClock } from '../clock/fake-clock.js';
import { heartbeatOf, THREAD_NAMES } from '../telemetry/heartbeats.js';
import { PAGE_BYTES } from '../units.js';
import {
  bootId,
  decodeRegionHeader,
  isKnownBoot,
  planSections,
  RegionHeaderLayout,
  type RegionRequest,
  regionBytes,
  writeRegionHeader,
} from './region-layout.js';

const REQUEST: RegionRequest = {
  logId: 0xfedc_ba98_7654_3210n,
  folder: {
    device: 2n ** 63n + 5n,
    inode: 2n ** 40n + 7n,
    birthNs: 2n ** 60n + 9n,
    path: '/srv/lög',
  },
  telemetryBytes: 5000,
  controlBytes: 1,
  ringBytes: 8192,
};
const BYTES = PAGE_BYTES + 8192 + 4096 + 8192;
const OFFSET = RegionHeaderLayout.offset;

function headerPage(request = REQUEST): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  writeRegionHeader(new Int32Array(page.buffer), request, planSections(request));
  return page;
}

test('a header says whose region it is and where its sections stand', () => {
  const header = decodeRegionHeader(headerPage(), BYTES);
  assert.ok('sections' in header);
  assert.equal(header.layoutVersion, 3);
  assert.equal(header.logId, REQUEST.logId);
  assert.deepEqual(header.folder, REQUEST.folder);
  assert.equal(header.pid, process.pid);
  assert.deepEqual(header.bootId, bootId());
  assert.deepEqual(header.sections, {
    header: { byteOffset: 0, byteLength: 4096 },
    telemetry: { byteOffset: 4096, byteLength: 8192 },
    control: { byteOffset: 12288, byteLength: 4096 },
    ring: { byteOffset: 16384, byteLength: 8192 },
  });
  assert.equal(regionBytes(header.sections), BYTES);
});

test('the layout version is the last word of the header to be stored', () => {
  const words = new Int32Array(PAGE_BYTES / 4);
  const page = new Uint8Array(words.buffer);
  const original = Atomics.store;
  let before: Uint8Array | undefined;
  Atomics.store = ((array: Int32Array, index: number, value: number) => {
    before = page.slice();
    return original(array, index, value);
  }) as typeof Atomics.store;
  try {
    writeRegionHeader(words, REQUEST, planSections(REQUEST));
  } finally {
    Atomics.store = original;
  }
  assert.ok(before !== undefined);
  assert.deepEqual(decodeRegionHeader(before, BYTES), {
    status: 'damaged',
    reason: 'it was never finished.',
  });
  const changed = [...page.keys()].filter((at) => page[at] !== before?.[at]);
  assert.deepEqual(changed, [OFFSET.layoutVersion]);
});

test('without its magic a page is no header', () => {
  for (let at = 0; at < 8; at++) {
    const page = headerPage();
    page[at] = (page[at] ?? 0) ^ 1;
    const found = decodeRegionHeader(page, BYTES);
    assert.ok('status' in found && found.status === 'damaged', `byte ${at}`);
  }
});

test('a newer layout is unsupported, and named', () => {
  const page = headerPage();
  page[OFFSET.layoutVersion] = 9;
  const found = decodeRegionHeader(page, BYTES);
  assert.ok('status' in found);
  assert.equal(found.status, 'unsupported');
  assert.match(found.reason, /layout version is 9/);
});

test('a file longer or shorter than its sections is damaged', () => {
  for (const bytes of [0, PAGE_BYTES, BYTES - 1, BYTES + 1, 2 ** 40]) {
    const found = decodeRegionHeader(headerPage(), bytes);
    assert.ok('status' in found && found.status === 'damaged', `${bytes} bytes`);
  }
  assert.ok('status' in decodeRegionHeader(headerPage().subarray(0, 4095), BYTES));
});

test('a bit in any spare byte of the header is damage', () => {
  const spare = RegionHeaderLayout.fields.filter(({ name }) => name.startsWith('spare'));
  assert.equal(spare.length, 3);
  for (const { offset, size } of spare) {
    for (const at of [offset, offset + size - 1]) {
      const page = headerPage();
      page[at] = 0x80;
      assert.ok('status' in decodeRegionHeader(page, BYTES), `byte ${at}`);
    }
  }
});

test('whatever bytes a header holds, sections that it gives lie in the file', () => {
  const start = OFFSET.telemetryOffset;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(5), fc.oneof(fc.nat(10), fc.nat(2 ** 20)), fc.boolean()), {
        maxLength: 6,
      }),
      fc.uint8Array({ maxLength: 8 }),
      fc.nat(127),
      (numbers, noise, noiseAt) => {
        const page = headerPage();
        const view = new DataView(page.buffer);
        for (const [field, pages, odd] of numbers) {
          view.setUint32(start + field * 4, (pages * PAGE_BYTES + (odd ? 8 : 0)) >>> 0, true);
        }
        page.set(noise, noiseAt);
        const found = decodeRegionHeader(page, BYTES);
        if (!('sections' in found)) return;
        let end = 0;
        for (const { byteOffset, byteLength } of Object.values(found.sections)) {
          assert.equal(byteOffset, end);
          end += byteLength;
        }
        assert.equal(end, BYTES);
        assert.ok(Number.isInteger(Math.log2(found.sections.ring.byteLength)));
      },
    ),
    { numRuns: 2000 },
  );
});

test('a region that the next open would refuse is not planned', () => {
  for (const ringBytes of [0, 100, 2048, 12288, 2 ** 31]) {
    assert.throws(() => planSections({ ...REQUEST, ringBytes }), /ring/, `${ringBytes}`);
  }
  assert.throws(() => planSections({ ...REQUEST, controlBytes: 0 }), /empty/);
  assert.throws(() => planSections({ ...REQUEST, telemetryBytes: 0 }), /empty/);
});

test('beats leave a header as valid as it was', () => {
  const page = headerPage();
  const region = { words: new Int32Array(page.buffer) };
  for (const thread of THREAD_NAMES) heartbeatOf(region, thread, new FakeClock())();
  assert.ok('sections' in decodeRegionHeader(page, BYTES));
});

test('the boot is known on Linux and the same at each look', (t) => {
  if (process.platform !== 'linux') return t.skip('only Linux tells a boot id');
  assert.ok(isKnownBoot(bootId()));
  assert.deepEqual(bootId(), bootId());
  assert.equal(isKnownBoot(new Uint8Array(16)), false);
});

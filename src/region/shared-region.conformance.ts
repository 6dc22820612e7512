// What every adapter of the shared region must do. A new adapter runs this suite and adds tests
// only for what it alone promises.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { FakeClock } from '../clock/fake-clock.js';
import { addressOf } from '../memory/libc.js';
import { heartbeatOf, readThreads } from '../telemetry/heartbeats.js';
import { NS_PER_MS, PAGE_BYTES } from '../units.js';
import { adoptRegion, attachRegion } from './region-factories.js';
import {
  bootId,
  decodeRegionHeader,
  type RegionRequest,
  type SectionName,
} from './region-layout.js';
import { type ThreadRequest, wordsOf } from './region-thread.conformance.js';
import type { SharedRegion } from './shared-region.js';

const SECTIONS: readonly SectionName[] = ['header', 'telemetry', 'control', 'ring'];

export const CONFORMANCE_REQUEST: RegionRequest = {
  logId: 0x0123_4567_89ab_cdefn,
  folder: { device: 7n, inode: 2n ** 40n, birthNs: 2n ** 60n, path: '/var/log/ä' },
  telemetryBytes: 10_000,
  controlBytes: 640,
  ringBytes: 64 * 1024,
};

/** A second thread that has attached to `region`; ended when the test ends. */
async function attachThread(t: TestContext, region: SharedRegion) {
  const worker = new Worker(new URL('./region-thread.conformance.js', import.meta.url), {
    trackUnmanagedFds: false,
    execArgv: [],
  });
  t.after(() => worker.terminate());
  const ask = async (request: ThreadRequest): Promise<unknown> => {
    worker.postMessage(request);
    const [answer] = await once(worker, 'message');
    return answer;
  };
  assert.equal(await ask({ kind: 'attach', handle: region.handle }), region.adapter);
  return ask;
}

/**
 * @param create makes a region for the test, which releases it
 * @param unavailable why the adapter cannot run on this machine
 */
export function regionConformance(
  name: string,
  create: (t: TestContext, request: RegionRequest) => SharedRegion,
  unavailable?: string,
): void {
  const options = unavailable === undefined ? {} : { skip: unavailable };
  /** A region that is given back whatever the test did. */
  const open = (t: TestContext): SharedRegion => {
    const region = create(t, CONFORMANCE_REQUEST);
    t.after(() => region.release({ remove: true }));
    return region;
  };

  describe(`shared region, ${name}`, options, () => {
    test('sections begin on pages of memory, follow each other, and hold what was asked', (t) => {
      const region = open(t);
      const address = addressOf(region.bytes);
      if (address === undefined) t.diagnostic('no koffi here: the address was not checked');
      else assert.equal(address % BigInt(PAGE_BYTES), 0n);
      const [header, telemetry, control, ring] = SECTIONS.map((section) => region.section(section));
      assert.ok(header && telemetry && control && ring);
      assert.equal(header.byteOffset, region.byteOffset);
      for (const { byteOffset } of [telemetry, control, ring]) {
        assert.equal((byteOffset - region.byteOffset) % PAGE_BYTES, 0);
      }
      assert.equal(header.byteLength, PAGE_BYTES);
      assert.ok(telemetry.byteLength >= CONFORMANCE_REQUEST.telemetryBytes);
      assert.ok(control.byteLength >= CONFORMANCE_REQUEST.controlBytes);
      assert.equal(ring.byteLength, CONFORMANCE_REQUEST.ringBytes);
      assert.equal(telemetry.byteOffset, header.byteOffset + header.byteLength);
      assert.equal(control.byteOffset, telemetry.byteOffset + telemetry.byteLength);
      assert.equal(ring.byteOffset, control.byteOffset + control.byteLength);
      assert.equal(ring.byteOffset + ring.byteLength, region.byteOffset + region.byteLength);
    });

    test('a new region is zero behind its header, and the header says whose it is', (t) => {
      const region = open(t);
      const header = decodeRegionHeader(region.bytes.slice(0, PAGE_BYTES), region.byteLength);
      assert.ok('sections' in header);
      const { logId, folder } = CONFORMANCE_REQUEST;
      assert.deepEqual([header.logId, header.folder, header.pid], [logId, folder, process.pid]);
      assert.deepEqual(header.bootId, bootId());
      for (const section of SECTIONS.slice(1)) {
        assert.ok(wordsOf(region, section).every((word) => word === 0));
      }
    });

    test('words, bytes and views over a section are the same memory', (t) => {
      const region = open(t);
      const ringAt = region.section('ring').byteOffset - region.byteOffset;
      assert.equal(region.words.byteLength, ringAt);
      assert.equal(region.bytes.byteLength, ringAt);
      for (const section of ['telemetry', 'control'] as const) {
        const { byteOffset, byteLength } = region.section(section);
        const view = new Uint8Array(region.buffer, byteOffset, byteLength);
        region.words[(byteOffset - region.byteOffset) / 4] = 0x0403_0201;
        assert.deepEqual([...view.subarray(0, 4)], [1, 2, 3, 4]);
        view[byteLength - 1] = 0xee;
        assert.equal(region.bytes[byteOffset - region.byteOffset + byteLength - 1], 0xee);
      }
    });

    test('a view over a little of the ring and one over all of it are the same memory', (t) => {
      const region = open(t);
      const { byteLength } = region.section('ring');
      const little = region.ring(4096);
      little[7] = 77;
      const all = region.ring(byteLength);
      assert.ok(little.length >= 4096 && all.length === byteLength);
      assert.equal(all[7], 77);
      all[8] = 78;
      assert.equal(little[8], 78);
      if (addressOf(all) !== undefined) assert.equal(addressOf(all), addressOf(little));
    });

    test('a ring is extended, and what stands in it stays', (t) => {
      const region = create(t, { ...CONFORMANCE_REQUEST, ringBytes: 1024 * 1024 });
      const { byteLength } = region.section('ring');
      const ring = region.ring(byteLength);
      const { firstRingBytes } = region.handle;
      assert.ok(firstRingBytes >= 4096 && firstRingBytes <= byteLength);
      ring.fill(1, 0, firstRingBytes);
      region.extendRing(byteLength / 2, firstRingBytes);
      region.extendRing(byteLength);
      region.extendRing(byteLength / 2);
      assert.ok(ring.subarray(0, firstRingBytes).every((byte) => byte === 1));
      assert.ok(ring.subarray(firstRingBytes).every((byte) => byte === 0));
      region.release({ remove: true });
    });

    test('another thread attaches by the handle; each sees what the other writes', async (t) => {
      const region = open(t);
      const ask = await attachThread(t, region);
      for (const [at, section] of SECTIONS.slice(1).entries()) {
        Atomics.store(wordsOf(region, section), 0, 100 + at);
        assert.equal(await ask({ kind: 'read', section }), 100 + at);
        await ask({ kind: 'write', section, value: 200 + at });
        assert.equal(Atomics.load(wordsOf(region, section), 0), 200 + at);
      }
    });

    test('a release by a thread that only attached has no effect', async (t) => {
      const region = open(t);
      const ask = await attachThread(t, region);
      assert.equal(await ask({ kind: 'release' }), 'kept');
      await ask({ kind: 'write', section: 'ring', value: 5 });
      assert.equal(Atomics.load(wordsOf(region, 'ring'), 0), 5);
    });

    test('after its release a region shows no memory: what is read there is nothing', (t) => {
      const region = open(t);
      region.bytes.fill(0xff, PAGE_BYTES);
      region.release({ remove: true });
      assert.deepEqual([region.words.length, region.bytes.length], [0, 0]);
      assert.equal(region.words[0], undefined);
      assert.throws(() => Atomics.load(region.words, 0), RangeError);
    });

    test('release is idempotent, and sections can still be asked for', (t) => {
      const region = open(t);
      const before = SECTIONS.map((section) => region.section(section));
      assert.notEqual(region.release({ remove: true }), 'kept');
      assert.equal(region.release({ remove: true }), 'kept');
      assert.deepEqual(
        SECTIONS.map((section) => region.section(section)),
        before,
      );
    });

    test('a thread that adopts the region is the one that releases it', (t) => {
      const created = create(t, CONFORMANCE_REQUEST);
      const adopted = adoptRegion(structuredClone(created.handle));
      wordsOf(created, 'ring')[0] = 9;
      assert.equal(wordsOf(adopted, 'ring')[0], 9);
      // The first views are over the same memory, and must not be used behind this.
      assert.notEqual(adopted.release({ remove: true }), 'kept');
      assert.equal(adopted.words.length, 0);
    });

    test('the handle is plain data, and leads to the same sections', (t) => {
      const region = open(t);
      const attached = attachRegion(structuredClone(region.handle));
      assert.equal(attached.path, region.path);
      assert.equal(attached.byteLength, region.byteLength);
      for (const section of SECTIONS) {
        assert.deepEqual(attached.section(section), region.section(section));
      }
    });

    test('a heartbeat is seen by every thread', (t) => {
      const region = open(t);
      const attached = attachRegion(region.handle);
      const clock = new FakeClock(1234 * NS_PER_MS);
      const beat = heartbeatOf(region, 'housekeeping', clock);
      beat();
      clock.advanceNs(16 * NS_PER_MS);
      beat();
      clock.advanceNs(5 * NS_PER_MS);
      const { housekeeping, preparer } = readThreads(attached.words, clock.nowNs());
      assert.deepEqual(housekeeping, { beats: 2, ageNs: 5 * NS_PER_MS });
      assert.deepEqual(preparer, { beats: 0, ageNs: undefined });
    });
  });
}

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asSegment, Bench } from '../../../test/support/writer-bench.js';
import { BLOCK_HEADER_BYTES } from '../../segment/block-header.js';

const FIRST_BLOCK = 'write 0000000001.wal@4096';
const SYNC = 'sync 0000000001.wal';

/** A step of a writer whose thread serves other logs as well. */
function sharedStep(bench: Bench): string[] {
  const told = bench.storage.calls.length;
  bench.writer.step(true);
  return asSegment(bench.story(told));
}

describe('a writer whose thread serves other logs as well', () => {
  test('leaves the disk to its work while they have their steps, and syncs then', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.requestDurable(1);
    const begun: (readonly [offset: number, bytes: number])[] = [];
    bench.disk.startWriteback = (_fd, offset, bytes) => void begun.push([offset, bytes]);
    assert.deepEqual(sharedStep(bench), [FIRST_BLOCK]);
    assert.deepEqual(begun, [[4096, BLOCK_HEADER_BYTES + 40]]);
    assert.deepEqual([bench.written, bench.durable], [1, 0], 'written, and no more than that');
    assert.deepEqual(sharedStep(bench), [SYNC]);
    assert.equal(bench.durable, 1);
  });

  test('syncs what was on its way, and what came meanwhile with the next', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.requestDurable(1);
    sharedStep(bench);
    bench.append();
    bench.signals.requestDurable(2);
    sharedStep(bench);
    assert.deepEqual([bench.written, bench.durable], [1, 1]);
    const at = 4096 + BLOCK_HEADER_BYTES + 40;
    assert.equal(sharedStep(bench)[0], `write 0000000001.wal@${at}`);
    sharedStep(bench);
    assert.deepEqual([bench.written, bench.durable], [2, 2]);
  });

  test('syncs behind the write where it has the thread to itself', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.requestDurable(1);
    assert.deepEqual(asSegment(bench.step()), [FIRST_BLOCK, SYNC]);
  });

  test('fails for good when that sync does', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.requestDurable(1);
    sharedStep(bench);
    bench.storage.fail({ code: 'EIO', times: 1 });
    sharedStep(bench);
    assert.ok(bench.writer.hasFailed);
    assert.equal(bench.durable, 0);
  });
});

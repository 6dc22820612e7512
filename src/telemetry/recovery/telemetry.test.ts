import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../clock/fake-clock.js';
import { FakeCollector } from '../../metrics/fake-collector.js';
import { Manager, ManagerUpdater } from './manager-metrics.js';
import { SegmentReader, SegmentReaderUpdater } from './segment-reader-metrics.js';
import { Telemetry } from './telemetry.js';
import { SegmentPreloader, SegmentPreloaderUpdater } from './worker/segment-preloader-metrics.js';

/** Begins now, ends so much later. */
function lasting(clock: FakeClock, ns: number): number {
  const startNs = clock.nowNs();
  clock.advanceNs(ns);
  return startNs;
}

describe('recovery telemetry', () => {
  it('exports these names', () => {
    const collector = new FakeCollector();
    new Telemetry().collect('p', collector);
    const longest = (name: string): string => `gauge ${name}_max_seconds`;
    const duration = (name: string): string[] => [`summary ${name}_seconds`, longest(name)];
    const operation = (name: string): string[] => [
      ...duration(name),
      `counter ${name}_failures_total`,
    ];
    assert.deepEqual(
      collector.lines.map(({ kind, name, labels }) => `${labels}${kind} ${name}`),
      [
        ...operation('p_segment_reader_open_segment'),
        ...operation('p_segment_reader_close_segment'),
        ...operation('p_segment_reader_verify_segment'),
        ...operation('p_segment_reader_build_index'),
        ...duration('p_segment_reader_seek_event'),
        'counter p_segment_reader_header_checksum_failures_total',
        'counter p_segment_reader_block_checksum_failures_total',
        'counter p_segment_reader_chained_checksum_failures_total',
        'counter p_segment_reader_validation_failures_total',
        ...operation('p_segment_reader_read_chunk'),
        'counter p_segment_reader_read_bytes_total',
        'counter p_segment_reader_verified_blocks_total',
        'counter p_segment_reader_verified_bytes_total',
        'counter p_segment_reader_verified_events_total',
        ...operation('p_manager_read_segment_header'),
        ...operation('p_manager_resume_from_event'),
        ...duration('p_manager_seek_event'),
        longest('p_manager_next_event'),
        'histogram p_manager_next_event_seconds',
        // An open that fails leaves no telemetry.
        ...duration('p_manager_recover_log'),
        ...duration('p_manager_judge_tail'),
        ...duration('p_manager_rewrite_prefix'),
        'counter p_manager_rewritten_bytes_total',
        'counter p_clock_steps_total',
        'counter p_dropped_samples_total',
      ],
    );
  });

  it('each struct stands on lines of its own', () => {
    for (const { layout } of [SegmentReader, SegmentPreloader, Manager]) {
      assert.equal(layout.align, 64);
      assert.equal(layout.size % 64, 0);
      for (const offset of Object.values(layout.offset)) assert.equal(offset % 64, 0);
    }
  });

  it("each call of the reader's updater moves its own metric and no other", () => {
    const clock = new FakeClock();
    const metrics = new SegmentReader();
    const updater = new SegmentReaderUpdater(metrics, clock);
    updater.onOpenSegment(lasting(clock, 1), true);
    updater.onCloseSegment(lasting(clock, 2), true);
    updater.onVerifySegment(lasting(clock, 3), false);
    updater.onBuildIndex(lasting(clock, 4), true);
    updater.onSeekEvent(lasting(clock, 5));
    updater.onReadChunk(lasting(clock, 6), true, 4096);
    updater.onVerifyBlock(192, 3);
    updater.onVerifyBlock(64, 0);
    const { openSegment, closeSegment, verifySegment, buildIndex, seekEvent, readChunk } = metrics;
    const operations = [openSegment, closeSegment, verifySegment, buildIndex, readChunk];
    assert.deepEqual(
      operations.map(({ samples, totalNs, failures }) => [samples, totalNs, failures]),
      [
        [1, 1, 0],
        [1, 2, 0],
        [1, 3, 1],
        [1, 4, 0],
        [1, 6, 0],
      ],
    );
    assert.equal(seekEvent.totalNs, 5);
    assert.equal(metrics.readBytes, 4096);
    const { verifiedBlocks, verifiedBytes, verifiedEvents } = metrics;
    assert.deepEqual([verifiedBlocks, verifiedBytes, verifiedEvents], [2, 256, 3]);
  });

  it('a failure of each kind is counted where it belongs', () => {
    const metrics = new SegmentReader();
    const updater = new SegmentReaderUpdater(metrics, new FakeClock());
    const kinds = ['header', 'block', 'chain', 'validation'] as const;
    for (const [times, kind] of kinds.entries()) {
      for (let time = 0; time <= times; time++) updater.onIntegrityFailure(kind);
    }
    assert.equal(metrics.totalHeaderChecksumFailures, 1);
    assert.equal(metrics.totalBlockChecksumFailures, 2);
    assert.equal(metrics.totalChainedChecksumFailures, 3);
    assert.equal(metrics.totalValidationFailures, 4);
  });

  it("each call of the preloader's updater moves its own metric", () => {
    const clock = new FakeClock();
    const metrics = new SegmentPreloader();
    const updater = new SegmentPreloaderUpdater(metrics, clock);
    updater.onPreloadSegment(lasting(clock, 7), true);
    updater.onFinishSegment(lasting(clock, 8), false);
    assert.equal(metrics.preloadSegment.totalNs, 7);
    assert.equal(metrics.preloadSegment.successes, 1);
    assert.equal(metrics.finishSegment.totalNs, 8);
    assert.equal(metrics.finishSegment.failures, 1);
  });

  it("each call of the manager's updater moves its own metric and no other", () => {
    const clock = new FakeClock();
    const metrics = new Manager();
    const updater = new ManagerUpdater(metrics, clock);
    updater.onReadSegmentHeader(lasting(clock, 1), true);
    updater.onResumeFromEvent(lasting(clock, 2), false);
    updater.onSeekEvent(lasting(clock, 3));
    updater.onRecoverLog(lasting(clock, 4), true);
    updater.onJudgeTail(lasting(clock, 5));
    updater.onRewritePrefix(lasting(clock, 6), true, 100);
    updater.onRewritePrefix(lasting(clock, 6), false, 100);
    assert.equal(metrics.readSegmentHeader.totalNs, 1);
    assert.equal(metrics.resumeFromEvent.totalNs, 2);
    assert.equal(metrics.resumeFromEvent.failures, 1);
    assert.equal(metrics.seekEvent.totalNs, 3);
    assert.equal(metrics.recoverLog.totalNs, 4);
    assert.equal(metrics.judgeTail.totalNs, 5);
    assert.equal(metrics.rewritePrefix.totalNs, 12);
    assert.equal(metrics.rewritePrefix.failures, 1);
    assert.equal(metrics.rewrittenBytes, 100);
    assert.equal(metrics.nextEvent.samples, 0);
  });

  it('nextEvent and its histogram belong together in every copy', () => {
    const clock = new FakeClock();
    const metrics = new Manager();
    const updater = new ManagerUpdater(metrics, clock);
    const copy = new Manager();
    let totalNs = 0;
    for (let step = 1; step <= 700; step++) {
      updater.onNextEvent(lasting(clock, step));
      totalNs += step;
      metrics.copyTo(copy);
      assert.equal(copy.nextEvent.samples, step);
      assert.equal(copy.nextEventHistogram.count, step);
      assert.equal(copy.nextEvent.totalNs, totalNs);
      assert.equal(copy.nextEventHistogram.total, totalNs);
    }
  });

  it('updaters are frozen, and have no second state', () => {
    const updaters = [
      new SegmentReaderUpdater(new SegmentReader()),
      new SegmentPreloaderUpdater(new SegmentPreloader()),
      new ManagerUpdater(new Manager()),
    ];
    for (const updater of updaters) {
      assert.ok(Object.isFrozen(updater));
      assert.deepEqual(Object.keys(updater), []);
    }
  });
});

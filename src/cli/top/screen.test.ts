import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { recovery as recoveryTelemetry } from '../../telemetry.js';
import { Terminal } from '../terminal.js';
import { FakeLog } from './fake-look.js';
import type { Look } from './look.js';
import { renderPanel, renderScreen } from './screen.js';
import { textWidth } from './text-line.js';

const SMALL = { columns: 80, rows: 24 };
const EVERYTHING = { columns: 80, rows: Number.POSITIVE_INFINITY };

/** Two looks a second apart, with load before and between them. */
function twoLooks(changes: Partial<Look> = {}) {
  const log = new FakeLog();
  log.recordSecond();
  const before = log.look(changes);
  log.recordSecond();
  return { log, before, now: log.look(changes) };
}

const rowOf = (lines: readonly string[], label: string): string =>
  lines.find((line) => line.startsWith(label)) ?? assert.fail(`no row ${label}`);

describe('a screen of top', () => {
  it('shows a log under load on 80 columns and 24 rows', () => {
    const { before, now } = twoLooks();
    assert.deepEqual(renderScreen(before, now, { ...SMALL, footer: 'q quits' }), [
      'flashstrike top  ./orders                                          running, open',
      'process 4242   up 1 min 3 s   flashstrike 0.1.0   node 20.19.0   last 1.0 s',
      '',
      'throughput  1.23 M/s events   78.6 MB/s   300/s blocks   100/s syncs',
      'events      appended up to 1,234,567, written 1,234,567, durable 1,234,567',
      'behind      nothing: every event that was appended is durable',
      'commits     events p50 12,799, p99 12,799   watermarks 2',
      'ring        █████░░░░░░░░░░░░░░░ 25 % of 16.8 MB, most 30 %   no stalls',
      'segments    4 prepared, lowest 2   ready 2   waited 0   failed 0   hurried 0',
      'rotations   2 of 3.96 ms: seal 0.1 sync 2.1 header 1.1 name 0.0 dir 0.6',
      'threads     writer 3 ms ago, preparer 3 ms ago, housekeeping 612 ms ago',
      'recovery    none: the log was new',
      '',
      'latency          timed     p50     p99   p99.9     max   worst  10n 1µ  .1m 10m',
      'append 1/64   1.00 k/s   91 ns   91 ns 14.0 µs 14.0 µs 14.0 µs   █    ▁',
      'ring stall         0/s       -       -       -       -       -',
      'write block      300/s  200 µs  200 µs  200 µs  200 µs  200 µs          █',
      'sync             100/s 1.25 ms 9.00 ms 9.00 ms 9.00 ms 9.00 ms            █▁',
      'durable lag      100/s 2.40 ms 2.40 ms 2.40 ms 2.40 ms 2.40 ms            █',
      'durable wait      20/s 1.50 ms 1.50 ms 1.50 ms 1.50 ms 1.50 ms            █',
      'next segment       1/s  400 ns  400 ns  400 ns  400 ns  400 ns     █',
      '',
      '',
      'q quits',
    ]);
  });

  it('has no rates at the first look, and says that all is since the log was opened', () => {
    const { now } = twoLooks();
    const lines = renderScreen(undefined, now, SMALL);
    assert.match(lines[1] ?? '', / since it opened$/);
    assert.equal(rowOf(lines, 'throughput'), 'throughput  - events   -   - blocks   - syncs');
    assert.match(rowOf(lines, 'since open'), /timed +p50/);
    assert.match(rowOf(lines, 'append'), /^append 1\/64 +2,010 /);
  });

  it('shows the interval alone where something was timed in it, else all since the opening', () => {
    const log = new FakeLog();
    log.took(8e6, (startNs) => log.writer.onSync(startNs), 100);
    log.took(90e6, (startNs) => log.taker.onGetNextSegment(startNs, 'waited'));
    const before = log.look();
    log.took(2e6, (startNs) => log.writer.onSync(startNs), 10);
    const now = log.look();
    const lines = renderScreen(before, now, SMALL);
    assert.match(rowOf(lines, 'sync '), /10\/s 2\.0\d ms 2\.0\d ms 2\.0\d ms 2\.0\d ms 8\.00 ms/);
    assert.match(
      rowOf(lines, 'next segment'),
      / 0\/s 90\.0 ms 90\.0 ms 90\.0 ms 90\.0 ms 90\.0 ms/,
    );
    const all = renderScreen(before, now, { ...SMALL, since: 'opening' });
    assert.match(rowOf(all, 'since open'), /timed/);
    assert.match(rowOf(all, 'sync '), / 110 8\.00 ms 8\.00 ms/);
  });

  it('compares nothing across two openings', () => {
    const { before, now } = twoLooks();
    const lines = renderScreen({ ...before, path: '/dev/shm/another' }, now, SMALL);
    assert.match(rowOf(lines, 'throughput'), /- events/);
  });

  it('never is wider or higher than the terminal', () => {
    const { log, before } = twoLooks({
      directory: `./${'長い名前'.repeat(30)}`,
      threads: {
        writer: { beats: 1, ageNs: 7e12 },
        preparer: { beats: 1, ageNs: 7e12 },
        housekeeping: { beats: 0, ageNs: undefined },
        application: { beats: 1, ageNs: 7e12 },
      },
      writtenEventId: Number.MAX_SAFE_INTEGER,
      state: 'failed',
    });
    log.took(3e9, (startNs) => log.manager.onRingStall(startNs), 7);
    const now = log.look({
      ...before,
      takenAtNs: before.takenAtNs + 1e9,
      recorder: log.look().recorder,
    });
    for (const columns of [1, 20, 62, 79, 80, 81, 132, 250]) {
      for (const rows of [1, 2, 10, 20, 21, 22, 23, 24, 25, 40, 60]) {
        const lines = renderScreen(before, now, { columns, rows, footer: 'q quits' });
        assert.ok(lines.length <= rows, `${lines.length} lines in ${rows} rows`);
        for (const line of lines) assert.ok(textWidth(line) <= columns, `${columns}: ${line}`);
      }
    }
  });

  it('shows more where there is more room, and never half a table', () => {
    const { before, now } = twoLooks();
    const small = renderScreen(before, now, { columns: 80, rows: 30, footer: 'q' });
    assert.equal(small.length, 30);
    assert.ok(!small.some((line) => line.startsWith('plan a block')));
    const large = renderScreen(before, now, { columns: 80, rows: 50, footer: 'q' });
    assert.match(rowOf(large, 'prepare a segment'), /^prepare a segment +0 +- +- +- +-$/);
    assert.match(rowOf(large, 'rotate'), /^rotate +2 +3\.96 ms +3\.96 ms +3\.96 ms +7\.92 ms$/);
    assert.equal(large.at(-1), 'q');
    const all = renderScreen(before, now, EVERYTHING);
    assert.deepEqual(large.slice(0, all.length), all);
  });

  it('has a finer picture of latencies on a wider terminal', () => {
    const { before, now } = twoLooks();
    const wide = renderScreen(before, now, { columns: 130, rows: 24 });
    assert.match(rowOf(wide, 'latency'), /10n {13}1µ {14}\.1m {13}10m$/);
    assert.match(rowOf(wide, 'sync '), / {20,}█ +▁$/);
  });

  it('says how long the oldest event has waited to be durable', () => {
    const log = new FakeLog();
    log.writer.setUnsynced(789, 100_000, 1, 1);
    const look = log.look({ appendedEventId: 6789, writtenEventId: 789, durableEventId: 0 });
    assert.match(
      rowOf(renderScreen(undefined, look, SMALL), 'behind'),
      /^behind {6}6,789 events, 4\.29 MB not durable, the oldest for \d+ (s|min|h)$/,
    );
  });

  it('tells what the open found', () => {
    const log = new FakeLog();
    log.took(12e6, (startNs) => log.writer.onOpenExistingSegment(startNs, true));
    const rowNow = (): string => rowOf(renderScreen(undefined, log.look(), SMALL), 'recovery');
    assert.equal(rowNow(), 'recovery    clean: end found in 12.0 ms');
    log.writer.onIntegrityFailure('block');
    const { recovery } = log.look();
    const updater = new recoveryTelemetry.ManagerUpdater(recovery.manager);
    updater.onRewritePrefix(0, true, 12_300);
    assert.equal(
      rowOf(renderScreen(undefined, log.look({ recovery }), SMALL), 'recovery'),
      'recovery    torn tail, set aside: end found in 12.0 ms, 12.3 kB written again',
    );
  });

  it('makes the names that it shows harmless', () => {
    const build = { version: '\u001b[2J', node: '\u202e20' };
    const { before, now } = twoLooks({ directory: 'a\u001b]0;owned\u0007\nb', build });
    const reason = 'gone\u001b[31m';
    const lines = renderScreen(before, { ...now, status: 'gone' }, { ...EVERYTHING, reason });
    for (const line of lines) assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
    assert.match(lines[0] ?? '', /a\\u\{1b\}\]0;owned\\u\{7\}\\u\{a\}b/);
  });

  it('is the same in colour', () => {
    const { before, now } = twoLooks({ status: 'dead' });
    const painters = new Terminal({ write: () => true, isTTY: true }, { TERM: 'xterm' });
    const painted = renderScreen(before, now, { ...SMALL, painters });
    assert.ok(
      painted.some((line) => line.includes('\u001b[31m')),
      'nothing is red',
    );
    assert.deepEqual(painted.map(stripVTControlCharacters), renderScreen(before, now, SMALL));
  });
});

describe('a panel', () => {
  it('is the screen without its details, and without what was never timed', () => {
    const { before, now } = twoLooks();
    assert.deepEqual(renderPanel(before, now, { columns: 80 }), [
      'flashstrike top  ./orders                                          running, open',
      'process 4242   up 1 min 3 s   flashstrike 0.1.0   node 20.19.0   last 1.0 s',
      '',
      'throughput  1.23 M/s events   78.6 MB/s   300/s blocks   100/s syncs',
      'events      appended up to 1,234,567, written 1,234,567, durable 1,234,567',
      'behind      nothing: every event that was appended is durable',
      'ring        █████░░░░░░░░░░░░░░░ 25 % of 16.8 MB, most 30 %   no stalls',
      'segments    4 prepared, lowest 2   ready 2   waited 0   failed 0   hurried 0',
      '',
      'latency          timed     p50     p99   p99.9     max   worst  10n 1µ  .1m 10m',
      'append 1/64   1.00 k/s   91 ns   91 ns 14.0 µs 14.0 µs 14.0 µs   █    ▁',
      'write block      300/s  200 µs  200 µs  200 µs  200 µs  200 µs          █',
      'sync             100/s 1.25 ms 9.00 ms 9.00 ms 9.00 ms 9.00 ms            █▁',
      'durable lag      100/s 2.40 ms 2.40 ms 2.40 ms 2.40 ms 2.40 ms            █',
      'durable wait      20/s 1.50 ms 1.50 ms 1.50 ms 1.50 ms 1.50 ms            █',
      'next segment       1/s  400 ns  400 ns  400 ns  400 ns  400 ns     █',
    ]);
  });

  it('of a killed log says so within 80 columns, and has no throughput', () => {
    const { now } = twoLooks({ status: 'dead', pid: 4_194_304 });
    const lines = renderPanel(undefined, now, { columns: 80 });
    assert.match(lines[0] ?? '', / dead, open$/);
    assert.equal(
      lines[2],
      '! process 4194304 ended without closing; its ring has 4.19 MB for the next open',
    );
    assert.ok(!lines.some((line) => line.startsWith('throughput')));
    assert.match(rowOf(lines, 'since open'), /timed +p50/);
  });

  it('tells all that is wrong, and never is wider than the terminal', () => {
    const { log, before } = twoLooks();
    log.took(3e9, (startNs) => log.manager.onRingStall(startNs), 7);
    log.took(200e6, (startNs) => log.writer.onSync(startNs));
    const now = log.look();
    const troubles = renderPanel(before, now, { columns: 80 }).filter((line) => /^! /.test(line));
    assert.equal(troubles.length, 2);
    for (const columns of [1, 20, 62, 80, 132]) {
      for (const line of renderPanel(before, now, { columns })) {
        assert.ok(textWidth(line) <= columns, `${columns}: ${line}`);
      }
    }
  });

  it('is the same in colour', () => {
    const { before, now } = twoLooks();
    const painters = new Terminal({ write: () => true, isTTY: true }, { TERM: 'xterm' });
    const painted = renderPanel(before, now, { columns: 80, painters });
    assert.ok(painted.some((line) => line.includes('\u001b[32m')));
    assert.deepEqual(
      painted.map(stripVTControlCharacters),
      renderPanel(before, now, { columns: 80 }),
    );
  });
});

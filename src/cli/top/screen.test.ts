import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { FOOTER, HEALTHY, TROUBLES } from '../../../test/docs/top-scenes.js';
import type { ConsumerStatus } from '../../index.js';
import { recovery as recoveryTelemetry } from '../../telemetry.js';
import { diagnose } from '../diagnosis/diagnosis.js';
import { consumer, FakeLog, NOTHING_LASTS } from '../diagnosis/fake-look.js';
import { figuresOf } from '../diagnosis/figures.js';
import type { Look } from '../diagnosis/look.js';
import { Terminal } from '../terminal.js';
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
      'throughput  1.23 M events/s   78.6 MB/s   300 blocks/s   100 syncs/s',
      'appended    event 1,234,567',
      'written     event 1,234,567   all of them',
      'durable     event 1,234,567   all of them',
      'ring        ░░░░░░░░░░░░░░░░░░░░   0 % of 16.8 MB, highest 30 %',
      'segments    4 prepared ahead, fewest so far 2   2 taken at once   76.0 GB free',
      'commits     200 of 12,300 events on average   2 watermarks',
      'rotations   2 of 3.96 ms on average   longest step: the sync, 2.10 ms',
      '',
      'latency          timed     p50     p99   p99.9     max   worst  10n 1µ  .1m 10m',
      'append        1.00 k/s   91 ns   91 ns 14.0 µs 14.0 µs 14.0 µs   █    ▁',
      'write block      300/s  200 µs  200 µs  200 µs  200 µs  200 µs          █',
      'sync             100/s 1.25 ms 9.00 ms 9.00 ms 9.00 ms 9.00 ms            █▁',
      'commit           100/s 2.40 ms 2.40 ms 2.40 ms 2.40 ms 2.40 ms            █',
      'durable wait      20/s 1.50 ms 1.50 ms 1.50 ms 1.50 ms 1.50 ms            █',
      'next segment       1/s  400 ns  400 ns  400 ns  400 ns  400 ns     █',
      'append: 1 call in 64 is timed, and each that waits. worst: since it opened.',
      '',
      '',
      '7 more rows: a taller terminal, --once or --json',
      'q quits',
    ]);
  });

  it('has no rates at the first look, and says that all is since the log was opened', () => {
    const { now } = twoLooks();
    const lines = renderScreen(undefined, now, SMALL);
    assert.match(lines[1] ?? '', / since open$/);
    assert.equal(rowOf(lines, 'throughput'), 'throughput  known at the next look');
    assert.match(rowOf(lines, 'since open'), /timed +p50/);
    assert.match(rowOf(lines, 'append  '), /^append +2,010 /);
  });

  it('shows the interval alone where something was timed in it, else all since the opening', () => {
    const log = new FakeLog();
    log.took(8e6, (startNs) => log.writer.onSync(startNs), 100);
    log.took(90e6, (startNs) => log.taker.onGetNextSegment(startNs, 'waited'));
    const before = log.look();
    log.took(2e6, (startNs) => log.writer.onSync(startNs), 10);
    const now = log.look();
    const lines = renderScreen(before, now, SMALL);
    assert.match(rowOf(lines, 'sync '), /10\/s 2\.00 ms 2\.00 ms 2\.00 ms 2\.00 ms 8\.00 ms/);
    assert.match(
      rowOf(lines, 'next segment'),
      / 0\/s 90\.0 ms 90\.0 ms 90\.0 ms 90\.0 ms 90\.0 ms/,
    );
    const all = renderScreen(before, now, { ...SMALL, since: 'opening' });
    assert.match(rowOf(all, 'since open'), /timed/);
    assert.match(rowOf(all, 'sync '), / 110 8\.00 ms 8\.00 ms/);
  });

  it('never shows a wait that lasts beside a shorter longest one', () => {
    const log = new FakeLog();
    log.recordSecond();
    const before = log.look();
    log.recordSecond();
    const lasting = {
      ...NOTHING_LASTS,
      ringStallNs: 3.9e9,
      durableWaitNs: 3.1e9,
      nextSegmentNs: 2.2e9,
      unsyncedNs: 1.2e9,
    };
    const lines = renderScreen(before, log.look({ lasting }), EVERYTHING);
    assert.match(rowOf(lines, 'append  '), / >3\.9 s {2}>3\.9 s /);
    assert.match(rowOf(lines, 'ring stall'), / - +- +- +>3\.9 s +>3\.9 s$/);
    assert.match(rowOf(lines, 'durable wait'), / >3\.1 s {2}>3\.1 s /);
    assert.match(rowOf(lines, 'next segment'), / >2\.2 s {2}>2\.2 s /);
    assert.match(rowOf(lines, 'commit  '), / >1\.2 s {2}>1\.2 s /);
    assert.match(lines.join('\n'), /^ {12}an append waits, 3\.9 s by now$/m);
    // Of a process that has ended nothing lasts.
    const dead = renderScreen(before, log.look({ lasting, status: 'dead' }), EVERYTHING);
    assert.doesNotMatch(dead.join('\n'), />|by now/);
  });

  it('says that the call in which the writer is stuck is in no row yet', () => {
    const { before, now } = twoLooks();
    const threads = { ...now.threads, writer: { beats: 9, ageNs: 3.2e9 } };
    const lines = renderScreen(before, { ...now, threads }, EVERYTHING);
    const head = lines.findIndex((line) => line.startsWith('latency'));
    assert.equal(lines[head + 1], 'the writer is in a call, for 3.2 s by now: it is in no row yet');
    assert.equal(
      rowOf(lines, 'last seen'),
      'last seen   writer 3.2 s ago   the others 612 ms ago at most',
    );
  });

  it('has the longest append in sight of the wait that it was, timed or not', () => {
    const { log } = twoLooks();
    log.took(100e6, (startNs) => log.manager.onRingStall(startNs));
    log.took(100e6, (startNs) => log.manager.onLongAppend(startNs));
    const before = log.look();
    log.recordSecond();
    log.took(78e6, (startNs) => log.manager.onRingStall(startNs));
    log.took(78e6, (startNs) => log.manager.onLongAppend(startNs));
    const lines = renderScreen(before, log.look(), EVERYTHING);
    assert.match(rowOf(lines, 'append  '), / 14\.3 µs +78\.0 ms +100 ms /);
    assert.match(rowOf(lines, 'ring stall'), / 78\.0 ms +100 ms /);
  });

  it('has no words for what is well: threads, recovery, counters at 0, what was never timed', () => {
    const { before, now } = twoLooks();
    const text = renderScreen(before, now, EVERYTHING).join('\n');
    assert.doesNotMatch(text, /last seen|recovery|ring stall|refused|waited for|not zeroed|! /);
  });

  it('tells of consumers where there are any', () => {
    const { log, before, now } = twoLooks();
    const rows = (look: Look): string[] =>
      renderScreen(before, look, EVERYTHING).filter((line) => line.startsWith('consumers'));
    assert.deepEqual(rows(now), []);
    log.consumers.setConsumers(2, 0, 0);
    log.consumers.setLag(4000, 12_000_000, 3.2e9);
    assert.deepEqual(rows(log.look()), [
      'consumers   2   4,000 events behind at most, 12.0 MB of segments, 3.2 s',
    ]);
    log.consumers.setConsumers(1, 1, 1);
    log.consumers.setLag(0, 0, 0);
    assert.deepEqual(rows(log.look()), [
      'consumers   1   1 damaged: all events are kept   1 dropped',
    ]);
  });

  it('names the consumer that is furthest behind, of those for which anything is kept', () => {
    const { log, before } = twoLooks();
    log.consumers.setConsumers(2, 0, 1);
    log.consumers.setLag(4000, 0, 0);
    const behind = [consumer('a', 9), consumer('b\n', 4000), consumer('c', 9000, 'dropped')];
    const lines = renderScreen(before, log.look({ consumers: behind }), EVERYTHING);
    const row = 'consumers   2   4,000 events behind at most (b\\u{a})   1 dropped';
    assert.equal(rowOf(lines, 'consumers'), row);
  });

  it('lists each consumer where there is room, the one furthest behind first', () => {
    const { log, before, now } = twoLooks();
    const tableOf = (look: Look, columns = 80): string[] => {
      const lines = renderScreen(before, look, { ...EVERYTHING, columns });
      const at = lines.findIndex((line) => line.startsWith('consumer '));
      const end = lines.indexOf('', at);
      return at < 0 ? [] : lines.slice(at, end < 0 ? undefined : end);
    };
    assert.deepEqual(tableOf(now), []);
    const damaged: ConsumerStatus = {
      ...consumer('torn', 0),
      state: 'damaged',
      acknowledgedEventId: undefined,
      lag: undefined,
      damage: 'its checksum does not match',
    };
    const few = [
      consumer('gone', 9000, 'dropped'),
      consumer('audit', 0),
      consumer('billing-of-all-countries', 4000),
      damaged,
    ];
    const row = (look: Look, columns: number, at: number) => tableOf(look, columns)[at];
    assert.deepEqual(tableOf(log.look({ consumers: few })), [
      'consumer                 state    behind     holds       for       had',
      'torn                   damaged         -         -         -         -',
      'billing-of-all-cou…     active     4,000    256 kB     1.0 s 1,230,567',
      'audit                   active         0       0 B     1.0 s 1,234,567',
      'gone                   dropped         -         -         - 1,225,567',
    ]);
    assert.equal(
      row(log.look({ consumers: few }), 45, 2),
      'billing-of-all-cou…     active     4,000',
    );
    const many = Array.from({ length: 14 }, (_, at) => consumer(`c${at}`, at));
    const lines = tableOf(log.look({ consumers: many }));
    assert.match(lines[1] ?? '', /^c13 /);
    assert.equal(lines.at(-1), '2 more: flashstrike consumers');
    assert.ok(
      !renderScreen(before, log.look({ consumers: many }), SMALL)
        .join()
        .includes('c13 '),
    );
  });

  it('tells what the maintainer does, what is compressed, and to what', () => {
    const { log, before } = twoLooks();
    const rows = (look: Look): string[] =>
      renderScreen(before, look, EVERYTHING).filter((line) => line.startsWith('maintenance'));
    assert.deepEqual(rows(log.look()), [], 'nobody maintains it');
    const { threads } = log.look();
    const maintained = { threads: { ...threads, maintainer: { beats: 1, ageNs: 1e6 } } };
    log.manager.setHotSegments(3);
    assert.deepEqual(rows(log.look(maintained)), ['maintenance idle   3 hot']);
    log.manager.setColdSegments(1204);
    log.maintainer.onCompressed(4200, 1000);
    const segments = '3 hot, 1,204 cold   compressed to 1 / 4.2';
    assert.deepEqual(rows(log.look()), [`maintenance ${segments}`], 'its maintainer is gone');
    log.maintainer.setHeld(17);
    assert.deepEqual(rows(log.look(maintained)), [`maintenance held by somebody   ${segments}`]);
    const consumers = [consumer('audit', 1), consumer('billing', 7)];
    const held = log.look({ ...maintained, consumers });
    assert.deepEqual(rows(held), [`maintenance held by consumer billing   ${segments}`]);
    log.took(1.2e9, (startNs) => log.maintainer.onPersistenceLoop(true, startNs, 1e6));
    const worked = log.look(maintained);
    const seconds = (worked.takenAtNs - before.takenAtNs) / 1e9;
    const share = `${Math.round((1.2 / seconds) * 100)} %`;
    assert.deepEqual(rows(worked), [`maintenance works ${share} of the time   ${segments}`]);
    log.maintainer.setBlockedSegments(1);
    assert.deepEqual(rows(log.look(maintained)), [`maintenance blocked by damage   ${segments}`]);
  });

  it('compares nothing across two openings', () => {
    const { before, now } = twoLooks();
    const lines = renderScreen({ ...before, path: '/dev/shm/another' }, now, SMALL);
    assert.equal(rowOf(lines, 'throughput'), 'throughput  known at the next look');
  });

  it('never is wider or higher than the terminal', () => {
    const { log, before } = twoLooks({
      directory: `./${'長い名前'.repeat(30)}`,
      threads: {
        writer: { beats: 1, ageNs: 7e12 },
        preparer: { beats: 1, ageNs: 7e12 },
        housekeeping: { beats: 0, ageNs: undefined },
        application: { beats: 1, ageNs: 7e12 },
        maintainer: { beats: 0, ageNs: undefined },
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

  it('says how much does not fit, and shows what is least about now last', () => {
    const { log, before } = twoLooks();
    log.took(3e9, (startNs) => log.manager.onRingStall(startNs), 7);
    log.took(200e6, (startNs) => log.writer.onSync(startNs));
    const now = log.look();
    const all = renderScreen(before, now, EVERYTHING).filter((line) => line !== '');
    for (const rows of [5, 10, 20, 24]) {
      const lines = renderScreen(before, now, { columns: 80, rows, footer: 'q' });
      assert.equal(lines.length, rows);
      const said = lines.at(-2) ?? '';
      assert.match(said, /^\d+ more rows: a taller terminal, --once or --json$/);
      const shown = lines.slice(0, -2).filter((line) => line !== '');
      assert.equal(shown.length + Number.parseInt(said, 10), all.length, said);
    }
    const small = renderScreen(before, now, { columns: 80, rows: 20, footer: 'q' });
    assert.ok(small.some((line) => line.startsWith('latency')));
    assert.ok(!small.some((line) => line.startsWith('rotations')));
  });

  it('shows all that is wrong, whole, with what to do, on any terminal', () => {
    for (const { name, before, now } of TROUBLES) {
      const troubles = diagnose(now, figuresOf(before, now));
      assert.ok(troubles.length > 0, name);
      for (const columns of [40, 60, 80, 120, 200]) {
        const lines = renderScreen(before, now, { columns, rows: 50 });
        const text = lines.join(' ').replaceAll(/\s+/g, ' ');
        for (const { text: symptom, remedy } of troubles) {
          assert.ok(text.includes(`! ${symptom}. ${remedy}.`), `${name}, ${columns}: ${symptom}`);
        }
        // A process, the troubles, then all else.
        const first = lines.findIndex((line) => line.startsWith('! '));
        assert.ok(first < lines.findIndex((line) => /^(?:throughput|appended)/.test(line)), name);
      }
    }
  });

  it('cuts nothing where there are 60 columns', () => {
    for (const { name, before, now } of [HEALTHY, ...TROUBLES]) {
      for (const columns of [60, 61, 70, 71, 72, 80, 120, 200]) {
        for (const rows of [24, 80]) {
          for (const line of renderScreen(before, now, { columns, rows, footer: FOOTER })) {
            assert.doesNotMatch(line, /…/, `${name}, ${columns} columns`);
            assert.ok(textWidth(line) <= columns, `${name}, ${columns} columns: ${line}`);
          }
        }
      }
    }
  });

  it('says which columns of times have no room', () => {
    const { before, now } = twoLooks();
    const narrow = renderScreen(before, now, { columns: 60, rows: 50 });
    assert.match(rowOf(narrow, 'latency'), /timed +p50 +p99 +max +worst$/);
    assert.match(narrow.join(' '), /p99\.9: a wider terminal, or --json\./);
    const narrower = renderScreen(before, now, { columns: 40, rows: 50 });
    assert.match(rowOf(narrower, 'latency'), /timed +p99 +max$/);
    assert.match(narrower.join(' '), /p50, p99\.9, worst: a wider terminal, or --json\./);
  });

  it('shows more where there is more room, and never half a table', () => {
    const { log, before } = twoLooks();
    log.took(2e6, (startNs) => log.preparation.onPrepareSegment(startNs, true));
    const now = log.look();
    const small = renderScreen(before, now, { columns: 80, rows: 28, footer: 'q' });
    assert.equal(small.length, 28);
    assert.ok(!small.some((line) => line.startsWith('rotate  ')));
    const large = renderScreen(before, now, { columns: 80, rows: 50, footer: 'q' });
    assert.match(rowOf(large, 'prepare a segment'), /^prepare a segment +1( +2\.00 ms){4}$/);
    assert.match(rowOf(large, 'rotate  '), /^rotate +2 +3\.96 ms +3\.96 ms +3\.96 ms +7\.92 ms$/);
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

  it('says what is in the ring alone, what is not durable, and for how long', () => {
    const log = new FakeLog();
    log.writer.setUnsynced(789, 100_000, 1, 1);
    const look = log.look({
      appendedEventId: 6789,
      writtenEventId: 789,
      durableEventId: 0,
      waitingBytes: 4_190_000,
      lasting: { ...NOTHING_LASTS, durableLagNs: 12e6 },
    });
    const lines = renderScreen(undefined, look, SMALL);
    assert.equal(rowOf(lines, 'appended'), 'appended    event 6,789');
    assert.equal(
      rowOf(lines, 'written'),
      'written     event 789   6,000 events (4.19 MB) in the ring alone',
    );
    assert.equal(
      rowOf(lines, 'durable'),
      'durable     no event yet   6,789 events (4.29 MB) behind for up to 12.0 ms',
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
  it('is the screen without its details', () => {
    const { before, now } = twoLooks();
    assert.deepEqual(renderPanel(before, now, { columns: 80 }), [
      'flashstrike top  ./orders                                          running, open',
      'process 4242   up 1 min 3 s   flashstrike 0.1.0   node 20.19.0   last 1.0 s',
      '',
      'throughput  1.23 M events/s   78.6 MB/s   300 blocks/s   100 syncs/s',
      'appended    event 1,234,567',
      'written     event 1,234,567   all of them',
      'durable     event 1,234,567   all of them',
      'ring        ░░░░░░░░░░░░░░░░░░░░   0 % of 16.8 MB, highest 30 %',
      'segments    4 prepared ahead, fewest so far 2   2 taken at once   76.0 GB free',
      '',
      'latency          timed     p50     p99   p99.9     max   worst  10n 1µ  .1m 10m',
      'append        1.00 k/s   91 ns   91 ns 14.0 µs 14.0 µs 14.0 µs   █    ▁',
      'write block      300/s  200 µs  200 µs  200 µs  200 µs  200 µs          █',
      'sync             100/s 1.25 ms 9.00 ms 9.00 ms 9.00 ms 9.00 ms            █▁',
      'commit           100/s 2.40 ms 2.40 ms 2.40 ms 2.40 ms 2.40 ms            █',
      'durable wait      20/s 1.50 ms 1.50 ms 1.50 ms 1.50 ms 1.50 ms            █',
      'next segment       1/s  400 ns  400 ns  400 ns  400 ns  400 ns     █',
      'append: 1 call in 64 is timed, and each that waits. worst: since it opened.',
    ]);
  });

  it('of a killed log says so within 80 columns, and has no throughput', () => {
    const waitingBytes = 4_194_304;
    const { now } = twoLooks({ status: 'dead', pid: 4_194_304, waitingBytes });
    const lines = renderPanel(undefined, now, { columns: 80 });
    assert.match(lines[0] ?? '', / ended, not closed$/);
    assert.equal(
      lines.slice(2, 5).join('\n'),
      '! process 4194304 ended without closing; its ring has 4.19 MB for the next open.\n' +
        '  Open the log again: it recovers, the ring included.\n',
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

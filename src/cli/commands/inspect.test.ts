import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConsumerStatus } from '../../index.js';
import type { LogInspection, OrphanRegion, SegmentInspection } from '../../verification/inspect.js';
import { renderInspection, renderRegions } from './inspect.js';

const SEGMENT: SegmentInspection = {
  file: '0000000001.wal',
  segmentIndex: 1,
  bytes: 67_108_864,
  contentBytes: undefined,
  usedBytes: 5000,
  events: 10,
  firstEventId: 1,
  lastEventId: 10,
  createdTsNs: 1_700_000_000_000_000_000n,
  state: 'active',
  defect: undefined,
};

const LOG: LogInspection = {
  path: 'a-log',
  logId: 0xabcn,
  firstEventId: 1,
  lastEventId: 10,
  locked: false,
  meta: {
    status: 'present',
    cleanlyClosed: true,
    segmentIndex: 1,
    offset: 5000,
    lastEventId: 10,
    durableEventId: 10,
    firstKeptEventId: 0,
  },
  verification: undefined,
  held: undefined,
  region: {
    status: 'none',
    path: undefined,
    unreadEvents: undefined,
    pid: undefined,
    reason: undefined,
  },
  consumers: [],
  streams: [],
  snapshots: [],
  segments: [SEGMENT],
  tail: undefined,
  otherNames: [],
};

const rendered = (change: Partial<LogInspection>): string =>
  renderInspection({ ...LOG, ...change }).join('\n');

describe('the words of inspect', () => {
  it('are the facts of the log and a row for each segment', () => {
    assert.equal(
      rendered({}),
      `log      a-log
id       0000000000000abc
events   10, ids 1 to 10
files    1 segment, 67.1 MB
meta     closed cleanly; durable up to 10, event 10 ends in segment 1 at offset 5,000
lock     free
region   none

segment  file               size     used  events  first id  last id  created              state
      1  0000000001.wal  67.1 MB  5.00 kB      10         1       10  2023-11-14 22:13:20  active`,
    );
  });

  it('show a dash for what is unknown, never a zero', () => {
    const damaged: SegmentInspection = {
      file: '0000000002.wal',
      segmentIndex: 2,
      bytes: 100,
      contentBytes: undefined,
      usedBytes: undefined,
      events: undefined,
      firstEventId: undefined,
      lastEventId: undefined,
      createdTsNs: undefined,
      state: 'damaged',
      defect: 'it is \u001b[31m odd',
    };
    const row =
      rendered({ segments: [damaged] })
        .split('\n')
        .at(-1) ?? '';
    assert.match(
      row,
      /^ +2 +0000000002\.wal +100 B +- +- +- +- +- +damaged: it is \\u\{1b\}\[31m odd$/,
    );
  });

  it('say what waits in shared memory, and for whom', () => {
    const region = { ...LOG.region, status: 'waiting', path: '/dev/shm/x' } as const;
    assert.match(
      rendered({ region: { ...region, unreadEvents: 42 } }),
      /\/dev\/shm\/x holds 42 events that the last process left behind/,
    );
    assert.match(
      rendered({ region: { ...region, unreadEvents: 0 } }),
      /every event in it is in the files/,
    );
    const inUse = { ...region, status: 'in-use', pid: 17 } as const;
    assert.match(
      rendered({ region: inUse, locked: true }),
      /held: the log is open\nregion .*process 17/,
    );
    const foreign = { ...region, status: 'foreign', reason: 'another \u001b log' } as const;
    assert.match(rendered({ region: foreign }), /x foreign: another \\u\{1b\} log/);
  });

  it('name the consumers, and how far each is behind', () => {
    const billing: ConsumerStatus = {
      name: 'billing',
      state: 'active',
      acknowledgedEventId: 4000,
      acknowledgedTsNs: 1_700_000_000_000_000_000n,
      lag: { events: 20, bytes: 344_253, ms: 3200 },
      maxLagBytes: 0,
      maxLagMs: 0,
      policy: 'hold',
      damage: undefined,
    };
    const dropped = { ...billing, name: 'slow', state: 'dropped' } as const;
    const done = { ...billing, name: 'done', lag: { events: 0, bytes: 0, ms: 0 } };
    const damaged = {
      ...billing,
      name: 'torn',
      state: 'damaged',
      acknowledgedEventId: undefined,
      lag: undefined,
      damage: 'it is \u001b[31m odd',
    } as const;
    const text = rendered({ consumers: [billing, done, dropped, damaged] });
    assert.deepEqual(
      text.split('\n').filter((line) => line.startsWith('consumer ')),
      [
        'consumer billing: active, acknowledged up to 4,000; 20 events behind, 344 kB of ' +
          'finished segments, for 3.2 s',
        'consumer done: active, acknowledged up to 4,000; nothing is kept for it',
        'consumer slow: DROPPED, acknowledged up to 4,000',
        'consumer torn: DAMAGED, all events are kept: it is \\u{1b}[31m odd',
      ],
    );
  });

  it('tell what keeps the oldest segment, and for whom', () => {
    const held = (of: LogInspection['held']): string | undefined =>
      rendered({ held: of })
        .split('\n')
        .find((line) => line.startsWith('held'));
    assert.equal(held(undefined), undefined);
    const oldest = 'held     the oldest segment should be removed, and is';
    const damage = { reason: 'damaged', eventId: undefined, consumers: [] } as const;
    assert.equal(held(damage), `${oldest} damaged: nothing is removed`);
    const needed = { reason: 'needed', eventId: 4001, consumers: [] } as const;
    const from = 'needed from event 4,001 on';
    assert.equal(held(needed), `${oldest} kept for somebody: ${from}`);
    const names = ['a\n', 'b', 'c', 'd', 'e'];
    assert.equal(
      held({ ...needed, consumers: names }),
      `${oldest} kept for consumer a\\u{a}, b, c and 2 more: ${from}`,
    );
  });

  it('tell the ratio of each segment that is compressed', () => {
    const compressed = { ...SEGMENT, bytes: 1000, contentBytes: 4210, state: 'sealed' } as const;
    assert.match(rendered({ segments: [compressed] }), / sealed, 1 \/ 4\.2$/m);
    const [file, defect] = [{ ...compressed, state: 'damaged' } as const, 'flipped'];
    assert.match(rendered({ segments: [{ ...file, defect }] }), / damaged: flipped$/m);
  });

  it('tell a tail that is not clean', () => {
    const tail = {
      verdict: 'torn-tail',
      offset: 5000,
      durableEventId: 10,
      droppedEvents: 2,
      droppedBytes: 300,
      missingTail: undefined,
    } as const;
    assert.match(rendered({ tail }), /tail {5}torn-tail at offset 5,000: 300 B .*, 2 events in it/);
    assert.doesNotMatch(rendered({ tail: { ...tail, verdict: 'clean' } }), /tail/);
  });

  it('tell an empty log, a missing and a damaged meta file, and other names', () => {
    const text = rendered({
      lastEventId: 0,
      segments: [],
      meta: { status: 'missing' },
      otherNames: [{ name: 'x\u202ey', kind: 'unknown' }],
    });
    assert.match(text, /events {3}none\nfiles {4}0 segments, 0 B\nmeta {5}missing/);
    assert.match(text, /also {5}x\\u\{202e\}y \(unknown\)$/);
    assert.match(rendered({ meta: { status: 'damaged', reason: 'flipped' } }), /damaged: flipped/);
  });
});

describe('the words of inspect --regions', () => {
  const region: OrphanRegion = {
    path: '/dev/shm/a',
    bytes: 20_000_000,
    logId: 0xabcn,
    pid: 17,
    startedTsNs: 1_700_000_000_000_000_000n,
    removable: true,
    reason: undefined,
  };

  it('tell what is orphaned from what is kept, and why', () => {
    const kept = {
      ...region,
      path: '/dev/shm/b',
      removable: false,
      reason: 'process 17 is using it',
    };
    const [, first, second] = renderRegions([region, kept]);
    assert.match(
      first ?? '',
      /^\/dev\/shm\/a +20\.0 MB +0000000000000abc +17 +2023-11-14 22:13:20 +orphaned$/,
    );
    assert.match(second ?? '', /kept: process 17 is using it$/);
    assert.deepEqual(renderRegions([]), ['no shared regions of this log']);
  });
});

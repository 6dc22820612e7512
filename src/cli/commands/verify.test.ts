import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { VerifyReport } from '../../index.js';
import { renderReport } from './verify.js';

const SOUND: VerifyReport = {
  ok: true,
  verdict: 'clean',
  events: 1234,
  firstEventId: 1,
  lastEventId: 1234,
  durableEventId: 1200,
  segments: 2,
  problems: [],
  tornTail: undefined,
  missingTail: undefined,
  waitingEvents: 0,
  snapshots: [],
  advice: 'Do this.',
  notes: [],
};

const rendered = (change: Partial<VerifyReport>, textOf?: (eventId: number) => string): string =>
  [...renderReport('a-log', { ...SOUND, ...change }, textOf)].join('\n');

describe('the words of verify', () => {
  it('are four lines where all is well', () => {
    assert.equal(
      rendered({ advice: 'Nothing to do.' }),
      'a-log is sound: every block is valid\n' +
        'events    1,234, ids 1 to 1,234\n' +
        'durable   up to 1,200\n' +
        'segments  2',
    );
  });

  it('begin with what may be missing, and with what is to be chosen', () => {
    assert.match(rendered({ advice: 'Look for it.' }), /^Look for it\.\n\na-log is sound/);
    const problem = {
      file: undefined,
      offset: undefined,
      code: 'ERR_FLASHSTRIKE_REGION_UNCERTAIN',
      message: 'Choose.',
      lost: undefined,
      firstEventId: undefined,
      lastEventId: undefined,
    } as const;
    assert.match(rendered({ verdict: 'undecidable', problems: [problem] }), /^Choose\.\n\na-log/);
  });

  it('say what an empty log is', () => {
    const text = rendered({ events: 0, lastEventId: 0, durableEventId: 0 });
    assert.match(text, /events {4}none\ndurable {3}none known/);
  });

  it('tell a torn tail, waiting events and notes', () => {
    const tornTail = {
      file: '2.wal',
      offset: 5000,
      lastEventId: 1234,
      droppedEvents: 3,
      droppedBytes: 1500,
    };
    const text = rendered({
      verdict: 'torn-tail',
      tornTail,
      waitingEvents: 7,
      notes: ['an \u001b odd name'],
    });
    assert.match(
      text,
      /2\.wal at offset 5,000, after event 1,234: 1\.50 kB dropped, 3 events in it/,
    );
    assert.match(text, /waiting {3}7 events in shared memory, left by the last process/);
    assert.match(text, /note {6}an \\u\{1b\} odd name/);
    assert.match(text, /\nDo this\.$/);
  });

  it('name every problem, what is lost and what to do', () => {
    const nothing = {
      file: undefined,
      offset: undefined,
      lost: undefined,
      firstEventId: undefined,
      lastEventId: undefined,
    };
    const problem = { code: 'ERR_FLASHSTRIKE_CORRUPT', message: 'bad \u0007 block' } as const;
    const text = rendered({
      ok: false,
      verdict: 'corruption',
      problems: [
        { ...problem, file: '1.wal', offset: 4096, lost: 12, firstEventId: 1, lastEventId: 12 },
        { ...problem, ...nothing },
      ],
    });
    assert.match(text, /^a-log is CORRUPT/);
    assert.match(
      text,
      /problem 1: 1\.wal at offset 4,096\n {2}ERR_FLASHSTRIKE_CORRUPT: bad \\u\{7\} block\n/,
    );
    assert.match(text, / block\n {2}lost: 12 events, 1 to 12\n/);
    assert.match(text, /problem 2: the folder\n.*\n {2}lost: unknown/);
    assert.match(text, /\nDo this\.$/);
    assert.match(rendered({ ok: false, verdict: 'undecidable' }), /UNDECIDABLE(.|\n)*Do this/);
  });

  it('show the event before what is lost, of the first few problems', () => {
    const problem = (firstEventId: number) => ({
      file: '0000000001.wal',
      offset: 4096,
      code: 'ERR_FLASHSTRIKE_CORRUPT' as const,
      message: 'It is damaged.',
      lost: 1,
      firstEventId,
      lastEventId: firstEventId,
    });
    const problems = [1, 20, 40, 60, 80, 100].map(problem);
    const asked: number[] = [];
    const text = rendered({ verdict: 'corruption', problems }, (eventId) => {
      asked.push(eventId);
      return 'order {"price":5}';
    });
    assert.deepEqual(asked, [19, 39, 59, 79]);
    assert.match(text, /lost: 1 event, 20\n {2}before it: event 19, order \{"price":5\}\n/);
  });
});

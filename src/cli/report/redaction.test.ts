import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeMachine } from './fake-redaction.js';
import { Redaction } from './redaction.js';

const redaction = (directory = '/data/acme logs/orders'): Redaction =>
  new Redaction(directory, fakeMachine);

describe('what a report takes out of texts', () => {
  it('is the folder of the log, as it was given, as it is, and without links', () => {
    assert.equal(
      redaction().text(
        "/data/acme logs/orders/0000000001.wal: it ends at 12; see '/data/acme logs/orders'",
      ),
      "<log>/0000000001.wal: it ends at 12; see '<log>'",
    );
    assert.equal(
      redaction('./orders').text('/real/place/LOCK is damaged: x'),
      '<log>/LOCK is damaged: x',
    );
  });

  it('is the home, and every other path, up to where it surely has ended', () => {
    const texts = [
      ['of /home/alice/x y/z, and more', 'of ~/x y/z, and more'],
      ['copied from /srv/secret place/log (gone)', 'copied from <path> (gone)'],
      ['in /srv/a b: no', 'in <path>: no'],
      ["'/srv/a b' is", "'<path>' is"],
      ['/srv/a', '<path>'],
      ['read/write, and/or', 'read/write, and/or'],
      ['/dev/shm/flashstrike-00-11 was not read: x', '/dev/shm/flashstrike-00-11 was not read: x'],
    ];
    for (const [text = '', expected] of texts) assert.equal(redaction().text(text), expected);
  });

  it('is no name that only begins like a known one', () => {
    const names = redaction('/srv/log');
    const texts = [
      ['in /srv/log/LOCK', 'in <log>/LOCK'],
      ['/srv/log.', '<log>.'],
      ['in /srv/log-acme/x: no', 'in <path>: no'],
      ['see file:///srv/log_acme/x, /srv/logs', 'see file://<path> <path>'],
      ['/home/alice2/x', '<path>'],
    ];
    for (const [text = '', expected] of texts) assert.equal(names.text(text), expected);
  });

  it('is the user, as a word of its own', () => {
    assert.equal(redaction().text('alice and malice'), '<user> and malice');
  });

  it('is each consumer, the same for the same', () => {
    const names = redaction();
    assert.deepEqual(
      ['billing', 'ab', 'billing'].map((name) => names.consumer(name)),
      ['consumer-1', 'consumer-2', 'consumer-1'],
    );
    assert.equal(
      names.text('kept for consumer ab and billing; ab.consumer; billings; about'),
      'kept for consumer consumer-2 and consumer-1; consumer-2.consumer; billings; about',
    );
  });

  it('is each file that is none of the log’s', () => {
    const names = redaction();
    names.addFile('a (b).txt');
    names.addFile('x');
    assert.equal(names.text('a (b).txt is not part'), '<file> is not part');
    assert.equal(names.text('x is not part; example'), '<file> is not part; example');
  });

  it('is no word of ours that names a state', () => {
    const names = redaction();
    names.consumer('clean');
    assert.deepEqual(names.data({ verdict: 'clean', note: 'clean', state: 'Alice alice' }), {
      verdict: 'clean',
      note: 'consumer-1',
      state: 'Alice <user>',
    });
  });

  it('goes through plain data, whatever its shape, and makes numbers of any size texts', () => {
    class Reading {
      toJSON(): object {
        return { of: 'alice' };
      }
    }
    const data = { a: [1, '/home/alice/x', null, undefined, 5n], b: new Reading(), c: true };
    assert.deepEqual(redaction().data(data), {
      a: [1, '~/x', null, undefined, '5'],
      b: { of: '<user>' },
      c: true,
    });
  });
});

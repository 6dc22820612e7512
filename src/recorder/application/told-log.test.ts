import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeLog } from '../../intake/fake-log.js';
import { ToldLog } from './told-log.js';

/** What is done, in order; the schema finds room where `hasRoom`. */
function toldLog(): { told: ToldLog; done: string[]; events: { hasRoom: boolean } } {
  const done: string[] = [];
  const events = { hasRoom: true };
  class Log extends FakeLog {
    override tryAppend(payload: Uint8Array, type?: number): number | undefined {
      done.push(`append ${payload.length} of ${type}`);
      return super.tryAppend(payload, type);
    }
    override async room(bytes: number): Promise<void> {
      done.push(`room for ${bytes}`);
    }
  }
  const told = new ToldLog(new Log(), {
    schemaBytes: 300,
    check: (payload) => {
      if (payload.length !== 4) throw new RangeError('no such event');
    },
    tell: () => done.push('tell'),
    tryTell: () => {
      done.push('try to tell');
      return events.hasRoom;
    },
  });
  return { told, done, events };
}

test('the log is told before each event, and not of one that is refused', () => {
  const { told, done } = toldLog();
  told.tryAppend(new Uint8Array(4), 7);
  told.append(new Uint8Array(4), 7);
  assert.deepEqual(done, ['try to tell', 'append 4 of 7', 'tell', 'append 4 of 7']);
  assert.throws(() => told.tryAppend(new Uint8Array(5), 7), RangeError);
  assert.throws(() => told.append(new Uint8Array(5), 7), RangeError);
  assert.equal(done.length, 4);
});

test('while the schema finds no room no event is appended, and so much room is waited for', async () => {
  const { told, done, events } = toldLog();
  events.hasRoom = false;
  assert.equal(told.tryAppend(new Uint8Array(4), 7), undefined);
  await told.room(4);
  await told.room(500);
  assert.deepEqual(done, ['try to tell', 'room for 300', 'room for 500']);
});

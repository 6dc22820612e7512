import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { EventStream } from './event-stream.js';

/** A client that takes what it is sent, or does not. */
class FakeResponse {
  readonly writes: string[] = [];
  writableNeedDrain = false;
  destroyed = false;
  writeHead(): void {}
  write(text: string): void {
    this.writes.push(text);
  }
}

/** A stream, and what was written to it after its head. */
function streamTo(response: FakeResponse): EventStream {
  const stream = new EventStream(response as unknown as ServerResponse);
  response.writes.length = 0;
  return stream;
}

const push = (known: number | undefined): string => JSON.stringify({ known: known ?? 'nothing' });

describe('a stream of events', () => {
  it('tells all there is first, then what has come since', () => {
    const response = new FakeResponse();
    const stream = streamTo(response);
    stream.tell(push, 7);
    stream.tell(push, 8);
    assert.deepEqual(response.writes, ['data: {"known":"nothing"}\n\n', 'data: {"known":7}\n\n']);
  });

  it('queues nothing for who does not keep up, and tells all that was missed at once', () => {
    const response = new FakeResponse();
    const stream = streamTo(response);
    stream.tell(push, 7);
    response.writableNeedDrain = true;
    for (let second = 8; second < 100; second++) stream.tell(push, second);
    assert.equal(response.writes.length, 1);
    response.writableNeedDrain = false;
    stream.tell(push, 100);
    assert.deepEqual(response.writes.slice(1), ['data: {"known":7}\n\n']);
  });

  it('writes nothing to who is gone', () => {
    const response = new FakeResponse();
    const stream = streamTo(response);
    response.destroyed = true;
    stream.tell(push, 7);
    assert.deepEqual(response.writes, []);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FormatDefect } from './event-format.js';
import { linesFormat, ndjsonFormat } from './plain-formats.js';
import { TextBuffer } from './text-buffer.js';

const line = (text: string): [Buffer, number, number] => {
  const bytes = Buffer.from(`]${text}\n`);
  return [bytes, 1, bytes.length - 1];
};

describe('plain formats', () => {
  it('pass a line through without a copy', () => {
    const [bytes, start, end] = line('{"a": [1, 2]}');
    for (const format of [linesFormat, ndjsonFormat]) {
      const payload = format.encode(bytes, start, end);
      assert.equal(payload.buffer, bytes.buffer);
      const target = new TextBuffer();
      format.decode(payload, target);
      assert.equal(target.text(), '{"a": [1, 2]}');
    }
  });

  it('ndjson takes every JSON value, and white space around it', () => {
    for (const text of ['1', 'null', '"\u{1f600}"', ' {"a":1}\t\r', '[]']) {
      assert.equal(String(ndjsonFormat.encode(...line(text))), text);
    }
  });

  it('ndjson refuses what is no JSON, or two values', () => {
    for (const text of ['', ' ', '{', "{'a':1}", '1 2', 'NaN', '\ufeff1']) {
      assert.throws(() => ndjsonFormat.encode(...line(text)), FormatDefect, text);
    }
  });

  it('ndjson refuses bytes that are not UTF-8', () => {
    const bytes = Buffer.from('"\xff"', 'latin1');
    assert.throws(() => ndjsonFormat.encode(bytes, 0, bytes.length), /not UTF-8/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { LineSplitter, LineTooLong } from './line-splitter.js';

function* linesOf(chunks: readonly Buffer[], splitter: LineSplitter): Generator<string> {
  const line = (): string => splitter.bytes.toString('latin1', splitter.start, splitter.end);
  for (const chunk of chunks) {
    splitter.feed(chunk);
    while (splitter.next()) yield line();
  }
}

function split(chunks: readonly Buffer[], lineBytesMax = 1 << 20): [string[], boolean] {
  const splitter = new LineSplitter(lineBytesMax);
  const lines = [...linesOf(chunks, splitter)];
  const unended = splitter.finish();
  if (unended) lines.push(splitter.bytes.toString('latin1', splitter.start, splitter.end));
  assert.equal(splitter.finish(), false, 'a last line comes once');
  return [lines, unended];
}

describe('LineSplitter', () => {
  it('gives every line once and in order, wherever the chunks are cut', () => {
    const piece = fc.constantFrom('\n', '\n', 'a', '\r', '\0', 'long line '.repeat(900));
    const input = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(input, fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
        const bytes = Buffer.from(text, 'latin1');
        const offsets = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
        const bounds = [0, ...offsets, bytes.length];
        const chunks = offsets.concat(bytes.length).map((end, i) => bytes.subarray(bounds[i], end));
        const expected = text.split('\n');
        const last = expected.pop() ?? '';
        const [lines, unended] = split(chunks);
        assert.deepEqual(lines, last === '' ? expected : [...expected, last]);
        assert.equal(unended, last !== '');
      }),
    );
  });

  it('keeps empty lines and carriage returns', () => {
    assert.deepEqual(split([Buffer.from('\n\r\n\n')]), [['', '\r', ''], false]);
  });

  it('does not copy a line that lies within one chunk', () => {
    const chunk = Buffer.from('one\ntwo\n');
    const splitter = new LineSplitter(100);
    splitter.feed(chunk);
    for (const start of [0, 4]) {
      assert.ok(splitter.next());
      assert.deepEqual([splitter.bytes, splitter.start], [chunk, start]);
      assert.equal(splitter.bytes, chunk);
    }
    assert.ok(!splitter.next());
  });

  it('takes a line of exactly the limit, in one chunk and across chunks', () => {
    assert.deepEqual(split([Buffer.from('12345\n')], 5), [['12345'], false]);
    assert.deepEqual(split([Buffer.from('123'), Buffer.from('45\n')], 5), [['12345'], false]);
  });

  for (const [name, chunks] of [
    ['within one chunk', ['a\n123456\n']],
    ['before its end was seen', ['a\n123', '456']],
    ['across chunks', ['a\n123', '456\n']],
    ['in an unended first chunk', ['a\n123456']],
  ] as const) {
    it(`refuses a line over the limit ${name}, after handing over those before it`, () => {
      const lines: string[] = [];
      const given = chunks.map((chunk) => Buffer.from(chunk));
      assert.throws(() => {
        for (const line of linesOf(given, new LineSplitter(5))) lines.push(line);
      }, LineTooLong);
      assert.deepEqual(lines, ['a']);
    });
  }
});

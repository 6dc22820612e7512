import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutText, NO_PAINT, overLine, paintLine, piece, textWidth, wrapText } from './text-line.js';

describe('a line of text on a terminal', () => {
  it('is as wide as the terminal shows it', () => {
    assert.equal(textWidth('sync 12 µs ▁█'), 13);
    assert.equal(textWidth('注文'), 4);
    assert.equal(textWidth('e\u0301'), 1);
    assert.equal(textWidth('💾'), 2);
  });

  it('is cut at whole characters, and shows that it was', () => {
    assert.equal(cutText('segments', 8), 'segments');
    assert.equal(cutText('segments', 7), 'segmen…');
    assert.equal(cutText('注文注文', 6), '注文…');
    assert.equal(cutText('segments', 1), '…');
    assert.equal(cutText('segments', 0), '');
  });

  it('goes on in the next line at a space, with nothing left out', () => {
    assert.deepEqual(wrapText('', 9), []);
    assert.deepEqual(wrapText('the ring is full', 9), ['the ring', 'is full']);
    assert.deepEqual(wrapText('the ring is full', 80), ['the ring is full']);
    assert.deepEqual(wrapText('see /dev/shm/flash now', 8), ['see', '/dev/shm', '/flash', 'now']);
    assert.deepEqual(wrapText('注文 注文注文', 5), ['注文', '注文', '注文']);
    assert.deepEqual(wrapText('no', 1), ['n', 'o']);
  });

  it('keeps a number and its unit together', () => {
    assert.deepEqual(wrapText('a ring of 16.8 MB', 15), ['a ring of', '16.8 MB']);
    assert.deepEqual(wrapText('3.2 s, 40 % of it', 7), ['3.2 s,', '40 % of', 'it']);
    assert.deepEqual(wrapText('since 3 hours', 8), ['since 3', 'hours']);
  });

  it('is cut before it is painted, and nothing follows a cut', () => {
    const painters = { ...NO_PAINT, red: (text: string) => `<${text}>` };
    const line = [piece('ab'), piece('cdef', 'red'), piece('gh')];
    assert.equal(paintLine(line, 80, painters), 'ab<cdef>gh');
    assert.equal(paintLine(line, 8, painters), 'ab<cdef>gh');
    assert.equal(paintLine(line, 7, painters), 'ab<cdef>…');
    assert.equal(paintLine(line, 5, painters), 'ab<cd…>');
    assert.equal(paintLine(line, 2, painters), 'ab');
  });

  it('takes the place of a longer one, and of one as wide as the terminal', () => {
    assert.equal(overLine('abc', 4), 'abc\u001b[K');
    assert.equal(overLine('\u001b[31mabcd\u001b[0m', 4), '\u001b[31mabcd\u001b[0m');
    assert.equal(overLine('注文', 4), '注文');
  });
});

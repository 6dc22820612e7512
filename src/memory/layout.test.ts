import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { type BinaryType, block, layout, pad, u8, u16, u32, u64 } from './layout.js';

// What a value is when its types were lost: the run-time half must find what the compiler cannot.
interface UntypedBuilder {
  field(offset: unknown, name: string, type: BinaryType): UntypedBuilder;
  end(size: unknown, align: number): { size: number; offset: Record<string, number> };
}
const untyped = (name: string): UntypedBuilder => layout(name) as unknown as UntypedBuilder;

const Line = layout('Line')
  .field(0, 'sequence', u32)
  .field(4, 'flags', u16)
  .field(6, 'kind', u8)
  .field(7, 'spare', pad(1))
  .field(8, 'total', u64)
  .field(16, 'rest', pad(48))
  .end(64, 64);

describe('layout', () => {
  test('tells size, alignment and the offset of every field', () => {
    assert.equal(Line.name, 'Line');
    assert.equal(Line.size, 64);
    assert.equal(Line.align, 64);
    assert.deepEqual(
      { ...Line.offset },
      { sequence: 0, flags: 4, kind: 6, spare: 7, total: 8, rest: 16 },
    );
  });

  test('lists the fields in order, padding included', () => {
    assert.deepEqual(Line.fields.at(-1), { name: 'rest', offset: 16, size: 48 });
    assert.equal(
      Line.fields.reduce((bytes, field) => bytes + field.size, 0),
      Line.size,
    );
  });

  test('is itself a type that other layouts hold', () => {
    const Pair = layout('Pair').field(0, 'first', Line).field(64, 'second', Line).end(128, 64);
    assert.equal(Pair.offset.second, 64);
  });

  test('cannot be changed once it is made', () => {
    assert.throws(() => Object.assign(Line.offset, { total: 9 }), TypeError);
    assert.throws(() => Object.assign(Line, { size: 9 }), TypeError);
    assert.throws(() => Object.assign(Line.fields, { 0: undefined }), TypeError);
  });

  test('knows offsets and size as literal types', () => {
    const total: 8 = Line.offset.total;
    const size: 64 = Line.size;
    // @ts-expect-error  Type '8' is not assignable to type '16'.
    const wrong: 16 = Line.offset.total;
    // @ts-expect-error  Property 'missing' does not exist on type …
    const missing: unknown = Line.offset.missing;
    assert.deepEqual([total, size, wrong, missing], [8, 64, 8, undefined]);
  });
});

// The compiler refuses each of these, and so does the module that holds it when it loads. The
// sentences of the compiler are tested in test/compile/layout-messages.test.ts.
describe('a layout with a mistake neither compiles nor loads:', () => {
  const refused = (build: () => unknown, message: string): void =>
    assert.throws(build, { name: 'RangeError', message });

  test('a field off its alignment', () => {
    refused(
      // @ts-expect-error  "offset 8 is not a multiple of 64"
      () => layout('Bad').field(0, 'first', u64).field(8, 'line', Line),
      'Bad: offset of line, 8, is not a multiple of 64',
    );
  });

  test('a field at another offset than the sum before it', () => {
    refused(
      // @ts-expect-error  '16' is not assignable to parameter of type '8'
      () => layout('Bad').field(0, 'first', u64).field(16, 'second', u64),
      'Bad: offset of second is declared 16, falls at 8',
    );
  });

  test('a size other than the sum', () => {
    refused(
      // @ts-expect-error  '16' is not assignable to parameter of type '8'
      () => layout('Bad').field(0, 'first', u64).end(16, 8),
      'Bad: size is declared 16, falls at 8',
    );
  });

  test('a size off the alignment', () => {
    refused(
      // @ts-expect-error  "size 4 is not a multiple of 8"
      () => layout('Bad').field(0, 'first', u32).end(4, 8),
      'Bad: size, 4, is not a multiple of 8',
    );
  });

  test('an alignment less than that of a field', () => {
    refused(
      // @ts-expect-error  "alignment 4 is less than a field's 8"
      () => layout('Bad').field(0, 'first', u64).end(8, 4),
      "Bad: alignment 4 is less than a field's 8",
    );
  });

  test('a name given twice', () => {
    refused(
      // @ts-expect-error  "field first is declared twice"
      () => layout('Bad').field(0, 'first', u64).field(8, 'first', u64),
      'Bad: field first is declared twice',
    );
  });

  test('a size that is no count of bytes', () => {
    // @ts-expect-error  "the size of half must be a literal whole number"
    refused(() => layout('Bad').field(0, 'half', pad(0.5)), 'Bad: the size of half is 0.5');
    // @ts-expect-error  "the size of back must be a literal whole number"
    refused(() => layout('Bad').field(0, 'back', pad(-8)), 'Bad: the size of back is -8');
  });

  test('an alignment that is no power of two', () => {
    for (const align of [0, 3, -8, 0.5, 8192, Number.NaN]) {
      refused(
        () => untyped('Bad').field(0, 'first', { size: 8, align }),
        `Bad: alignment ${align} is not a power of two up to 4096`,
      );
      refused(
        () => untyped('Bad').end(0, align),
        `Bad: alignment ${align} is not a power of two up to 4096`,
      );
    }
    // @ts-expect-error  '24' is not assignable to parameter of type 'Alignment'
    assert.equal(block(48, 24).align, 24);
  });
});

describe('layout, for any sequence of fields', () => {
  const types = [u8, u16, u32, u64, Line, pad(3), block(100, 4)];
  const fields = fc.array(fc.constantFrom(...types), { maxLength: 30 });
  const name = (index: number): string => `field${index}`;

  test('accepts exactly the offsets of the sum, where they are aligned', () => {
    fc.assert(
      fc.property(fields, (chosen) => {
        let at = 0;
        let builder = untyped('Any');
        for (const [index, type] of chosen.entries()) {
          const offset = at;
          if (offset % type.align !== 0) {
            assert.throws(() => builder.field(offset, name(index), type), RangeError);
            return;
          }
          assert.throws(() => builder.field(offset + 1, name(index), type), RangeError);
          builder = builder.field(offset, name(index), type);
          at += type.size;
        }
        const spare = (64 - (at % 64)) % 64;
        const made = builder.field(at, 'spare', pad(spare)).end(at + spare, 64);
        assert.equal(made.size, at + spare);
        assert.equal(made.offset['spare'], at);
      }),
    );
  });
});

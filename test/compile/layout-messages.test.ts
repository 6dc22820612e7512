// The sentences that stand in place of an offset or a size when a layout is wrong: they are what
// someone sees who misplaces a field, so they are asserted word for word.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { diagnostics } from './diagnostics.js';

interface Case {
  readonly code: string;
  /** `marked text: message` for each message of the compiler. */
  readonly says: readonly string[];
}

/** What the compiler says where `given` stands in place of `expected`. */
const misfit = (given: string, expected: string): string =>
  `${given}: Argument of type '${given.replaceAll('_', '')}' is not assignable to parameter of ` +
  `type '${expected}'.`;

const POWERS = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

const CASES: Readonly<Record<string, Case>> = {
  'a sound layout compiles': {
    code:
      `layout('L').field(0, 'a', u64).field(8, 'b', pad(56)).field(64, 'line', ` +
      'line).end(128, 64);',
    says: [],
  },
  'a field off its alignment': {
    code: `layout('L').field(0, 'a', u64).field(8, 'line', line);`,
    says: [misfit('8', '"offset 8 is not a multiple of 64"')],
  },
  'a scalar off its alignment': {
    code: `layout('L').field(0, 'a', u8).field(1, 'b', u32);`,
    says: [misfit('1', '"offset 1 is not a multiple of 4"')],
  },
  'an offset that overlaps the field before it': {
    code: `layout('L').field(0, 'a', u64).field(4, 'b', u64);`,
    says: [misfit('4', '8')],
  },
  'an offset that leaves a hole': {
    code: `layout('L').field(0, 'a', u64).field(16, 'b', u64);`,
    says: [misfit('16', '8')],
  },
  'a first field that is not at 0': {
    code: `layout('L').field(8, 'a', u64);`,
    says: [misfit('8', '0')],
  },
  'an offset that is only known when it runs': {
    code: `layout('L').field(unknown, 'a', u64);`,
    says: [`unknown: Argument of type 'number' is not assignable to parameter of type '0'.`],
  },
  'a size that is not the sum': {
    code: `layout('L').field(0, 'a', u64).end(16, 8);`,
    says: [misfit('16', '8')],
  },
  'a size off the alignment': {
    code: `layout('L').field(0, 'a', u32).end(4, 8);`,
    says: [misfit('4', '"size 4 is not a multiple of 8"')],
  },
  'an alignment less than that of a field': {
    code: `layout('L').field(0, 'a', line).field(64, 'b', u64).end(72, 8);`,
    says: [misfit('72', `"alignment 8 is less than a field's 64"`)],
  },
  'an alignment that is no power of two': {
    code: `block(48, 24);`,
    says: [misfit('24', 'Alignment')],
  },
  'a type of our own with an alignment that is no power of two': {
    code: `layout('L').field(0, 'a', { size: 24, align: 24 } as const);`,
    says: [misfit('0', '"the alignment of a must be a power of two up to 4096"')],
  },
  'an alignment that is only known when it runs': {
    code: `layout('L').field(0, 'a', { size: 8 as const, align: unknown }).end(8, 8);`,
    says: [misfit('0', '"the alignment of a must be a literal"')],
  },
  'an alignment of the whole that is one of two': {
    code: `layout('L').field(0, 'a', u64).end(8, unknown as 8 | 16);`,
    says: [misfit('8', '"the alignment must be a literal"')],
  },
  'a size that is only known when it runs: one message, though more fields follow': {
    code: `layout('L').field(0, 'a', pad(unknown)).field(8, 'b', u64).end(16, 8);`,
    says: [misfit('0', '"the size of a must be a literal whole number"')],
  },
  'a type that has lost its size': {
    code: `layout('L').field(0, 'a', u64 as BinaryType).field(8, 'b', u64).end(16, 8);`,
    says: [misfit('0', '"the size of a must be a literal whole number"')],
  },
  'a size that is one of two': {
    code: `layout('L').field(0, 'a', pad(unknown as 8 | 16));`,
    says: [misfit('0', '"the size of a must be a literal whole number"')],
  },
  'a size that is negative': {
    code: `layout('L').field(0, 'a', pad(-8));`,
    says: [misfit('0', '"the size of a must be a literal whole number"')],
  },
  'a size that is a fraction': {
    code: `layout('L').field(0, 'a', pad(0.5));`,
    says: [misfit('0', '"the size of a must be a literal whole number"')],
  },
  'a size whose name is misspelt ends, and says so': {
    code: `layout('L').field(0, 'a', pad(mispelt));`,
    says: [`mispelt: Cannot find name 'mispelt'.`],
  },
  'a name given twice': {
    code: `layout('L').field(0, 'a', u64).field(8, 'a', u64);`,
    says: [misfit('8', '"field a is declared twice"')],
  },
  'a name that is only known when it runs': {
    code: `layout('L').field(0, String(unknown), u64);`,
    says: [misfit('0', '"the name of a field must be a literal"')],
  },
  'sums carry from digit to digit': {
    code: `layout('L').field(0, 'a', pad(58)).field(58, 'b', pad(64)).field(122, 'c', pad(999_878))
      .field(1_000_000, 'd', line).end(1_000_000, 64);`,
    says: [misfit('1_000_000', '1000064')],
  },
  'every power of two up to a page divides its multiples': {
    code: POWERS.map(
      (power) =>
        `layout('L').field(0, 'a', pad(${power * 3})).field(${power * 3}, 'b', block(1, ` +
        `${power}));`,
    ).join('\n'),
    says: [],
  },
  'no power of two divides a multiple of its half': {
    code: POWERS.map(
      (power) =>
        `layout('L').field(0, 'a', pad(${power * 1.5})).field(${power * 1.5}, 'b', block(1, ` +
        `${power}));`,
    ).join('\n'),
    says: POWERS.map((power) =>
      misfit(`${power * 1.5}`, `"offset ${power * 1.5} is not a multiple of ${power}"`),
    ),
  },
  'offsets, size and alignment are literals in the type': {
    code: `const made = layout('L').field(0, 'a', u64).field(8, 'b', u64).end(16, 8);
      const wrong: readonly [4, 32, 16] = [made.offset.b, made.size, made.align];
      made.offset.c;`,
    says: [
      `made.offset.b: Type '8' is not assignable to type '4'.`,
      `made.size: Type '16' is not assignable to type '32'.`,
      `made.align: Type '8' is not assignable to type '16'.`,
      `c: Property 'c' does not exist on type '{ readonly a: 0; readonly b: 8; }'.`,
    ],
  },
};

const PRELUDE = `
import { type BinaryType, block, layout, pad, u8, u32, u64 } from './memory/layout.js';
declare const unknown: number;
const line = block(64, 64);
`;

describe('the compiler on a layout:', () => {
  let messages = new Map<string, string[]>();
  before(() => {
    messages = diagnostics(
      Object.fromEntries(Object.entries(CASES).map(([name, { code }]) => [name, PRELUDE + code])),
    );
  });

  for (const [name, { says }] of Object.entries(CASES)) {
    test(name, () => assert.deepEqual(messages.get(name), says));
  }
});

// What the compiler says of values that do not belong into a structure: each of these would write
// other bytes than the layout promises, or none where it promises some.
import { describeMessages, type MessageCase } from './diagnostics.js';

const CASES: Readonly<Record<string, MessageCase>> = {
  'all fields, each of its type': {
    code: 'codec.encode(bytes, { id: 1n, eventId: 1, count: 1, kind: 1, flags: 1, digest });',
    says: [],
  },
  'fields that come from another object': {
    code: 'codec.encode(bytes, { ...rest, id: 1n });',
    says: [],
  },
  'a missing field': {
    code: 'codec.encode(bytes, { ...rest });',
    says: [`{ ...rest }: Argument of type '{ eventId: number; count: number; kind: number; `],
  },
  'a field that the layout does not have': {
    code: 'codec.encode(bytes, { ...rest, id: 1n, extra: 1 });',
    says: [`extra: Type 'number' is not assignable to type '"the layout has no such field"'.`],
  },
  'one that comes with another object': {
    code: 'const more = { ...rest, id: 1n, extra: 1 }; codec.encode(bytes, { ...more });',
    says: [`Type 'number' is not assignable to type '"the layout has no such field"'.`],
  },
  'padding is no field': {
    code: 'codec.encode(bytes, { ...rest, id: 1n, spare: 0 });',
    says: [`spare: Type 'number' is not assignable to type '"the layout has no such field"'.`],
  },
  'a number where a u64 is': {
    code: 'codec.encode(bytes, { ...rest, id: 1 }); codec.field.id.set(view, 0, 1);',
    says: [
      `id: Type 'number' is not assignable to type 'bigint'.`,
      `1: Argument of type 'number' is not assignable to parameter of type 'bigint'.`,
    ],
  },
  'a bigint where a u32 is': {
    code:
      'codec.encode(bytes, { ...rest, id: 1n, count: 1n }); ' +
      'codec.field.count.set(view, 0, 1n);',
    says: [
      `count: Type 'bigint' is not assignable to type 'number'.`,
      `1n: Argument of type 'bigint' is not assignable to parameter of type 'number'.`,
    ],
  },
  'a bigint where a u64 is read as a number': {
    code: 'codec.encode(bytes, { ...rest, id: 1n, eventId: 1n });',
    says: [`eventId: Type 'bigint' is not assignable to type 'number'.`],
  },
  'a text where bytes are': {
    code: `codec.encode(bytes, { ...rest, id: 1n, digest: 'abcd' });`,
    says: [`digest: Type 'string' is not assignable to type 'Uint8Array<ArrayBufferLike>'.`],
  },
  'what is read has the types of the fields': {
    code: `const { id, eventId, digest: read } = codec.decode(bytes);
      const wrong: readonly [number, bigint, string] = [id, eventId, read];
      codec.decode(bytes).spare; codec.field.spare;`,
    says: [
      `id: Type 'bigint' is not assignable to type 'number'.`,
      `eventId: Type 'number' is not assignable to type 'bigint'.`,
      `read: Type 'Uint8Array<ArrayBufferLike>' is not assignable to type 'string'.`,
      `spare: Property 'spare' does not exist on type`,
      `spare: Property 'spare' does not exist on type`,
    ],
  },
  'a layout that holds another': {
    code: `codecOf(layout('Outer').field(0, 'inner', Inner).end(32, 8));`,
    says: [`'"a layout within the layout has no value of its own"'.`],
  },
  'a layout that holds a type of our own': {
    code: `codecOf(layout('L').field(0, 'a', { size: 8, align: 8 } as const).end(8, 8));`,
    says: [`'"a layout within the layout has no value of its own"'.`],
  },
};

const PRELUDE = `
import { codecOf } from './memory/codec.js';
import { block, layout, pad, safeU64, u8, u16, u32, u64 } from './memory/layout.js';
const Inner = layout('Inner').field(0, 'id', u64).field(8, 'eventId', safeU64)
  .field(16, 'count', u32).field(20, 'kind', u16).field(22, 'flags', u8).field(23, 'spare', pad(1))
  .field(24, 'digest', block(8, 8)).end(32, 8);
const codec = codecOf(Inner);
declare const bytes: Uint8Array;
declare const digest: Uint8Array;
declare const view: DataView;
const rest = { eventId: 1, count: 1, kind: 1, flags: 1, digest };
`;

describeMessages('the compiler on the values of a structure:', PRELUDE, CASES);

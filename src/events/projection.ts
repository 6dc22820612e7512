// Events of another version of a definition, read as this one says.
//
//   the log's schema          the definition
//   size       u32      ──►   quantity  safeU64     renamed: { quantity: ['size'] }; widened
//   price      i64      ──►   price     i64         the same: read where it is
//   venue      u8                                   removed: not read
//                             account   u32         added: defaults: { account: 0 }
//
// What cannot be so is refused when the schema is seen: a field that the log does not have and that
// has no default, or one of another kind. What a value does not allow, because a field has become
// narrower, is refused where that value is read.
import { invalidArgument, WalError } from '../errors.js';
import type { DefinitionInside } from './define-event.js';
import { Draft } from './draft.js';
import { schemaError } from './event-errors.js';
import type { ViewedField } from './event-view.js';
import { type FieldReader, readerOf, readersOf } from './field-readers.js';
import { writersOf } from './field-writers.js';
import { type Encoding, type EventLayout, layOut, type PlacedField } from './fields.js';
import type { RecordedSchema } from './schema-event.js';

/** Kinds of values: within one they are converted, from one to another not. */
type ValueClass = 'number' | 'boolean' | 'name' | 'text' | 'bytes' | 'none';

function classOf(encoding: Encoding): ValueClass {
  switch (encoding) {
    case 'bool':
      return 'boolean';
    case 'enum':
      return 'name';
    case 'shortString':
    case 'string':
      return 'text';
    case 'fixedBytes':
    case 'bytes':
      return 'bytes';
    case 'spare':
      return 'none';
    default:
      return 'number';
  }
}

const isBigInt = (encoding: Encoding): boolean => encoding === 'u64' || encoding === 'i64';

/** A number as the kind of field takes it, where it is one that this kind has. */
function numberAs(value: unknown, encoding: Encoding): unknown {
  if (isBigInt(encoding)) {
    if (typeof value === 'bigint') return value;
    return Number.isInteger(value) ? BigInt(value as number) : value;
  }
  if (typeof value !== 'bigint') {
    const isExact = encoding !== 'f32' || Math.fround(value as number) === value;
    if (isExact || Number.isNaN(value)) return value;
    throw invalidArgument(`32 bits do not hold ${String(value)} exactly.`);
  }
  const number = Number(value);
  return BigInt(number) === value ? number : value;
}

/** Reads what `read` gives as a value of `field`. */
function converted(field: PlacedField, read: FieldReader): FieldReader {
  // Its writer knows what it takes; what it stores here nobody reads.
  const layout = layOut([[field.name, field.declared]]);
  const draft = new Draft(layout);
  const write = writersOf(layout)[0]?.write;
  const isNumber = classOf(field.encoding) === 'number';
  return (view, start, end) => {
    const value = read(view, start, end);
    try {
      const wanted = isNumber ? numberAs(value, field.encoding) : value;
      write?.(draft, wanted);
      return wanted;
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      throw schemaError(`What the log holds does not fit: ${error.message}`);
    }
  };
}

/**
 * The fields of a definition, as readers of events that are made as the log's schema says.
 * @throws WalError ERR_FLASHSTRIKE_SCHEMA where the two do not go together
 */
export function projectionOf(
  definition: DefinitionInside & { readonly layout: EventLayout },
  logged: RecordedSchema,
): readonly ViewedField[] {
  const { layout, schema, renamed, defaults } = definition;
  if (schema.schemaId === logged.schemaId) return readersOf(layout);
  const what = `${schema.name} of version ${schema.version}`;
  const refuse = (why: string) =>
    schemaError(
      `The log has ${logged.name} of version ${logged.version}, read as ${what}: ${why}.`,
    );
  const { layout: old } = logged;
  if (old === undefined) throw refuse('there it is JSON, here it has fields');
  return writersOf(layout).map(({ field }) => {
    const { name } = field;
    const names = [name, ...(Object.hasOwn(renamed, name) ? (renamed[name] ?? []) : [])];
    const from = names
      .map((each) => old.fields.find((candidate) => candidate.name === each))
      .find((candidate) => candidate !== undefined && candidate.encoding !== 'spare');
    if (from === undefined) {
      if (!Object.hasOwn(defaults, name)) {
        throw refuse(`there is no field ${name} in it, and the definition has no default for it`);
      }
      const value = defaults[name];
      return { name, read: () => value };
    }
    const read = readerOf(from);
    if (read === undefined || classOf(from.encoding) !== classOf(field.encoding)) {
      throw refuse(
        `the field ${name} is ${JSON.stringify(from.declared)} there and ` +
          `${JSON.stringify(field.declared)} here`,
      );
    }
    const isSame = JSON.stringify(from.declared) === JSON.stringify(field.declared);
    return { name, read: isSame ? read : converted(field, read) };
  });
}

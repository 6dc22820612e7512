// The definition of an event: declared once, and from then on its encoding, its decoding and its
// TypeScript type.
import { invalidArgument } from '../errors.js';
import { checkFlag, checkOptionNames } from '../reading/event-range.js';
import { Draft } from './draft.js';
import { schemaError, shownValue } from './event-errors.js';
import { type EventSource, type EventViewing, objectOf, ShownBytes, viewOf } from './event-view.js';
import { readersOf } from './field-readers.js';
import { writersOf } from './field-writers.js';
import {
  checkName,
  type EventField,
  type EventFields,
  type EventLayout,
  type EventValues,
  layOut,
} from './fields.js';
import { type EventSchema, SCHEMA_TEXT_BYTES_MAX, SCHEMA_TYPE, schemaOf } from './schema-event.js';

/** Options of `defineEvent`. */
export interface EventDefinitionOptions<Fields extends EventFields = EventFields> {
  /** Of the definition: a whole number, 1 … 65,535. Another one for each change of the fields. */
  readonly version: number;
  /**
   * The `type` of these events in a log, 0 … 65,534. Default: one from 32,768 on that follows from
   * the name. Two definitions of a log must not share one.
   */
  readonly type?: number | undefined;
  /** Names that fields had in earlier versions: `{ quantity: ['size'] }`. */
  readonly renamed?: { readonly [Name in keyof Fields]?: readonly string[] } | undefined;
  /** What fields hold in events of a version that does not have them. */
  readonly defaults?: Partial<EventValues<Fields>> | undefined;
  /**
   * False: the log is not told what these events are made of, so no reader can check it. For
   * events that have to follow each other without anything in between. Default: true.
   */
  readonly recorded?: boolean | undefined;
}

/** An event that a view shows: a property for each field, and `show`, `toObject`, `toJSON`. */
export type EventView<Fields extends EventFields> = EventValues<Fields> &
  EventViewing<EventValues<Fields>>;

/** The type that a definition's events have as objects. */
export type EventOf<Definition extends { readonly encode: (values: never) => Uint8Array }> =
  Parameters<Definition['encode']>[0];

const VERSION_MAX = 65_535;
const FIRST_DERIVED_TYPE = 32_768;
const OPTIONS = ['version', 'type', 'renamed', 'defaults', 'recorded'];

/** FNV-1a: which type the events of a name have is the same in every version of this package. */
export function typeOfName(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
  }
  return FIRST_DERIVED_TYPE + (hash % (SCHEMA_TYPE - FIRST_DERIVED_TYPE));
}

/** What the package needs of a definition of either kind. */
export interface DefinitionInside {
  readonly schema: EventSchema;
  readonly recorded: boolean;
  readonly renamed: Readonly<Record<string, readonly string[]>>;
  readonly defaults: Readonly<Record<string, unknown>>;
}

/** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT */
export function checkVersion(version: unknown): number {
  if (Number.isInteger(version) && Number(version) >= 1 && Number(version) <= VERSION_MAX) {
    return Number(version);
  }
  throw invalidArgument(
    `The version of an event must be a whole number from 1 to ${VERSION_MAX}; it is ` +
      `${shownValue(version)}.`,
  );
}

/** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT */
export function checkType(type: unknown, name: string): number {
  if (type === undefined) return typeOfName(name);
  if (Number.isInteger(type) && Number(type) >= 0 && Number(type) < SCHEMA_TYPE)
    return Number(type);
  throw invalidArgument(
    `The type of an event must be a whole number from 0 to ${SCHEMA_TYPE - 1}; it is ` +
      `${shownValue(type)}.`,
  );
}

/** Text of a definition that the smallest log takes. */
export function checkedSchema(
  name: string,
  version: number,
  layout: EventLayout | undefined,
): EventSchema {
  const schema = schemaOf(name, version, layout);
  if (Buffer.byteLength(schema.text) <= SCHEMA_TEXT_BYTES_MAX) return schema;
  throw invalidArgument(
    `The definition of ${name} takes more than ${SCHEMA_TEXT_BYTES_MAX} bytes as JSON: use fewer ` +
      'or shorter names.',
  );
}

let insideOf: (definition: EventDefinition) => DefinitionInside & { readonly layout: EventLayout };

/** An event as `defineEvent` has defined it. */
export class EventDefinition<
  Name extends string = string,
  Fields extends EventFields = EventFields,
> {
  /** As it was given to `defineEvent`. */
  readonly name: Name;
  /** Of the definition. */
  readonly version: number;
  /** The `type` of these events in a log. */
  readonly type: number;
  /** As they were given to `defineEvent`. */
  readonly fields: Fields;
  readonly #layout: EventLayout;
  readonly #inside: Omit<DefinitionInside, 'schema'>;
  #schema: EventSchema | undefined;
  readonly #shown = new ShownBytes();

  static {
    insideOf = (definition) => ({
      ...definition.#inside,
      layout: definition.#layout,
      schema: definition.#schemaOf(),
    });
  }

  /** @hidden */
  constructor(name: Name, fields: Fields, options: EventDefinitionOptions<Fields>) {
    this.name = checkName('an event', name) as Name;
    checkOptionNames(options, OPTIONS);
    this.version = checkVersion(options.version);
    this.type = checkType(options.type, this.name);
    if (typeof fields !== 'object' || fields === null) {
      throw invalidArgument(`The fields of ${this.name} must be an object.`);
    }
    this.#layout = layOut(Object.entries(fields));
    this.fields = Object.freeze(
      Object.fromEntries(this.#layout.fields.map((field) => [field.name, field.declared])),
    ) as Fields;
    this.#inside = {
      recorded: checkFlag('recorded', options.recorded ?? true),
      renamed: checkRenamed(this.#layout, options.renamed ?? {}),
      defaults: checkDefaults(this.#layout, options.defaults ?? {}),
    };
    this.#schemaOf();
  }

  /** Which definition it is: XXH64 of its name, version and fields. */
  get schemaId(): bigint {
    return this.#schemaOf().schemaId;
  }

  /** Bytes of an event without its variable part. */
  get fixedBytes(): number {
    return this.#layout.fixedBytes;
  }

  #schemaOf(): EventSchema {
    this.#schema ??= checkedSchema(this.name, this.version, this.#layout);
    return this.#schema;
  }

  /**
   * An event as bytes: the payload that `wal.appendEvent` appends.
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT for a value that its field cannot hold
   */
  encode(values: EventValues<Fields>): Uint8Array {
    const draft = new Draft(this.#layout);
    draft.take(values);
    return draft.toBytes();
  }

  /**
   * An event as an object of its own, by this definition: whether the log says that it is of this
   * version is not asked (`replayEvents` does).
   * @throws WalError ERR_FLASHSTRIKE_SCHEMA for an event of another type or size, or whose bytes
   * are no values of the fields
   */
  decode(event: EventSource): EventValues<Fields> {
    const shown = this.#shown;
    shown.point(event);
    this.#check(event, shown);
    for (const [start, end] of this.#layout.gaps) {
      if (!shown.isZero(start, end)) {
        throw schemaError(
          `Event ${event.eventId} is no ${this.name}: bytes between its fields are not zero.`,
        );
      }
    }
    return objectOf(shown, readersOf(this.#layout)) as EventValues<Fields>;
  }

  /**
   * A view that shows `event`, or none until it is told to: one for each loop. Like `decode`, it
   * goes by this definition alone.
   * @throws WalError ERR_FLASHSTRIKE_SCHEMA for an event of another type or size; a property throws
   * it where the bytes are no value of the field
   * @example
   * import { defineEvent, openCursor } from 'flashstrike';
   *
   * const Order = defineEvent('order', { price: 'safeI64', quantity: 'u32' }, { version: 1 });
   * using cursor = openCursor('./orders');
   * const order = Order.view();
   * while (cursor.next()) {
   *   if (cursor.type === Order.type) console.log(order.show(cursor).price);
   * }
   */
  view(event?: EventSource): EventView<Fields> {
    const view = viewOf(readersOf(this.#layout), (source, shown) => this.#check(source, shown));
    if (event !== undefined) view.show(event);
    return view as EventView<Fields>;
  }

  #check(event: EventSource, { byteCount }: ShownBytes): void {
    if (event.type !== this.type) {
      throw schemaError(
        `Event ${event.eventId} is no ${this.name}: its type is ${event.type}, not ${this.type}.`,
      );
    }
    checkSize(this.#layout, event.eventId, this.name, byteCount);
  }
}

/** @throws WalError ERR_FLASHSTRIKE_SCHEMA */
export function checkSize(
  { fixedBytes, rest }: EventLayout,
  eventId: number,
  name: string,
  byteCount: number,
): void {
  if (rest === undefined ? byteCount === fixedBytes : byteCount >= fixedBytes) return;
  const most = rest === undefined ? '' : ' or more';
  throw schemaError(
    `Event ${eventId} is no ${name}: it has ${byteCount} bytes, not ${fixedBytes}${most}.`,
  );
}

function checkRenamed(
  layout: EventLayout,
  renamed: Readonly<Record<string, unknown>>,
): Readonly<Record<string, readonly string[]>> {
  const entries = Object.entries(renamed).filter(([, names]) => names !== undefined);
  return Object.fromEntries(
    entries.map(([name, names]) => {
      checkNamesField(layout, 'renamed', name);
      if (!Array.isArray(names)) {
        throw invalidArgument(`The earlier names of ${name} must be an array.`);
      }
      return [name, names.map((each: unknown) => checkName('a field', each))];
    }),
  );
}

function checkDefaults(
  layout: EventLayout,
  defaults: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const entries = Object.entries(defaults).filter(([, value]) => value !== undefined);
  const draft = new Draft(layout);
  for (const [name, value] of entries) {
    checkNamesField(layout, 'defaults', name);
    writersOf(layout)
      .find(({ field }) => field.name === name)
      ?.write(draft, value);
  }
  // Of its own: what was given may change.
  const kept = (value: unknown) => (value instanceof Uint8Array ? new Uint8Array(value) : value);
  return Object.freeze(Object.fromEntries(entries.map(([name, value]) => [name, kept(value)])));
}

function checkNamesField(layout: EventLayout, option: string, name: string): void {
  if (layout.fields.some((field) => field.name === name && field.encoding !== 'spare')) return;
  throw invalidArgument(`The option ${option} names ${shownValue(name)}, which is no field.`);
}

/**
 * Defines an event: its name, and its fields in order, of which each takes a fixed number of bytes,
 * but for a last one that may be `'bytes'` or `'string'`. TypeScript knows from it what
 * `wal.appendEvent` takes and what readers give. See docs/EVENTS.md for kinds, limits, and how a
 * definition changes over time.
 * @param name 1 to 64 letters, digits and underscores, not beginning with a digit
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT, _INVALID_OPTION
 * @example
 * import { defineEvent, Wal } from 'flashstrike';
 *
 * const Order = defineEvent(
 *   'order',
 *   { orderId: 'safeU64', side: { enum: ['buy', 'sell'] }, price: 'safeI64', quantity: 'u32' },
 *   { version: 1 },
 * );
 * await using wal = await Wal.open('./orders');
 * wal.appendEvent(Order, { orderId: 7, side: 'buy', price: 585_3300, quantity: 18 });
 */
export function defineEvent<const Name extends string, const Fields extends EventFields>(
  name: Name,
  fields: Fields & { readonly [Key in keyof Fields]: EventField },
  options: EventDefinitionOptions<Fields>,
): EventDefinition<Name, Fields> {
  const definition = new EventDefinition<Name, Fields>(name, fields, options);
  Object.freeze(definition);
  return definition;
}

export { insideOf as insideOfEvent };

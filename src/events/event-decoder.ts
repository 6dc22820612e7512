// Reading typed events of a log: each by the schema that the log has of it, as the program's own
// definition of it.
import { assert, invalidArgument } from '../errors.js';
import { checkDirectory } from '../reading/event-range.js';
import type { EventOptions, FollowOptions, LoggedEvent, ReplayOptions } from '../reading/events.js';
import { follow } from '../replay/follow.js';
import type { ReplayPorts } from '../replay/read-ahead.js';
import { replay } from '../replay/replay.js';
import { REPLAY_PORTS } from '../replay/thread-read-ahead.js';
import type { AnyDefinition } from './any-definition.js';
import { checkSize, EventDefinition, insideOfEvent } from './define-event.js';
import { schemaError } from './event-errors.js';
import { type EventSource, type EventViewing, viewOf } from './event-view.js';
import { insideOfJsonEvent, isJsonDefinition } from './json-event.js';
import { LogSchemas } from './log-schemas.js';
import { projectionOf } from './projection.js';
import { decodeSchema, type RecordedSchema, SCHEMA_TYPE } from './schema-event.js';
import { ToldDefinitions } from './told-definitions.js';

/** An event that was read by its definition: `name` says by which. */
export type TypedEvent<Definition extends AnyDefinition = AnyDefinition> =
  Definition extends AnyDefinition
    ? Typed<Definition['name'], ReturnType<Definition['decode']>>
    : never;

/** The same, with fields shown where their bytes are. */
export type TypedView<Definition extends AnyDefinition = AnyDefinition> =
  Definition extends AnyDefinition ? Typed<Definition['name'], ShownValue<Definition>> : never;

type ShownValue<Definition extends AnyDefinition> = Definition extends {
  readonly view: (event?: EventSource) => infer View;
}
  ? View
  : ReturnType<Definition['decode']>;

interface Typed<Name extends string, Value> {
  /** Of the definition. */
  readonly name: Name;
  /** Its id in the log. */
  readonly eventId: number;
  /** When it was appended: nanoseconds since the Unix epoch. */
  readonly timestampNs: bigint;
  /** Its fields, or its JSON. */
  readonly value: Value;
}

type Source = EventSource & { readonly timestampNs: bigint };

/** One definition, and by which schema its events are read now. */
class Reading {
  readonly definition: AnyDefinition;
  readonly #schemas: LogSchemas;
  readonly #views = new Map<bigint, EventViewing<object>>();
  /** Of events with fields. */
  #view: EventViewing<object> | undefined;
  /** Whether it is known what the log says, or that it says nothing. */
  #isKnown = false;

  constructor(definition: AnyDefinition, schemas: LogSchemas) {
    this.definition = definition;
    this.#schemas = schemas;
    // What the log is not told cannot be asked of it.
    if (definition instanceof EventDefinition) {
      if (insideOfEvent(definition).recorded) return;
      this.#view = definition.view();
    } else if (!isJsonDefinition(definition) || insideOfJsonEvent(definition).recorded) return;
    this.#isKnown = true;
  }

  /** The events that follow are made as `schema` says. */
  follow(schema: RecordedSchema): void {
    const { definition } = this;
    const { name } = definition;
    if (schema.name !== name) {
      throw schemaError(
        `From event ${schema.sinceEventId} on, events of type ${schema.type} are ${schema.name} ` +
          `in this log, not ${name}: give ${name} the type that it was appended with.`,
      );
    }
    this.#isKnown = true;
    if (definition instanceof EventDefinition) this.#view = this.#viewOf(definition, schema);
    else if (schema.layout !== undefined) {
      throw schemaError(`The log has ${name} of version ${schema.version} with fields, not JSON.`);
    }
  }

  #viewOf(definition: EventDefinition, schema: RecordedSchema): EventViewing<object> {
    let view = this.#views.get(schema.schemaId);
    if (view === undefined) {
      const inside = insideOfEvent(definition);
      const layout = schema.layout ?? inside.layout;
      view = viewOf(projectionOf(inside, schema), (event, { byteCount }) =>
        checkSize(layout, event.eventId, schema.name, byteCount),
      );
      this.#views.set(schema.schemaId, view);
    }
    return view;
  }

  valueOf(event: EventSource, isView: boolean): unknown {
    const { definition } = this;
    if (!this.#isKnown) this.#find(event);
    if (!(definition instanceof EventDefinition)) return definition.decode(event);
    assert(this.#view !== undefined, 'what is known of fields can be shown');
    const view = this.#view.show(event);
    return isView ? view : view.toObject();
  }

  #find({ eventId }: EventSource): void {
    const { name, type } = this.definition;
    const schema = this.#schemas.inForceAt(type, eventId);
    if (schema === undefined) {
      throw schemaError(
        `The log does not say what event ${eventId}, of type ${type}, is made of: there is no ` +
          `schema of ${name} for it. If it was appended as bytes, define it with recorded: false.`,
      );
    }
    this.follow(schema);
  }
}

/**
 * Reads typed events one by one, in the order of the log, from whatever hands them out: `replay`,
 * `follow`, a consumer, a cursor. Gives it all events, also those of other types.
 */
export class EventDecoder<Definition extends AnyDefinition = AnyDefinition> {
  readonly #readings = new Map<number, Reading>();
  /** Where the log is to say by itself what its events are. */
  readonly #told: ToldDefinitions | undefined;
  readonly #schemas: LogSchemas;

  /**
   * @param dir folder of the log, where it looks for schemas that lie before the first event
   * @param definitions what is to be read; all else is passed over. Default: all events of which
   * the log itself says what they are made of, by the version that they were appended with; where
   * reading begins in the middle, this is looked for up to 128 MiB before and behind.
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT
   */
  constructor(dir: string | URL, definitions?: readonly Definition[]);
  /** @internal */
  constructor(dir: string | URL, definitions?: readonly Definition[], ports?: ReplayPorts);
  constructor(dir: string | URL, definitions?: readonly Definition[], ports = REPLAY_PORTS) {
    const schemas = new LogSchemas(ports, checkDirectory(dir));
    this.#schemas = schemas;
    this.#told = definitions === undefined ? new ToldDefinitions(schemas) : undefined;
    if (definitions === undefined) return;
    checkDefinitions(definitions);
    for (const definition of definitions) {
      this.#readings.set(definition.type, new Reading(definition, schemas));
    }
  }

  /**
   * The event by its definition, as an object of its own; undefined for events of other types, and
   * for schema events.
   * @throws WalError ERR_FLASHSTRIKE_SCHEMA where the log's schema of it and the definition do not
   * go together, or the log has none; what looking for it finds. Without definitions: where the
   * event is not what the log says, and at a schema event that cannot be read, from which on no
   * earlier one counts
   */
  decode(
    event: EventSource & { readonly timestampNs: bigint },
  ): TypedEvent<Definition> | undefined {
    return this.#read(event, false) as TypedEvent<Definition> | undefined;
  }

  /**
   * The same without a copy: `value` of an event with fields is one object, which shows the event
   * as long as its bytes are valid, and the next one from then on.
   * @throws WalError as `decode`; properties of `value` throw where the bytes are no value
   */
  view(event: EventSource & { readonly timestampNs: bigint }): TypedView<Definition> | undefined {
    return this.#read(event, true) as TypedView<Definition> | undefined;
  }

  /**
   * The definition by which `event` is read; undefined where it is passed over. Like `decode` it
   * takes all events, in order.
   * @throws WalError ERR_FLASHSTRIKE_SCHEMA at a schema event that cannot be read
   */
  definitionOf(event: EventSource): AnyDefinition | undefined {
    if (this.#told !== undefined) return this.#told.of(event);
    if (event.type === SCHEMA_TYPE) this.#note(event);
    return this.#readings.get(event.type)?.definition;
  }

  /** The definitions that were given; without any, those that the log has told so far. */
  get definitions(): readonly AnyDefinition[] {
    return this.#told?.all ?? [...this.#readings.values()].map(({ definition }) => definition);
  }

  #read(event: Source, isView: boolean): unknown {
    const definition = this.definitionOf(event);
    if (definition === undefined) return undefined;
    const { eventId } = event;
    const value =
      this.#told === undefined || isView
        ? this.#readingOf(definition).valueOf(event, isView)
        : definition.decode(event);
    return { name: definition.name, eventId, timestampNs: event.timestampNs, value };
  }

  #readingOf(definition: AnyDefinition): Reading {
    const { type } = definition;
    let reading = this.#readings.get(type);
    // What the log has told is another definition from another schema on.
    if (reading?.definition !== definition) {
      reading = new Reading(definition, this.#schemas);
      this.#readings.set(type, reading);
    }
    return reading;
  }

  #note(event: EventSource & { readonly payload?: Uint8Array }): void {
    const { eventId, payload } = event;
    if (payload === undefined) return;
    const schema = decodeSchema({ eventId, type: SCHEMA_TYPE, payload });
    if (schema !== undefined) this.#readings.get(schema.type)?.follow(schema);
  }
}

/**
 * Definitions of events of one log.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT
 */
export function checkDefinitions(definitions: unknown): asserts definitions is AnyDefinition[] {
  if (!Array.isArray(definitions)) throw invalidArgument('The definitions must be an array.');
  const byType = new Map<number, string>();
  for (const definition of definitions as unknown[]) {
    if (!(definition instanceof EventDefinition || isJsonDefinition(definition))) {
      throw invalidArgument('A definition must be one of defineEvent or defineJsonEvent.');
    }
    const other = byType.get(definition.type);
    if (other !== undefined) {
      throw invalidArgument(`${other} and ${definition.name} have the same type.`);
    }
    byType.set(definition.type, definition.name);
  }
}

/** Options of `replayEvents`: those of `replay`. */
export type ReplayEventsOptions = ReplayOptions;

/**
 * Iterates over the typed events of a log, like `replay`: each is checked against the schema that
 * the log has of it, and read as the definition says, also where that is of another version. Events
 * of other types are passed over. With `reuse: true` values are views, valid until the next step.
 * @throws WalError as `replay`; during the iteration ERR_FLASHSTRIKE_SCHEMA for an event whose
 * schema does not go with the definition, or is not in the log
 * @example
 * import { defineEvent, replayEvents } from 'flashstrike';
 *
 * const Order = defineEvent('order', { price: 'safeI64', quantity: 'u32' }, { version: 1 });
 * for (const { eventId, name, value } of replayEvents('./orders', [Order])) {
 *   console.log(eventId, name, value.price * value.quantity);
 * }
 */
export function replayEvents<const Definition extends AnyDefinition>(
  dir: string | URL,
  definitions: readonly Definition[],
  options: ReplayEventsOptions = {},
): Generator<TypedEvent<Definition>, void, void> {
  const decoder = new EventDecoder(dir, definitions);
  return typedOf(decoder, replay(dir, options), options);
}

function* typedOf<Definition extends AnyDefinition>(
  decoder: EventDecoder<Definition>,
  events: Iterable<LoggedEvent>,
  { reuse }: EventOptions,
): Generator<TypedEvent<Definition>, void, void> {
  for (const event of events) {
    const typed = reuse === true ? decoder.view(event) : decoder.decode(event);
    if (typed !== undefined) yield typed as TypedEvent<Definition>;
  }
}

/**
 * Iterates over typed events as they become durable, without end: to `follow` what `replayEvents`
 * is to `replay`.
 * @throws WalError as `follow`, and ERR_FLASHSTRIKE_SCHEMA as `replayEvents`
 * @example
 * import { defineEvent, followEvents } from 'flashstrike';
 *
 * const Order = defineEvent('order', { price: 'safeI64', quantity: 'u32' }, { version: 1 });
 * for await (const { eventId, value } of followEvents('./orders', [Order], { from: 1 })) {
 *   console.log(eventId, value.price);
 * }
 */
export async function* followEvents<const Definition extends AnyDefinition>(
  dir: string | URL,
  definitions: readonly Definition[],
  options: FollowOptions = {},
): AsyncGenerator<TypedEvent<Definition>, void, void> {
  const decoder = new EventDecoder(dir, definitions);
  for await (const event of follow(dir, options)) {
    const typed = options.reuse === true ? decoder.view(event) : decoder.decode(event);
    if (typed !== undefined) yield typed as TypedEvent<Definition>;
  }
}

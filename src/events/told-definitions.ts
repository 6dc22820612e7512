// Definitions made of what a log tells of its events: for who reads it without having any.
import { WalError } from '../errors.js';
import type { AnyDefinition } from './any-definition.js';
import { defineEvent } from './define-event.js';
import { schemaError } from './event-errors.js';
import { type EventSource, payloadOf } from './event-view.js';
import { defineJsonEvent } from './json-event.js';
import type { LogSchemas } from './log-schemas.js';
import { decodeSchema, type RecordedSchema, SCHEMA_TYPE } from './schema-event.js';

export class ToldDefinitions {
  readonly #schemas: LogSchemas;
  /** What was made before, by type and schema: the same object for the same schema. */
  readonly #made = new Map<string, AnyDefinition>();
  /** By type, at the event that was asked for last. */
  readonly #current = new Map<number, AnyDefinition>();
  #hasLooked = false;

  constructor(schemas: LogSchemas) {
    this.#schemas = schemas;
  }

  /** Those in force at the event that was asked for last. */
  get all(): readonly AnyDefinition[] {
    return [...this.#current.values()];
  }

  /**
   * What `event` is made of; undefined where the log does not tell, and for schema events. To be
   * asked for all events, in order.
   * @throws WalError ERR_FLASHSTRIKE_SCHEMA at a schema event that cannot be read. Which one it was
   * to replace is not known, so none counts from there on.
   */
  of(event: EventSource): AnyDefinition | undefined {
    if (!this.#hasLooked) {
      this.#hasLooked = true;
      for (const schema of this.#schemas.around(event.eventId)) this.#tryHold(schema);
    }
    const { eventId, type } = event;
    if (type !== SCHEMA_TYPE) return this.#current.get(type);
    try {
      const schema = decodeSchema({ eventId, type, payload: payloadOf(event) });
      if (schema !== undefined) this.#hold(schema);
    } catch (error) {
      this.#current.clear();
      throw error;
    }
    return undefined;
  }

  /** What cannot be used tells nothing: no event that is read makes it an error. */
  #tryHold(schema: RecordedSchema): void {
    try {
      this.#hold(schema);
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
    }
  }

  #hold(schema: RecordedSchema): void {
    const key = `${schema.type} ${schema.schemaId}`;
    const definition = this.#made.get(key) ?? definitionOf(schema);
    this.#made.set(key, definition);
    this.#current.set(schema.type, definition);
  }
}

/** @throws WalError ERR_FLASHSTRIKE_SCHEMA */
function definitionOf({ name, version, type, layout }: RecordedSchema): AnyDefinition {
  try {
    // The log was asked already.
    const options = { version, type, recorded: false };
    if (layout === undefined) return defineJsonEvent(name, options);
    const fields = layout.fields.map((field) => [field.name, field.declared] as const);
    return defineEvent(name, Object.fromEntries(fields), options);
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    throw schemaError(`The schema of ${name} in the log cannot be used: ${error.message}`);
  }
}

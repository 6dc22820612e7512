// A definition of either kind, as readers see it.
import type { EventSource } from './event-view.js';
import type { EventFields } from './fields.js';

/** What `defineEvent` and `defineJsonEvent` give, whatever the fields. */
export interface AnyDefinition {
  /** As it was given to `defineEvent`. */
  readonly name: string;
  /** The `type` of these events in a log. */
  readonly type: number;
  /** Of the definition. */
  readonly version: number;
  /** Which definition it is. */
  readonly schemaId: bigint;
  /** The fields by their names, in order; undefined of JSON events. */
  readonly fields?: EventFields;
  /** The event as an object of its own. */
  decode(event: EventSource): unknown;
}

/** The same of events that are appended, too. */
export interface AppendableDefinition extends AnyDefinition {
  /** An event as bytes. */
  encode(values: never): Uint8Array;
}

// What `apply` is given of an event of the log: its bytes, or its fields by the machine's
// definitions.
import type { AnyDefinition } from '../events/any-definition.js';
import { EventDecoder, type TypedEvent } from '../events/event-decoder.js';
import { schemaError } from '../events/event-errors.js';
import { isSchemaEvent } from '../events/schema-event.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import type { LoggedEvent } from '../reading/events.js';
import type { AppliedEvent, MachineEvent } from './machine-options.js';
import { PayloadCopies } from './payload-copies.js';

export interface EventIntake<Event> {
  /**
   * Something of its own, to be kept; undefined for what no `apply` sees. Takes all events, in
   * order.
   * @throws WalError ERR_FLASHSTRIKE_SCHEMA
   */
  of(event: LoggedEvent): Event | undefined;
}

class BytesIntake implements EventIntake<MachineEvent> {
  readonly #copies = new PayloadCopies();

  of({ eventId, type, timestampNs, payload }: LoggedEvent): MachineEvent {
    return { eventId, type, timestampNs, payload: this.#copies.of(payload, payload.length) };
  }
}

class TypedIntake implements EventIntake<TypedEvent> {
  readonly #decoder: EventDecoder;

  constructor(decoder: EventDecoder) {
    this.#decoder = decoder;
  }

  of(event: LoggedEvent): TypedEvent | undefined {
    const typed = this.#decoder.decode(event);
    if (typed !== undefined || isSchemaEvent(event)) return typed;
    throw schemaError(
      `Event ${event.eventId} is of type ${event.type}, which none of the machine's events has. ` +
        'Give its definition in the option events; defineEvent and defineJsonEvent with ' +
        'recorded: false read what was appended as bytes.',
    );
  }
}

/** @param events definitions; undefined: `apply` is given bytes */
export function intakeOf<Event extends AppliedEvent>(
  { ports, dir }: { readonly ports: ReadingPorts; readonly dir: string },
  events: readonly AnyDefinition[] | undefined,
): EventIntake<Event> {
  const intake: unknown =
    events === undefined
      ? new BytesIntake()
      : new TypedIntake(new EventDecoder(dir, events, ports));
  // By its options the machine's `apply` takes what this gives.
  return intake as EventIntake<Event>;
}

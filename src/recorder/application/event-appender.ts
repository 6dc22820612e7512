// Appending typed events: encoded into a draft, which goes into the ring in one piece.
//
// A log tells what its typed events are made of by schema events: one before the first event of a
// definition in each opening, and one more once the writer has begun another segment. So whichever
// segments retention removes, what is left tells it of all typed events in it: a schema event that
// is written again says since which event it is in force.
import { invalidArgument, WalError } from '../../errors.js';
import type { AppendableDefinition } from '../../events/any-definition.js';
import { EventDefinition, insideOfEvent } from '../../events/define-event.js';
import { Draft } from '../../events/draft.js';
import { readerOf } from '../../events/field-readers.js';
import { type FieldWriter, writersOf } from '../../events/field-writers.js';
import type { EventFields, EventLayout, EventValues } from '../../events/fields.js';
import { insideOfJsonEvent, isJsonDefinition } from '../../events/json-event.js';
import type { TakingLog } from '../../intake/appender.js';
import type { Signals } from '../threads/signals.js';
import { payloadBytesOf } from './payload.js';
import { type Recordable, RecordedDefinition, type TypedPort } from './recorded-definition.js';
import { ToldLog } from './told-log.js';

/** An event that was appended, and its value as all readers will have it. */
export interface ShownEvent {
  readonly eventId: number;
  readonly value: unknown;
}

/** Takes the fields of an event one after the other: what `wal.begin` gives. */
export type EventWriter<Fields extends EventFields = EventFields> = {
  -readonly [Name in keyof EventValues<Fields>]: EventValues<Fields>[Name];
} & {
  /**
   * Appends the event as `wal.appendEvent` does. The fields stay as they are for the next one.
   * @returns the event's id
   */
  commit(): number;
};

/** The object that takes the fields of an event: those of a definition are alike in all logs. */
class FieldTaker {
  readonly #draft: Draft;
  readonly #appender: EventAppender;

  constructor(draft: Draft, appender: EventAppender) {
    this.#draft = draft;
    this.#appender = appender;
  }

  commit(): number {
    return this.#appender.commit(this.#draft);
  }

  static draftOf(taker: FieldTaker): Draft {
    return taker.#draft;
  }

  /**
   * So short that V8 always takes it into its caller, and then knows which field is written. One
   * that asks `draftOf` is called instead where `commit` was taken in before it, at twice the cost.
   */
  static setterOf(write: FieldWriter): (this: FieldTaker, value: unknown) => void {
    return function (value) {
      write(this.#draft, value);
    };
  }
}

type TakerClass = new (...parameters: ConstructorParameters<typeof FieldTaker>) => FieldTaker;
const takerClasses = new WeakMap<EventLayout, TakerClass>();

function takerClassOf(layout: EventLayout): TakerClass {
  let Taker = takerClasses.get(layout);
  if (Taker === undefined) {
    Taker = class extends FieldTaker {};
    for (const { field, write } of writersOf(layout)) {
      const read = field.size === 0 ? undefined : readerOf(field);
      Object.defineProperty(Taker.prototype, field.name, {
        enumerable: true,
        get(this: FieldTaker) {
          const draft = FieldTaker.draftOf(this);
          if (read === undefined) return draft.restValue;
          const value = read(draft.view, 0, 0);
          // Of its own: whoever gives its memory away must not take the draft's.
          return value instanceof Uint8Array ? new Uint8Array(value) : value;
        },
        set: FieldTaker.setterOf(write),
      });
    }
    takerClasses.set(layout, Taker);
  }
  return Taker;
}

/** Appends events of one definition. */
class EventAppender {
  readonly #layout: EventLayout;
  readonly recorded: RecordedDefinition;
  readonly #port: TypedPort;
  /** For the next event; undefined while one uses it, and where that did not come to its end. */
  #spare: Draft | undefined;
  readonly #draft: Draft;
  readonly #taker: FieldTaker;

  constructor(layout: EventLayout, recorded: RecordedDefinition, port: TypedPort) {
    this.#layout = layout;
    this.recorded = recorded;
    this.#port = port;
    this.#draft = new Draft(layout);
    const Taker = takerClassOf(layout);
    this.#taker = new Taker(this.#draft, this);
    Object.freeze(this.#taker);
  }

  append(values: object): number {
    const draft = this.#take(values);
    const eventId = this.commit(draft);
    this.#giveBack(draft);
    return eventId;
  }

  appendShown(values: object): ShownEvent {
    const draft = this.#take(values);
    const value = draft.toObject();
    const eventId = this.commit(draft);
    this.#giveBack(draft);
    return { eventId, value };
  }

  #take(values: object): Draft {
    const draft = this.#spare ?? new Draft(this.#layout);
    this.#spare = undefined;
    draft.take(values);
    return draft;
  }

  #giveBack(draft: Draft): void {
    draft.dropRest();
    this.#spare = draft;
  }

  /** @throws WalError for bytes that are no payload of such an event */
  checkPayload(payload: Uint8Array): void {
    const { fixedBytes, rest } = this.#layout;
    const bytes = payloadBytesOf(payload);
    this.#port.checkBytes(bytes);
    if (rest === undefined ? bytes === fixedBytes : bytes >= fixedBytes) return;
    throw invalidArgument(
      `The payload has ${bytes} bytes; ${this.recorded.schema.name} has ${fixedBytes}` +
        `${rest === undefined ? '' : ' or more'}.`,
    );
  }

  begin(): EventWriter {
    this.#draft.clear();
    return this.#taker as unknown as EventWriter;
  }

  commit(draft: Draft): number {
    // Before the schema: of an event that is refused nothing is in the log.
    this.#port.checkBytes(draft.payloadBytes);
    this.recorded.tell();
    return this.#port.appendDraft(draft, this.recorded.type);
  }
}

/** Appends JSON events of one definition. */
class JsonAppender {
  readonly #definition: AppendableDefinition;
  readonly recorded: RecordedDefinition;
  readonly #port: TypedPort;

  constructor(definition: AppendableDefinition, recorded: RecordedDefinition, port: TypedPort) {
    this.#definition = definition;
    this.recorded = recorded;
    this.#port = port;
  }

  /** @throws WalError for bytes that no event can have */
  checkPayload(payload: Uint8Array): void {
    this.#port.checkBytes(payloadBytesOf(payload));
  }

  append(value: unknown): number {
    return this.#put(this.#encode(value));
  }

  appendShown(given: unknown): ShownEvent {
    const payload = this.#encode(given);
    const { type } = this.recorded;
    // Before it is appended: what its validator refuses to read again is not in the log.
    const value = this.#definition.decode({ eventId: this.#port.lastEventId() + 1, type, payload });
    return { eventId: this.#put(payload), value };
  }

  #encode(value: unknown): Uint8Array {
    // What its values are, `appendEvent` says.
    const payload = this.#definition.encode(value as never);
    this.#port.checkBytes(payload.length);
    return payload;
  }

  #put(payload: Uint8Array): number {
    this.recorded.tell();
    return this.#port.append(payload, this.recorded.type);
  }
}

/** All typed events of one opening of a log. */
export class EventAppenders {
  readonly #port: TypedPort;
  readonly #signals: Signals;
  readonly #appenders = new Map<unknown, EventAppender | JsonAppender>();
  readonly #definitions = new Map<number, RecordedDefinition>();
  /** The one that was asked for last. */
  #lastDefinition: unknown;
  #lastAppender: EventAppender | undefined;

  constructor(port: TypedPort, signals: Signals) {
    this.#port = port;
    this.#signals = signals;
  }

  /** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT, and as `append` does */
  append(definition: unknown, values: unknown): number {
    const appender =
      definition === this.#lastDefinition && this.#lastAppender !== undefined
        ? this.#lastAppender
        : this.#of(definition);
    return appender.append(values as object);
  }

  /** The same, and what readers will give of it. */
  appendShown(definition: unknown, values: unknown): ShownEvent {
    return this.#of(definition).appendShown(values as object);
  }

  begin(definition: unknown): EventWriter {
    const appender =
      definition === this.#lastDefinition && this.#lastAppender !== undefined
        ? this.#lastAppender
        : this.#of(definition);
    if (appender instanceof EventAppender) return appender.begin();
    throw invalidArgument('begin() takes an event with fields: append JSON events whole.');
  }

  /** `log` for who appends payloads of a definition: the log is told of it before they come. */
  logOf(definition: unknown, log: TakingLog): TakingLog {
    const appender = this.#of(definition);
    const { recorded } = appender;
    return new ToldLog(log, {
      schemaBytes: recorded.schemaBytes,
      check: (payload) => appender.checkPayload(payload),
      tell: () => recorded.tell(),
      tryTell: () => recorded.tryTell(),
    });
  }

  #of(definition: unknown): EventAppender | JsonAppender {
    const appender = this.#appenders.get(definition) ?? this.#add(definition);
    if (appender instanceof EventAppender) {
      this.#lastDefinition = definition;
      this.#lastAppender = appender;
    }
    return appender;
  }

  #add(definition: unknown): EventAppender | JsonAppender {
    if (definition instanceof EventDefinition) {
      const { layout, ...inside } = insideOfEvent(definition);
      const recorded = this.#record(definition.type, inside);
      return this.#keep(definition, new EventAppender(layout, recorded, this.#port));
    }
    if (!isJsonDefinition(definition)) {
      throw invalidArgument('The event must be one of defineEvent or defineJsonEvent.');
    }
    const recorded = this.#record(definition.type, insideOfJsonEvent(definition));
    return this.#keep(definition, new JsonAppender(definition, recorded, this.#port));
  }

  #keep<Appender extends EventAppender | JsonAppender>(key: unknown, appender: Appender): Appender {
    this.#appenders.set(key, appender);
    return appender;
  }

  #record(type: number, inside: Recordable): RecordedDefinition {
    const other = this.#definitions.get(type);
    if (other !== undefined) {
      throw invalidArgument(
        `The events ${inside.schema.name} and ${other.schema.name} both have the type ${type}: ` +
          'give one of them another, or append only one version of an event.',
      );
    }
    const recorded = new RecordedDefinition(type, inside, this.#port, this.#signals);
    this.#definitions.set(type, recorded);
    return recorded;
  }

  /**
   * Writes again what is owed and the last segment does not have, as far as the ring has room now.
   */
  repeat(): void {
    this.#repeat((recorded) => recorded.isBehind, false);
  }

  /**
   * The same where there is no later call.
   * @param mayRotate what waits in the ring may still go into another segment: all is written again
   * @param waits for room
   */
  repeatLast(mayRotate: boolean, waits: boolean): void {
    this.#repeat((recorded) => mayRotate || recorded.isBehind, waits && mayRotate);
  }

  /** Of the schemas that this opening has written last, the latest; 0: none. */
  get lastSchemaEventId(): number {
    return Math.max(0, ...[...this.#definitions.values()].map((each) => each.schemaEventId));
  }

  #repeat(isDue: (recorded: RecordedDefinition) => boolean, waits: boolean): void {
    try {
      for (const recorded of this.#definitions.values()) {
        if (recorded.isOwed && isDue(recorded) && this.#port.isOpen()) recorded.repeat(waits);
      }
    } catch (error) {
      // The log has ended in this moment, as its next call tells.
      if (!(error instanceof WalError)) throw error;
    }
  }
}

// A definition of which an opening of a log appends events, and where the log was told of it last.
import type { Draft } from '../../events/draft.js';
import { type EventSchema, encodeSchema } from '../../events/schema-event.js';
import type { Signals } from '../threads/signals.js';

/** What the log does for its typed events. */
export interface TypedPort {
  append(payload: Uint8Array, type: number): number;
  /** @throws WalError for a payload that is larger than the log takes */
  checkBytes(payloadBytes: number): void;
  appendDraft(draft: Draft, type: number): number;
  /** Whatever its size. 0: the ring has no room, and it is not to be waited for. */
  appendSchema(payload: Uint8Array, waits: boolean): number;
  /** Whether it takes events. */
  isOpen(): boolean;
  lastEventId(): number;
}

export interface Recordable {
  readonly schema: EventSchema;
  readonly recorded: boolean;
}

/** A definition of which this opening has appended events. */
export class RecordedDefinition {
  readonly type: number;
  readonly schema: EventSchema;
  readonly #isRecorded: boolean;
  readonly #port: TypedPort;
  readonly #signals: Signals;
  readonly #words: Int32Array;
  readonly #word: number;
  /** The counter of segments when it was looked at last. */
  #seen = -1;
  #sinceEventId = 0;
  #schemaEventId = 0;
  /** An event of it may stand behind its last schema. */
  #hasEvents = false;

  constructor(type: number, { schema, recorded }: Recordable, port: TypedPort, signals: Signals) {
    this.type = type;
    this.schema = schema;
    this.#isRecorded = recorded;
    this.#port = port;
    this.#signals = signals;
    this.#words = signals.words;
    this.#word = signals.activeFromWord;
  }

  /** Before an event of it is appended. A plain load: what is seen an event late is as good. */
  tell(): void {
    if (this.#words[this.#word] !== this.#seen) this.#look(true);
    this.#hasEvents = true;
  }

  /** The same; false where the ring has no room for the schema. */
  tryTell(): boolean {
    if (this.#words[this.#word] !== this.#seen && !this.#look(false)) return false;
    this.#hasEvents = true;
    return true;
  }

  /** Bytes of the schema event's payload; 0: there is none. */
  get schemaBytes(): number {
    return this.#isRecorded ? this.#payload().length : 0;
  }

  #look(waits: boolean): boolean {
    const seen = this.#words[this.#word] as number;
    const isDue = this.#isRecorded && (this.#schemaEventId === 0 || this.isBehind);
    if (isDue && this.repeat(waits) === 0) return false;
    this.#seen = seen;
    return true;
  }

  /** Where its schema stands last; 0: nowhere. */
  get schemaEventId(): number {
    return this.#schemaEventId;
  }

  /**
   * Whether events of it came since it was written. Where none did, all of them go with the segment
   * in which it stands: to write it again would only make a log at rest grow.
   */
  get isOwed(): boolean {
    return this.#schemaEventId !== 0 && this.#hasEvents;
  }

  /** Whether the log's last segment does not have it. */
  get isBehind(): boolean {
    return this.#schemaEventId !== 0 && this.#signals.activeFrom > this.#schemaEventId;
  }

  /** Writes it where the ring has room, or waits for that. Returns the id; 0: not now. */
  repeat(waits: boolean): number {
    const eventId = this.#port.appendSchema(this.#payload(), waits);
    if (eventId !== 0) this.#wasRecorded(eventId);
    return eventId;
  }

  #payload(): Uint8Array {
    const sinceEventId = this.#sinceEventId || this.#port.lastEventId() + 1;
    return encodeSchema(this.schema, this.type, sinceEventId);
  }

  #wasRecorded(eventId: number): void {
    this.#schemaEventId = eventId;
    this.#hasEvents = false;
    if (this.#sinceEventId === 0) this.#sinceEventId = eventId;
  }
}

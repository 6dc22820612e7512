// The schema event: an ordinary event of type 65535 by which a log tells what the events of another
// type are made of. docs/FORMAT.md has its bytes. Events of that type with other bytes are an
// application's own.
import { messageOf } from '../errors.js';
import { codecOf } from '../memory/codec.js';
import { layout, safeU64, u16, u32, u64 } from '../memory/layout.js';
import { xxh64 } from '../segment/checksum.js';
import { schemaError } from './event-errors.js';
import { checkName, type EventField, type EventLayout, layOut } from './fields.js';

/** The type of schema events: the last there is. */
export const SCHEMA_TYPE = 65_535;
/** `FLASHSCH`, little-endian. */
const MAGIC = 0x4843_5348_5341_4c46n;
const RECORD_VERSION = 1;
/** So that the smallest log that there can be takes it. */
export const SCHEMA_TEXT_BYTES_MAX = 8192;

export const SchemaRecordLayout = layout('SchemaRecord')
  .field(0, 'magic', u64)
  .field(8, 'recordVersion', u16)
  .field(10, 'type', u16)
  .field(12, 'schemaVersion', u32)
  .field(16, 'schemaId', u64)
  .field(24, 'sinceEventId', safeU64)
  .end(32, 8);
const codec = codecOf(SchemaRecordLayout);
const HEADER_BYTES = SchemaRecordLayout.size;

/** What an event is made of, by itself. */
export interface EventSchema {
  readonly name: string;
  readonly version: number;
  /** XXH64, seed 0, of `text`. */
  readonly schemaId: bigint;
  /** The definition as JSON, always the same for the same definition. */
  readonly text: string;
  /** Undefined of JSON events. */
  readonly layout: EventLayout | undefined;
}

/** A schema as an event of a log tells it. */
export interface RecordedSchema extends EventSchema {
  /** The type of the events that it is about. */
  readonly type: number;
  /** Events of the type are made like this from here on, up to the next schema of that type. */
  readonly sinceEventId: number;
}

const idOfText = (text: string): bigint => xxh64(Buffer.from(text, 'utf8'), 0n);

/** The text of a definition: of one of fields, or of JSON. */
function schemaText(
  name: string,
  version: number,
  fields: EventLayout['fields'] | undefined,
): string {
  if (fields === undefined) return JSON.stringify({ name, version, json: true });
  return JSON.stringify({
    name,
    version,
    fields: fields.map((field) => [field.name, field.declared]),
  });
}

export const schemaOf = (
  name: string,
  version: number,
  eventLayout: EventLayout | undefined,
): EventSchema => {
  const text = schemaText(name, version, eventLayout?.fields);
  let schemaId: bigint | undefined;
  return {
    name,
    version,
    // At its first use: the hash is native, and definitions are made where modules are loaded.
    get schemaId() {
      schemaId ??= idOfText(text);
      return schemaId;
    },
    text,
    layout: eventLayout,
  };
};

/** The payload of the schema event. */
export function encodeSchema(schema: EventSchema, type: number, sinceEventId: number): Uint8Array {
  const text = Buffer.from(schema.text, 'utf8');
  const payload = new Uint8Array(HEADER_BYTES + text.length);
  codec.encode(payload, {
    magic: MAGIC,
    recordVersion: RECORD_VERSION,
    type,
    schemaVersion: schema.version,
    schemaId: schema.schemaId,
    sinceEventId,
  });
  payload.set(text, HEADER_BYTES);
  return payload;
}

/** Whether an event is a schema event, sound or not. */
export const isSchemaEvent = (event: {
  readonly type: number;
  readonly payload: Uint8Array;
}): boolean =>
  event.type === SCHEMA_TYPE &&
  event.payload.length >= HEADER_BYTES &&
  codec.decode(event.payload).magic === MAGIC;

/**
 * The schema that an event of the log tells; undefined for all other events.
 * @throws WalError ERR_FLASHSTRIKE_SCHEMA for one that makes no sense; _UNSUPPORTED
 */
export function decodeSchema(event: {
  readonly eventId: number;
  readonly type: number;
  readonly payload: Uint8Array;
}): RecordedSchema | undefined {
  if (!isSchemaEvent(event)) return undefined;
  const record = codec.decode(event.payload);
  const refuse = (why: string) =>
    schemaError(`The schema event ${event.eventId} cannot be read: ${why}.`);
  if (record.recordVersion !== RECORD_VERSION) {
    throw refuse(`its version is ${record.recordVersion}; this program knows ${RECORD_VERSION}`);
  }
  const { type } = record;
  if (type === SCHEMA_TYPE) throw refuse('it is about schema events');
  if (record.sinceEventId < 1) throw refuse('it is said to be in force since event 0');
  // A copy that salvage made has closed gaps in the ids: it claims too little then, never too much.
  const sinceEventId = Math.min(record.sinceEventId, event.eventId);
  const text = Buffer.from(event.payload.subarray(HEADER_BYTES)).toString('utf8');
  const schema = parseSchema(text, refuse);
  if (schema.version !== record.schemaVersion || schema.schemaId !== record.schemaId) {
    throw refuse('its id or its version is not that of its text');
  }
  return { ...schema, type, sinceEventId };
}

/** Only the text that {@link schemaText} makes of a definition is one. */
function parseSchema(text: string, refuse: (why: string) => Error): EventSchema {
  try {
    if (text.length <= SCHEMA_TEXT_BYTES_MAX) {
      const parsed = JSON.parse(text) as Readonly<Record<string, unknown>>;
      const { name, version, fields } = parsed;
      if (typeof name === 'string' && typeof version === 'number') {
        const isJson = fields === undefined;
        const entries = fields as readonly (readonly [string, EventField])[];
        const schema = schemaOf(
          checkName('an event', name),
          version,
          isJson ? undefined : layOut(entries),
        );
        if (schema.text === text) return schema;
      }
    }
  } catch (error) {
    throw refuse(messageOf(error));
  }
  throw refuse('its text is no definition of an event');
}

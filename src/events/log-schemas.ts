// Which schema an event of a log is made by: the last one of its type before it. Where the segments
// with that one were removed, a later schema event says since when it has been in force.
import { WalError } from '../errors.js';
import { checkDirectory } from '../reading/event-range.js';
import { firstEventOf } from '../reading/first-event.js';
import { listLog } from '../reading/log-directory.js';
import { openCursorThrough } from '../replay/open-cursor.js';
import type { ReplayPorts } from '../replay/read-ahead.js';
import { MIB } from '../units.js';
import { decodeSchema, type RecordedSchema, SCHEMA_TYPE } from './schema-event.js';

/** Two segments of the usual size: each begins to tell what is in it. */
const LOOK_BYTES = 128 * MIB;

/** Looks for schemas in a log. */
export class LogSchemas {
  readonly #ports: ReplayPorts;
  readonly #dir: string;

  constructor(ports: ReplayPorts, dir: string | URL) {
    this.#ports = ports;
    this.#dir = checkDirectory(dir);
  }

  /**
   * The schema of the events of `type` at event `eventId`; undefined: the log tells none. Reads
   * back from there, a segment at a time, and then ahead.
   * @throws WalError what reading the log finds
   */
  inForceAt(type: number, eventId: number): RecordedSchema | undefined {
    let end = eventId;
    for (const { first } of this.#segmentsBefore(eventId)) {
      let last: RecordedSchema | undefined;
      for (const schema of this.#schemas(type, first, end - 1)) last = schema;
      if (last !== undefined) return last;
      end = first;
    }
    for (const schema of this.#schemas(type, eventId, Number.MAX_SAFE_INTEGER)) {
      // The first that follows tells of what comes before it, or nothing does.
      return schema.sinceEventId <= eventId ? schema : undefined;
    }
    return undefined;
  }

  /**
   * The schemas in force at event `eventId`, as far as the {@link LOOK_BYTES} before and behind it
   * tell and are sound: a log that tells nothing is not read whole for that. The way back ends at a
   * schema that cannot be read, for it may be about any type.
   */
  around(eventId: number): readonly RecordedSchema[] {
    // Nothing behind the log's first event has been in force since then.
    if (eventId === 1) return [];
    const found = this.#before(eventId);
    const seen = new Set(found.keys());
    for (const schema of this.#soundBehind(eventId)) {
      if (!seen.has(schema.type) && schema.sinceEventId <= eventId) found.set(schema.type, schema);
      seen.add(schema.type);
    }
    return [...found.values()];
  }

  #before(eventId: number): Map<number, RecordedSchema> {
    const found = new Map<number, RecordedSchema>();
    let [end, left] = [eventId, LOOK_BYTES];
    for (const { first, bytes } of this.#segmentsBefore(eventId)) {
      if (left <= 0) break;
      left -= bytes;
      const { schemas, isSound } = this.#lastOf(first, end - 1);
      for (const [type, schema] of schemas) if (!found.has(type)) found.set(type, schema);
      if (!isSound) break;
      end = first;
    }
    return found;
  }

  /** Of each type the last schema from `from` to `to`, behind what cannot be read. */
  #lastOf(from: number, to: number): { schemas: Map<number, RecordedSchema>; isSound: boolean } {
    const schemas = new Map<number, RecordedSchema>();
    let isSound = true;
    try {
      for (const event of this.#schemaEvents(from, to)) {
        const schema = readable(event);
        if (schema === 'damaged') {
          schemas.clear();
          isSound = false;
        } else if (schema !== undefined) schemas.set(schema.type, schema);
      }
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      // What stands behind the damage was not seen.
      return { schemas: new Map(), isSound: false };
    }
    return { schemas, isSound };
  }

  *#soundBehind(eventId: number): Generator<RecordedSchema, void, void> {
    try {
      for (const event of this.#schemaEvents(eventId, Number.MAX_SAFE_INTEGER, LOOK_BYTES)) {
        const schema = readable(event);
        if (schema === 'damaged') return;
        if (schema !== undefined) yield schema;
      }
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
    }
  }

  /** The segments that begin before an event, the last one first. */
  #segmentsBefore(eventId: number): { readonly first: number; readonly bytes: number }[] {
    const { storage } = this.#ports;
    return listLog(storage, this.#dir)
      .segments.flatMap(({ index, path, bytes }) => {
        const first = firstEventOf(storage, path, { index });
        return first === undefined || first >= eventId ? [] : [{ first, bytes }];
      })
      .sort((one, other) => other.first - one.first);
  }

  /** The schemas of `type` among the events from `from` to `to`. */
  *#schemas(type: number, from: number, to: number): Generator<RecordedSchema, void, void> {
    for (const event of this.#schemaEvents(from, to)) {
      const schema = decodeSchema(event);
      if (schema?.type === type) yield schema;
    }
  }

  /** @param mostBytes of payloads are read */
  *#schemaEvents(
    from: number,
    to: number,
    mostBytes = Number.POSITIVE_INFINITY,
  ): Generator<Parameters<typeof decodeSchema>[0], void, void> {
    if (from > to) return;
    const cursor = openCursorThrough(this.#ports, this.#dir, { from });
    let bytes = 0;
    try {
      while (cursor.next() && cursor.eventId <= to && bytes <= mostBytes) {
        bytes += cursor.payloadBytes;
        if (cursor.type !== SCHEMA_TYPE) continue;
        const { eventId, type, payload } = cursor;
        yield { eventId, type, payload };
      }
    } finally {
      cursor.close();
    }
  }
}

function readable(
  event: Parameters<typeof decodeSchema>[0],
): RecordedSchema | 'damaged' | undefined {
  try {
    return decodeSchema(event);
  } catch (error) {
    if (error instanceof WalError) return 'damaged';
    throw error;
  }
}

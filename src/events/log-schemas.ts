// Which schema an event of a log is made by: the last one of its type before it. Where the segments
// with that one were removed, a later schema event says since when it has been in force.
import { checkDirectory } from '../reading/event-range.js';
import { firstEventOf } from '../reading/first-event.js';
import { listLog } from '../reading/log-directory.js';
import { openCursorThrough } from '../replay/open-cursor.js';
import type { ReplayPorts } from '../replay/read-ahead.js';
import { decodeSchema, type RecordedSchema, SCHEMA_TYPE } from './schema-event.js';

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
    const { storage } = this.#ports;
    const firstIds = listLog(storage, this.#dir)
      .segments.map(({ index, path }) => firstEventOf(storage, path, { index }))
      .filter((first): first is number => first !== undefined && first < eventId)
      .sort((one, other) => other - one);
    let end = eventId;
    for (const first of firstIds) {
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

  /** The schemas of `type` among the events from `from` to `to`. */
  *#schemas(type: number, from: number, to: number): Generator<RecordedSchema, void, void> {
    if (from > to) return;
    const cursor = openCursorThrough(this.#ports, this.#dir, { from });
    try {
      while (cursor.next() && cursor.eventId <= to) {
        if (cursor.type !== SCHEMA_TYPE) continue;
        const { eventId, payload } = cursor;
        const schema = decodeSchema({ eventId, type: SCHEMA_TYPE, payload });
        if (schema?.type === type) yield schema;
      }
    } finally {
      cursor.close();
    }
  }
}

// One event of a log in a line, and what the log says there of its typed events. Only where it
// says so, and can be read: whatever is wrong with a log others tell.
import { printable, WalError } from '../../errors.js';
import { type AnyDefinition, isSchemaEvent, replay } from '../../index.js';
import { hexOf64 } from '../../units.js';
import { formatCount } from '../quantities.js';
import type { Terminal } from '../terminal.js';
import { type ReadTyped, valueJson } from './field-text.js';
import { TypedEvents } from './typed-events.js';

export interface ShownEvent {
  readonly eventId: number;
  /** Undefined for events of which the log does not say what they are made of. */
  readonly typed: ReadTyped | undefined;
  readonly isSchema: boolean;
  /** In force behind the event, by name. */
  readonly definitions: readonly AnyDefinition[];
}

const TEXT_MAX = 300;

/** Undefined where the event cannot be read. */
export function showEvent(
  dir: string,
  eventId: number,
  terminal: Terminal,
): ShownEvent | undefined {
  try {
    const events = new TypedEvents(dir, terminal);
    for (const event of replay(dir, { from: eventId, to: eventId, readAhead: false })) {
      const typed = events.read(event);
      const definitions = [...events.definitions].sort((one, other) =>
        one.name < other.name ? -1 : 1,
      );
      return { eventId, typed, isSchema: isSchemaEvent(event), definitions };
    }
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
  }
  return undefined;
}

/** `order {"price":5}`, cut where it is long. */
export function typedText(typed: ReadTyped): string {
  const text = `${typed.definition.name} ${valueJson(typed)}`;
  return printable(text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text);
}

/** `orderId safeU64, side enum(buy, sell)`; `JSON`. */
function fieldsText({ fields }: AnyDefinition): string {
  if (fields === undefined) return 'JSON';
  return Object.entries(fields)
    .map(([name, field]) => {
      if (typeof field === 'string') return `${name} ${field}`;
      const [kind, value]: readonly unknown[] = Object.entries(field)[0] ?? [];
      return `${name} ${kind}(${Array.isArray(value) ? value.join(', ') : value})`;
    })
    .join(', ');
}

/** `order, version 1, type 40123: orderId safeU64, price safeI64`. */
const definitionText = (definition: AnyDefinition): string => {
  const { name, version, type } = definition;
  return printable(`${name}, version ${version}, type ${type}: ${fieldsText(definition)}`);
};

/** What the log says of its typed events, where it does. */
export function describeTyped(last: ShownEvent | undefined): string[] {
  if (last === undefined) return [];
  const lines = last.definitions.map((each) => `typed    ${definitionText(each)}`);
  if (last.typed !== undefined) {
    lines.push(`last     event ${formatCount(last.eventId)}: ${typedText(last.typed)}`);
  }
  return lines;
}

/** The same for programs. */
export const typedJson = (last: ShownEvent | undefined): object => ({
  definitions: (last?.definitions ?? []).map(({ name, version, type, schemaId, fields }) => ({
    name,
    version,
    type,
    schemaId: hexOf64(schemaId),
    fields,
  })),
  lastEvent: last?.typed && {
    eventId: last.eventId,
    name: last.typed.definition.name,
    value: JSON.parse(valueJson(last.typed)) as unknown,
  },
});

// How `replay` prints: bytes as they were recorded, typed events by what the log says of them, or a
// table of those of one schema.
import { printable, WalError } from '../../errors.js';
import { type AnyDefinition, isSchemaEvent } from '../../index.js';
import {
  type EventFormat,
  FormatDefect,
  type FormatName,
  type PrintedFormat,
} from '../formats/event-format.js';
import { createFormat } from '../formats/formats.js';
import { formatCount, formatEvents } from '../quantities.js';
import type { Terminal } from '../terminal.js';
import { choiceText, type EventChoice, isChosen } from './event-choice.js';
import { columnsOf, csvFields, type ReadTyped, valueJson } from './field-text.js';
import type { LineOutput } from './line-output.js';
import { type PlainEvent, TypedEvents } from './typed-events.js';

export interface PrintedEvent extends PlainEvent {
  readonly timestampNs: bigint;
}

interface EventPrinter {
  /** Adds the event, where it is part of what is printed. @throws WalError where it cannot be */
  print(event: PrintedEvent, lines: LineOutput): void;
  /** Adds what is left to print. False: not everything that was asked for could be printed. */
  end(lines: LineOutput): boolean;
}

interface PrinterOptions {
  readonly dir: string;
  readonly format: PrintedFormat;
  readonly raw: boolean;
  readonly event: EventChoice | undefined;
}

export function createPrinter(options: PrinterOptions, terminal: Terminal): EventPrinter {
  const { dir, format, raw } = options;
  if (format === 'csv') return new CsvPrinter(options, terminal);
  const bytes = new BytesPrinter(dir, format);
  return raw || format === 'lobster' ? bytes : new TypedPrinter(options, bytes, terminal);
}

class BytesPrinter implements EventPrinter {
  readonly #dir: string;
  readonly #format: EventFormat;

  constructor(dir: string, format: FormatName) {
    this.#dir = dir;
    this.#format = createFormat(format);
  }

  print(event: PrintedEvent, lines: LineOutput): void {
    // It is the log's own: nobody has recorded it as a line.
    if (isSchemaEvent(event)) return;
    try {
      lines.payload(event.payload, this.#format);
    } catch (error) {
      if (!(error instanceof FormatDefect)) throw error;
      throw new WalError(
        'ERR_FLASHSTRIKE_INPUT',
        `event ${formatCount(event.eventId)} of ${this.#dir} was not recorded with --format ` +
          `${this.#format.name}: ${error.message}; replay it with the format that it was ` +
          'recorded with',
        { path: this.#dir },
      );
    }
  }

  end(): boolean {
    return true;
  }
}

/** Of the events that were chosen. */
class Chosen {
  readonly #choice: EventChoice | undefined;
  readonly #dir: string;
  readonly #terminal: Terminal;
  readonly #met = new Set<string>();
  #isMet = false;

  constructor({ event, dir }: PrinterOptions, terminal: Terminal) {
    this.#choice = event;
    this.#dir = dir;
    this.#terminal = terminal;
  }

  has(definition: AnyDefinition | undefined): boolean {
    if (this.#choice === undefined) return true;
    if (definition === undefined) return false;
    const isOne = isChosen(definition, this.#choice);
    if (isOne) this.#isMet = true;
    else this.#met.add(definition.name);
    return isOne;
  }

  /** Whether there was one, or none was asked for; told otherwise. */
  check(definitions: readonly AnyDefinition[]): boolean {
    for (const definition of definitions) this.has(definition);
    const choice = this.#choice;
    if (choice === undefined || this.#isMet) return true;
    const names = [...this.#met].sort().join(', ');
    const wanted = choice.version === undefined ? choice.name : `${choice.name}@${choice.version}`;
    this.#terminal.line(
      `no event ${wanted} in what was read of ${printable(this.#dir)}` +
        (names === '' ? ': there are no typed events' : `; there are ${names}`),
    );
    return false;
  }
}

class TypedPrinter implements EventPrinter {
  readonly #bytes: BytesPrinter;
  readonly #typed: TypedEvents;
  readonly #chosen: Chosen;
  readonly #isJson: boolean;

  constructor(options: PrinterOptions, bytes: BytesPrinter, terminal: Terminal) {
    this.#bytes = bytes;
    this.#typed = new TypedEvents(options.dir, terminal);
    this.#chosen = new Chosen(options, terminal);
    this.#isJson = options.format === 'ndjson';
  }

  print(event: PrintedEvent, lines: LineOutput): void {
    const typed = this.#typed.read(event);
    if (!this.#chosen.has(typed?.definition)) return;
    if (typed === undefined) this.#bytes.print(event, lines);
    else lines.text(this.#isJson ? documentOf(event, typed) : lineOf(typed));
  }

  end(): boolean {
    return this.#chosen.check(this.#typed.definitions);
  }
}

const lineOf = (typed: ReadTyped): string => `${typed.definition.name} ${valueJson(typed)}`;

const documentOf = ({ eventId, timestampNs }: PrintedEvent, typed: ReadTyped): string =>
  `{"name":"${typed.definition.name}","eventId":${eventId},"timestampNs":"${timestampNs}",` +
  `"value":${valueJson(typed)}}`;

/** The log's own columns: no field can have such a name. */
const OWN_COLUMNS = ['log.eventId', 'log.timestampNs'];

class CsvPrinter implements EventPrinter {
  readonly #dir: string;
  readonly #typed: TypedEvents;
  readonly #chosen: Chosen;
  readonly #choice: EventChoice | undefined;
  readonly #terminal: Terminal;
  /** What the header is of. */
  #definition: AnyDefinition | undefined;
  #untold = 0;

  constructor(options: PrinterOptions, terminal: Terminal) {
    this.#dir = options.dir;
    this.#typed = new TypedEvents(options.dir, terminal);
    this.#chosen = new Chosen(options, terminal);
    this.#choice = options.event;
    this.#terminal = terminal;
  }

  print(event: PrintedEvent, lines: LineOutput): void {
    const typed = this.#typed.read(event);
    if (typed === undefined) {
      if (!isSchemaEvent(event)) this.#untold++;
      return;
    }
    const { definition } = typed;
    if (!this.#chosen.has(definition)) return;
    if (definition !== this.#definition) this.#begin(definition, event, lines);
    lines.text([event.eventId, event.timestampNs, ...csvFields(typed)].join(','));
  }

  #begin(definition: AnyDefinition, { eventId }: PrintedEvent, lines: LineOutput): void {
    const last = this.#definition;
    if (last === undefined) {
      this.#header(definition, lines);
      return;
    }
    const isAlike = columnsOf(definition).join() === columnsOf(last).join();
    if (definition.name !== last.name || !isAlike) {
      const [before, now] = [choiceText(last), choiceText(definition)];
      throw new WalError(
        'ERR_FLASHSTRIKE_SCHEMA',
        `event ${formatCount(eventId)} of ${this.#dir} is ${now}, and those before it are ` +
          `${before}: csv has one header for all rows; choose --event ${before} or --event ${now}`,
        { path: this.#dir },
      );
    }
    this.#definition = definition;
  }

  #header(definition: AnyDefinition, lines: LineOutput): void {
    this.#definition = definition;
    lines.text([...OWN_COLUMNS, ...columnsOf(definition)].join(','));
  }

  end(lines: LineOutput): boolean {
    const { definitions, hasDamage } = this.#typed;
    if (this.#definition === undefined) {
      const [only, other] = definitions.filter((each) => isChosen(each, this.#choice));
      if (only !== undefined && other === undefined) this.#header(only, lines);
    }
    if (this.#untold > 0 && (this.#choice === undefined || hasDamage)) {
      this.#terminal.line(
        `left out: ${formatEvents(this.#untold)} of which the log does not say what they are ` +
          'made of',
      );
    }
    return this.#chosen.check(definitions) && !hasDamage;
  }
}

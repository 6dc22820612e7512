// Typed events of a log by what the log says they are made of. What it does not say, or what is not
// as it says, is told once, and is left to be shown as bytes: nothing is guessed.
import { messageOf, printable, WalError } from '../../errors.js';
import { type AnyDefinition, EventDecoder, type EventSource } from '../../index.js';
import type { Terminal } from '../terminal.js';
import type { ReadTyped } from './field-text.js';

export type PlainEvent = Extract<EventSource, { readonly payload: Uint8Array }>;

export class TypedEvents {
  readonly #decoder: EventDecoder;
  readonly #terminal: Terminal;
  #hasDamage = false;
  #toldMisfit = false;

  constructor(dir: string, terminal: Terminal) {
    this.#decoder = new EventDecoder(dir);
    this.#terminal = terminal;
  }

  /** Whether a schema could not be read, or an event was not as its schema says. */
  get hasDamage(): boolean {
    return this.#hasDamage;
  }

  /** What the log has told so far. */
  get definitions(): readonly AnyDefinition[] {
    return this.#decoder.definitions;
  }

  /** Undefined for what is to be shown as bytes. Takes all events, in order. */
  read(event: PlainEvent): ReadTyped | undefined {
    const definition = this.#definitionOf(event);
    if (definition === undefined) return undefined;
    try {
      return { definition, value: definition.decode(event), payload: event.payload };
    } catch (error) {
      this.#noteDamage(error);
      if (!this.#toldMisfit) this.#tell(error, 'it and others like it are printed as bytes');
      this.#toldMisfit = true;
      return undefined;
    }
  }

  #definitionOf(event: PlainEvent): AnyDefinition | undefined {
    try {
      return this.#decoder.definitionOf(event);
    } catch (error) {
      this.#noteDamage(error);
      this.#tell(error, 'what follows is printed as bytes until the log says again what it is');
      return undefined;
    }
  }

  #noteDamage(error: unknown): void {
    const isOfSchema = error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_SCHEMA';
    if (!isOfSchema) throw error;
    this.#hasDamage = true;
  }

  #tell(error: unknown, consequence: string): void {
    const message = printable(messageOf(error)).replace(/\.$/, '');
    this.#terminal.line(`${message}: ${consequence}`);
  }
}

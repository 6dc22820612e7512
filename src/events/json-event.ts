// Events that are JSON: the simple way, for who has no need to count bytes. Validators of other
// libraries can check their values, by the interface that these share: standardschema.dev.
import { invalidArgument, messageOf } from '../errors.js';
import { checkFlag, checkOptionNames } from '../reading/event-range.js';
import { checkedSchema, checkType, checkVersion, type DefinitionInside } from './define-event.js';
import { schemaError, shownValue } from './event-errors.js';
import { type EventSource, payloadOf } from './event-view.js';
import { checkName } from './fields.js';

/** What is wrong with a value, as a validator says it. */
interface ValidatorIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

type ValidatorResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly ValidatorIssue[] };

/** A validator that follows Standard Schema 1, as those of zod, valibot and ArkType do. */
export interface StandardValidator<Input = unknown, Output = Input> {
  /** See standardschema.dev. */
  readonly '~standard': {
    /** Of the standard. */
    readonly version: 1;
    /** The library. */
    readonly vendor: string;
    /** Checks a value. Only one that answers at once can be used here. */
    readonly validate: (
      value: unknown,
    ) => ValidatorResult<Output> | Promise<ValidatorResult<Output>>;
    /** For TypeScript alone. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** Options of `defineJsonEvent`. */
export interface JsonEventOptions<Input = unknown, Output = Input> {
  /** Of the definition: a whole number, 1 … 65,535. */
  readonly version: number;
  /** The `type` of these events in a log, as with `defineEvent`. */
  readonly type?: number | undefined;
  /**
   * Checks each value that is appended, of which what it returns is appended, and each that is
   * read. Default: any value that JSON has.
   */
  readonly schema?: StandardValidator<Input, Output> | undefined;
  /** As with `defineEvent`. */
  readonly recorded?: boolean | undefined;
}

const OPTIONS = ['version', 'type', 'schema', 'recorded'];
const ISSUES_SHOWN = 3;
const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

let insideOf: <Input, Output>(
  definition: JsonEventDefinition<string, Input, Output>,
) => DefinitionInside;

/** An event as `defineJsonEvent` has defined it. */
export class JsonEventDefinition<
  Name extends string = string,
  // Each side in both directions: a definition stands for itself alone.
  Input = never,
  Output = unknown,
> {
  /** As it was given to `defineJsonEvent`. */
  readonly name: Name;
  /** Of the definition. */
  readonly version: number;
  /** The `type` of these events in a log. */
  readonly type: number;
  readonly #validator: StandardValidator<Input, Output> | undefined;
  readonly #inside: DefinitionInside;

  static {
    insideOf = (definition) => definition.#inside;
  }

  /** @hidden */
  constructor(name: Name, options: JsonEventOptions<Input, Output>) {
    this.name = checkName('an event', name) as Name;
    checkOptionNames(options, OPTIONS);
    this.version = checkVersion(options.version);
    this.type = checkType(options.type, this.name);
    this.#validator = checkValidator(options.schema);
    this.#inside = {
      schema: checkedSchema(this.name, this.version, undefined),
      recorded: checkFlag('recorded', options.recorded ?? true),
      renamed: {},
      defaults: {},
    };
  }

  /** Which definition it is: XXH64 of its name and version. */
  get schemaId(): bigint {
    return this.#inside.schema.schemaId;
  }

  /**
   * A value as bytes: the payload that `wal.appendEvent` appends.
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT for what is not valid, or no JSON
   */
  encode(value: Input): Uint8Array {
    const valid = this.#validated(value, (why) =>
      invalidArgument(`The event ${this.name} is not valid: ${why}.`),
    );
    let text: string | undefined;
    try {
      text = JSON.stringify(valid);
    } catch (error) {
      const why = messageOf(error);
      throw invalidArgument(`The event ${this.name} cannot be written as JSON: ${why}.`);
    }
    if (text !== undefined) return Buffer.from(text, 'utf8');
    throw invalidArgument(`The event ${this.name} is ${shownValue(valid)}, which is no JSON.`);
  }

  /**
   * The value of an event, validated again.
   * @throws WalError ERR_FLASHSTRIKE_SCHEMA for an event of another type, or that is not valid
   */
  decode(event: EventSource): Output {
    const { eventId, type } = event;
    const refuse = (why: string) => schemaError(`Event ${eventId} is no ${this.name}: ${why}.`);
    if (type !== this.type) throw refuse(`its type is ${type}, not ${this.type}`);
    let value: unknown;
    try {
      value = JSON.parse(TEXT.decode(payloadOf(event)));
    } catch (error) {
      throw refuse(messageOf(error));
    }
    return this.#validated(value, refuse) as Output;
  }

  #validated(value: unknown, refuse: (why: string) => Error): unknown {
    if (this.#validator === undefined) return value;
    const result = this.#validator['~standard'].validate(value);
    if (result instanceof Promise) {
      result.catch(() => undefined);
      throw refuse('its validator answers later, and an event is appended or read at once');
    }
    if (result.issues === undefined) return result.value;
    throw refuse(result.issues.slice(0, ISSUES_SHOWN).map(textOfIssue).join('; '));
  }
}

function textOfIssue({ message, path = [] }: ValidatorIssue): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`;
}

function checkValidator<Input, Output>(
  validator: StandardValidator<Input, Output> | undefined,
): StandardValidator<Input, Output> | undefined {
  if (validator === undefined) return undefined;
  const isObject = typeof validator === 'object' || typeof validator === 'function';
  const standard: unknown = isObject && validator !== null ? validator['~standard'] : undefined;
  const isStandard = typeof standard === 'object' && standard !== null;
  if (isStandard && 'validate' in standard && typeof standard.validate === 'function') {
    return validator;
  }
  throw invalidArgument(
    'The schema of a JSON event must be a Standard Schema (standardschema.dev).',
  );
}

/**
 * Defines an event whose payload is JSON. With `schema`, a validator of zod, valibot or another
 * library that follows Standard Schema, TypeScript knows its values.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT, _INVALID_OPTION
 * @example
 * import { defineJsonEvent, Wal } from 'flashstrike';
 *
 * const Note = defineJsonEvent('note', { version: 1 });
 * await using wal = await Wal.open('./notes');
 * wal.appendEvent(Note, { text: 'no need to count bytes', tags: ['simple'] });
 */
export function defineJsonEvent<const Name extends string, Input = unknown, Output = Input>(
  name: Name,
  options: JsonEventOptions<Input, Output>,
): JsonEventDefinition<Name, Input, Output> {
  const definition = new JsonEventDefinition<Name, Input, Output>(name, options);
  Object.freeze(definition);
  return definition;
}

/** A definition of JSON, whatever its values. */
export const isJsonDefinition = (
  value: unknown,
): value is JsonEventDefinition<string, never, unknown> => value instanceof JsonEventDefinition;

export { insideOf as insideOfJsonEvent };

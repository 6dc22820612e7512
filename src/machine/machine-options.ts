// What a state machine is made of, and a clear error for what cannot work.
import { invalidArgument, WalError } from '../errors.js';
import type { AnyDefinition, AppendableDefinition } from '../events/any-definition.js';
import { checkDefinitions, type TypedEvent } from '../events/event-decoder.js';
import { checkOptionNames } from '../reading/event-range.js';
import type { WalOptions } from '../recorder/threads/wal-options.js';
import { SNAPSHOT_BYTES_MAX } from '../segment/snapshot-record.js';
import { TWO_POW_32 } from '../units.js';

/** What is known of an event in whatever form `apply` takes it. */
export interface AppliedEvent {
  readonly eventId: number;
}

/** What `apply` is given, where the machine has no typed events. */
export interface MachineEvent extends AppliedEvent {
  /** 1 for the first event of the log, then one more for each. */
  readonly eventId: number;
  /** The tag that it was submitted with: 0 … 65535. */
  readonly type: number;
  /**
   * When it was appended: nanoseconds since the Unix epoch, the same each time that the event is
   * applied. The only clock that `apply` may look at.
   */
  readonly timestampNs: bigint;
  /**
   * A copy that nobody else looks at: it may be kept, and changed. Its `buffer` may hold payloads
   * of other events as well, so what is to be transferred is `payload.slice()`.
   */
  readonly payload: Uint8Array;
}

/** What `snapshot` may return: text is written as UTF-8. */
export type SnapshotContent =
  | string
  | Uint8Array
  | Iterable<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** A snapshot as `restore` gets it: its chunks in order, each verified before it is handed out. */
export interface StoredSnapshot extends Iterable<Uint8Array> {
  /** Number of bytes of the state. */
  readonly contentBytes: number;
  /** All that is left of it, in one piece. */
  bytes(): Uint8Array;
  /** All that is left of it, as UTF-8 text. */
  text(): string;
}

/** Which state a snapshot holds. */
export interface SnapshotInfo {
  /** The last event that the state has. */
  readonly eventId: number;
  /** The option `version` that it was written with. */
  readonly version: number;
  /** Number of bytes of the state. */
  readonly contentBytes: number;
  /** When it was begun: nanoseconds since the Unix epoch. */
  readonly createdTsNs: bigint;
  /** The file, as an absolute path. */
  readonly path: string;
}

/** How a state is made of events: all that `checkMachine` needs, and what `openMachine` goes by. */
export interface MachineDefinition<
  State extends object,
  Result = unknown,
  Event extends AppliedEvent = MachineEvent,
> {
  /** The state before the first event: a new object at each call. */
  readonly initial: () => State;
  /**
   * Changes the state by one event, and is the only place where it changes; what it returns is what
   * `submit` resolves with. It must lead to the same state each time: no clock but the event's, no
   * chance, no I/O, nothing asynchronous. Events that make no sense are for it to answer, by what
   * it returns: where it throws, the machine stops for good, as it would at each opening.
   */
  readonly apply: (state: State, event: Event) => Result;
  /**
   * The state as bytes, or as text. Bytes, and what an iterable gives, are copied before the call
   * returns, so the state may change behind it. An async iterable is read while the machine goes
   * on: up to its first `await` or `yield` it runs at once, and there it must take hold of what
   * later events do not change.
   */
  readonly snapshot: (state: State) => SnapshotContent;
  /** The state from what `snapshot` has made. */
  readonly restore: (content: StoredSnapshot, info: SnapshotInfo) => State | Promise<State>;
  /**
   * A number, or bytes or text to be hashed, that differ where states differ. Recorded every
   * `hashEvery` events, so that `flashstrike check` finds where another run of the same events
   * parts.
   */
  readonly hash?: ((state: State) => bigint | string | Uint8Array) | undefined;
  /** The form of what `snapshot` makes, 1 … 4,294,967,295. Default 1. */
  readonly version?: number | undefined;
  /**
   * Other versions whose snapshots `restore` understands; it is told which it gets. Those of any
   * other version are passed over, and the events are applied again. Default: none.
   */
  readonly restoresVersions?: readonly number[] | undefined;
}

/** How a state is made of typed events. */
export interface TypedMachineDefinition<
  State extends object,
  Result = unknown,
  Definition extends AppendableDefinition = AppendableDefinition,
> extends MachineDefinition<State, Result, TypedEvent<Definition>> {
  /**
   * All events that the log has, as `defineEvent` and `defineJsonEvent` give them. `apply` gets
   * each as an object of its own: its `name` says which it is, `value` has its fields.
   */
  readonly events: readonly Definition[];
}

/** When snapshots are taken, and what they are good for. */
export interface SnapshotOptions {
  /** So many events behind the last one; 0: only `machine.snapshot()`. Default 1,000,000. */
  readonly everyEvents?: number | undefined;
  /** So many verified snapshots are kept, 1 … 1,000; older ones go. Default 2. */
  readonly keep?: number | undefined;
  /** A larger state is refused, 1 … 2^40 bytes. Default 1 GiB. */
  readonly maxBytes?: number | undefined;
  /** Take one more in `close`. Default false. */
  readonly onClose?: boolean | undefined;
  /**
   * Remove the segments with nothing but events before the oldest snapshot, once there are `keep`
   * of them. Default false: all events are kept.
   */
  readonly deleteEvents?: boolean | undefined;
}

/** Options of `openMachine`. */
export interface MachineOptions<
  State extends object,
  Result = unknown,
  Event extends AppliedEvent = MachineEvent,
> extends MachineDefinition<State, Result, Event> {
  /** See {@link SnapshotOptions}. */
  readonly snapshots?: SnapshotOptions | undefined;
  /** `hash` is called, and recorded, every so many events, 1 … 10^9. Default 10,000. */
  readonly hashEvery?: number | undefined;
  /**
   * The consumer in whose name the log keeps what the machine needs to be opened again. Default
   * `machine`.
   */
  readonly consumer?: string | undefined;
  /** Options of the log. */
  readonly wal?: WalOptions | undefined;
  /** Ends the opening, as the option of `Wal.open` does: also while events are applied again. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `openMachine` for a machine with typed events. */
export interface TypedMachineOptions<
  State extends object,
  Result = unknown,
  Definition extends AppendableDefinition = AppendableDefinition,
> extends MachineOptions<State, Result, TypedEvent<Definition>>,
    TypedMachineDefinition<State, Result, Definition> {}

export interface ResolvedMachine {
  /** Undefined: `apply` is given bytes. */
  readonly events: readonly AnyDefinition[] | undefined;
  readonly version: number;
  readonly restoresVersions: ReadonlySet<number>;
  readonly snapshots: Required<{ [Name in keyof SnapshotOptions]-?: SnapshotOptions[Name] & {} }>;
  readonly hashEvery: number;
  readonly consumer: string;
}

const DEFINITION = ['initial', 'apply', 'snapshot', 'restore', 'hash', 'version'] as const;
const FUNCTIONS = ['initial', 'apply', 'snapshot', 'restore'] as const;
const NAMES = [
  ...DEFINITION,
  'events',
  'restoresVersions',
  'snapshots',
  'hashEvery',
  'consumer',
  'wal',
  'signal',
] as const;
const SNAPSHOT_NAMES = ['everyEvents', 'keep', 'maxBytes', 'onClose', 'deleteEvents'];
const GIB = 2 ** 30;

const invalid = (message: string): WalError =>
  new WalError('ERR_FLASHSTRIKE_INVALID_OPTION', message);

/**
 * The options with their defaults.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION, _INVALID_ARGUMENT
 */
export function resolveMachine(given: object): ResolvedMachine {
  checkOptionNames(given, NAMES);
  // Of whatever states: what its functions take is for the compiler to say.
  const options = given as Partial<MachineOptions<object>> & { readonly events?: unknown };
  for (const name of FUNCTIONS) checkFunction(name, options[name]);
  if (options.hash !== undefined) checkFunction('hash', options.hash);
  for (const name of ['initial', 'apply', 'hash'] as const) {
    if (isAsync(options[name])) throw invalid(`${name} must not be async: it is called in turn.`);
  }
  if (tagOf(options.snapshot) === 'AsyncFunction') {
    throw invalid(
      'snapshot must not return a promise: the state goes on meanwhile. Return what it is at ' +
        'once, or make it an async generator.',
    );
  }
  const { snapshots = {}, restoresVersions = [] } = options;
  checkOptionNames(snapshots, SNAPSHOT_NAMES);
  if (!Array.isArray(restoresVersions)) throw invalid('restoresVersions must be an array.');
  const versionOf = (value: unknown): number =>
    wholeNumber('version', value, { least: 1, most: TWO_POW_32 - 1, otherwise: 1 });
  const version = versionOf(options.version);
  const { events } = options;
  if (events !== undefined) checkDefinitions(events);
  return {
    events,
    version,
    restoresVersions: new Set([version, ...restoresVersions.map(versionOf)]),
    snapshots: {
      everyEvents: wholeNumber('snapshots.everyEvents', snapshots.everyEvents, {
        least: 0,
        most: 1e12,
        otherwise: 1e6,
      }),
      keep: wholeNumber('snapshots.keep', snapshots.keep, { least: 1, most: 1000, otherwise: 2 }),
      maxBytes: wholeNumber('snapshots.maxBytes', snapshots.maxBytes, {
        least: 1,
        most: SNAPSHOT_BYTES_MAX,
        otherwise: GIB,
      }),
      onClose: flag('snapshots.onClose', snapshots.onClose),
      deleteEvents: flag('snapshots.deleteEvents', snapshots.deleteEvents),
    },
    hashEvery: wholeNumber('hashEvery', options.hashEvery, {
      least: 1,
      most: 1e9,
      otherwise: 10_000,
    }),
    consumer: options.consumer ?? 'machine',
  };
}

function checkFunction(name: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw invalidArgument(`A machine needs the function ${name}; it is ${typeof value}.`);
}

/** `AsyncFunction` for one that is declared so. */
const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/** Says so before the first event; what returns a promise all the same is met when it does. */
const isAsync = (value: unknown): boolean =>
  typeof value === 'function' && /^Async(Generator)?Function$/.test(tagOf(value));

function wholeNumber(
  name: string,
  value: unknown,
  { least, most, otherwise }: { least: number; most: number; otherwise: number },
): number {
  if (value === undefined) return otherwise;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) {
    return value;
  }
  const shown = typeof value === 'number' ? value : typeof value;
  throw invalid(`The option ${name} must be a whole number, ${least} to ${most}; it is ${shown}.`);
}

function flag(name: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw invalid(`The option ${name} must be true or false; it is ${typeof value}.`);
}

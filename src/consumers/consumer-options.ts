// What a consumer may be registered with, and a clear error for what cannot work.
import { invalidArgument, invalidOption } from '../errors.js';
import { checkEventId, checkLogId, checkOptionNames } from '../reading/event-range.js';
import type { ConsumerPolicy } from '../segment/consumer-record.js';
import { isConsumerName } from '../segment/file-names.js';

/** How far a consumer may fall behind before it stops holding the log. */
export interface ConsumerLeash {
  /**
   * So many bytes of finished segments at most may hold events that it has not acknowledged (an
   * estimate within a segment). 0: any number. Default 0.
   */
  readonly maxLagBytes?: number | undefined;
  /**
   * So many milliseconds ago at most its oldest event that is not acknowledged may have been
   * appended (told by segments). 0: any number. Default 0.
   */
  readonly maxLagMs?: number | undefined;
  /**
   * What becomes of it when it lags more: `hold`: nothing, the log is kept, and the disk may become
   * full. `drop`: it is dropped, and told so with ERR_FLASHSTRIKE_EXPIRED. Default `hold`.
   */
  readonly policy?: ConsumerPolicy | undefined;
}

/** Options of `wal.registerConsumer`; of a consumer that exists, only those given are changed. */
export interface RegisterConsumerOptions extends ConsumerLeash {
  /**
   * The first event that a new consumer needs, at most the one behind the durable id. Default: the
   * first that is there. For a consumer that exists it means nothing.
   */
  readonly from?: number | undefined;
}

/** Options of `openConsumer`. */
export interface OpenConsumerOptions extends RegisterConsumerOptions {
  /** Register the consumer if there is none of this name. Default false. */
  readonly create?: boolean | undefined;
  /** The log that it is to be of, as `wal.logId` tells; default: whichever is there. */
  readonly logId?: bigint | undefined;
  /** `none`: where there are no file locks, and you can make sure of one user. Default `flock`. */
  readonly lock?: 'flock' | 'none' | undefined;
}

const POLICIES: readonly unknown[] = ['hold', 'drop'];
const REGISTER_NAMES = ['from', 'maxLagBytes', 'maxLagMs', 'policy'];
const OPEN_NAMES = [...REGISTER_NAMES, 'create', 'lock', 'logId'];

export function checkConsumerName(name: unknown): string {
  if (typeof name === 'string' && isConsumerName(name)) return name;
  throw invalidArgument(
    'The name of a consumer has 1 to 64 letters, digits and signs of "._-", the first no point.',
  );
}

/** @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION, _INVALID_ARGUMENT */
export function checkConsumerOptions(options: object, kind: 'register' | 'open'): void {
  checkOptionNames(options, kind === 'open' ? OPEN_NAMES : REGISTER_NAMES);
  const given = options as OpenConsumerOptions;
  checkLogId(given.logId);
  checkEventId('from', given.from);
  for (const name of ['maxLagBytes', 'maxLagMs'] as const) {
    const value = given[name];
    if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) continue;
    throw invalidOption(`The option ${name} must be a whole number from 0.`);
  }
  if (given.policy !== undefined && !POLICIES.includes(given.policy)) {
    throw invalidOption('The option policy must be one of hold, drop.');
  }
  if (given.create !== undefined && typeof given.create !== 'boolean') {
    throw invalidOption('The option create must be true or false.');
  }
  if (given.lock !== undefined && !['flock', 'none'].includes(given.lock)) {
    throw invalidOption('The option lock must be one of flock, none.');
  }
}

/** What holds from now on: what was given, else what was there. */
export function leashOf(
  given: ConsumerLeash,
  before: Required<ConsumerLeash> | undefined,
): { maxLagBytes: number; maxLagMs: number; policy: ConsumerPolicy } {
  const maxLagBytes = given.maxLagBytes ?? before?.maxLagBytes ?? 0;
  const maxLagMs = given.maxLagMs ?? before?.maxLagMs ?? 0;
  const policy = given.policy ?? before?.policy ?? 'hold';
  if (policy === 'drop' && maxLagBytes === 0 && maxLagMs === 0) {
    throw invalidOption("policy: 'drop' needs maxLagBytes or maxLagMs: nothing else says when.");
  }
  return { maxLagBytes, maxLagMs, policy };
}

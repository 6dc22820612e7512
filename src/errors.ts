// Every operating failure is a WalError with a code; a broken invariant is an assertion.
import { constants } from 'node:os';
import { types } from 'node:util';

/** Every error code and what it means; docs/ERRORS.md is generated from this table. */
export const ERROR_CODES = {
  ERR_FLASHSTRIKE_ACCESS: 'The folder or a file in it cannot be read or written by this user.',
  ERR_FLASHSTRIKE_APPLY_FAILED:
    'apply of a state machine threw, or returned a promise: the event is recorded, and the ' +
    'machine has stopped there. Mend apply, then open the machine again.',
  ERR_FLASHSTRIKE_CLOSED: 'The log is closing or closed; open it again to continue.',
  ERR_FLASHSTRIKE_CORRUPT:
    'Durable data is damaged or missing. Nothing was changed: restore the file from a backup, ' +
    'or salvage the log.',
  ERR_FLASHSTRIKE_DIVERGED:
    'The log and its replication stream have different events under the same ids; nothing was ' +
    'sent, and neither is changed.',
  ERR_FLASHSTRIKE_DURABILITY_UNKNOWN:
    'The log failed before the sync that durable() was waiting for: the events may or may not be ' +
    'on disk. Open the log again to find out.',
  ERR_FLASHSTRIKE_EVENT_TOO_LARGE:
    'The payload, or a batch including its frame headers, is larger than maxEventBytes allows ' +
    '(1,048,488 bytes unless asked for more, 64 MiB at most).',
  ERR_FLASHSTRIKE_EXPIRED:
    'The segment that held these events was removed, or they are no longer kept for a consumer ' +
    'that was dropped; firstEventId is the first one still there.',
  ERR_FLASHSTRIKE_FAILED: 'A write or sync failed; the log stays failed until it is opened again.',
  ERR_FLASHSTRIKE_FENCED:
    'Another log has taken over the replication stream; this one sends nothing more to it, now ' +
    'or later, and accepts no event unless replicate was given onFenced: continue.',
  ERR_FLASHSTRIKE_FILE_LOST:
    'A file of the open log was moved, removed, replaced or truncated; nothing has been reported ' +
    'durable since.',
  ERR_FLASHSTRIKE_INPUT:
    'The input cannot be read; the message says what is wrong, and in which line.',
  ERR_FLASHSTRIKE_INVALID_ARGUMENT: 'An argument has the wrong type or is out of range.',
  ERR_FLASHSTRIKE_INVALID_OPTION: 'An option is unknown, or has a value that cannot work.',
  ERR_FLASHSTRIKE_IO: 'The operating system reported an error.',
  ERR_FLASHSTRIKE_LIVE_COPY:
    'The folder is a copy of a log that was being written and lacks its last events, which ' +
    "recovery: 'strict' refuses.",
  ERR_FLASHSTRIKE_LOCKED: 'The log is already open, in this process or in another one.',
  ERR_FLASHSTRIKE_LOCK_UNAVAILABLE:
    "File locks are not available here; the option lock: 'none' opens the log without one.",
  ERR_FLASHSTRIKE_NOT_A_LOG: 'The path is not a folder, or the folder does not contain a log.',
  ERR_FLASHSTRIKE_NO_CONSUMER: 'The log has no consumer of this name.',
  ERR_FLASHSTRIKE_NO_SNAPSHOT:
    'The log of a state machine does not begin with event 1, and has no snapshot that can be ' +
    'used in place of what was removed.',
  ERR_FLASHSTRIKE_NO_SPACE:
    'The disk or quota is full; a log that is open goes on by itself once there is space.',
  ERR_FLASHSTRIKE_NO_TELEMETRY:
    'No process publishes telemetry of this log in shared memory: the log is closed, or was ' +
    'opened without shared memory.',
  ERR_FLASHSTRIKE_OBJECTS_UNAVAILABLE:
    'The store of archived segments did not answer, or is full; the message says how often it ' +
    'was asked.',
  ERR_FLASHSTRIKE_OUT_OF_RANGE: 'An event id is outside the range of the log.',
  ERR_FLASHSTRIKE_PACKAGE_MISSING:
    'An optional package is not installed; the message names it and the command that installs it.',
  ERR_FLASHSTRIKE_PLATFORM: 'This platform is not supported.',
  ERR_FLASHSTRIKE_REGION_GONE:
    "The shared region of the crashed process no longer exists, which recovery: 'strict' refuses.",
  ERR_FLASHSTRIKE_REGION_UNCERTAIN:
    'A shared region may belong to this log and hold events that are not in its files; choose ' +
    'what to do with the option oldRing.',
  ERR_FLASHSTRIKE_REPLICATION_STOPPED:
    'Replication ended before the stream was known to have the events, or none runs; they are in ' +
    'the log.',
  ERR_FLASHSTRIKE_REPLICA_GAP:
    'The log does not have the events any more with which its replication stream or its archived ' +
    'segments go on, or these two together lack events; the message says which.',
  ERR_FLASHSTRIKE_RESOURCES:
    'A limit on threads, open files or memory was reached; the message says which to raise. ' +
    'Everything that had been acquired was released.',
  ERR_FLASHSTRIKE_RESTORE_FAILED:
    'restore of a state machine threw for a sound snapshot of its own version.',
  ERR_FLASHSTRIKE_RING_MISMATCH:
    'The events in the ring of the crashed process do not continue those in the files.',
  ERR_FLASHSTRIKE_SCHEMA:
    'An event does not fit the definition that it is read with, or the log does not say what it ' +
    'is made of; the message says which.',
  ERR_FLASHSTRIKE_SHARED_MEMORY: 'The shared region cannot be created or cannot be trusted.',
  ERR_FLASHSTRIKE_SNAPSHOT_FAILED:
    'The function snapshot of a state machine threw, or returned what cannot be one. The machine ' +
    'goes on.',
  ERR_FLASHSTRIKE_STALLED:
    'The ring stayed full for stallTimeoutMs, or durableSync() waited too long: the disk is slow.',
  ERR_FLASHSTRIKE_STREAM_UNAVAILABLE:
    'The replication stream did not answer, or is not there; the message says how often it was ' +
    'asked.',
  ERR_FLASHSTRIKE_TORN_TAIL:
    "The last write is torn, which recovery: 'strict' refuses; no durable event is missing.",
  ERR_FLASHSTRIKE_UNDECIDABLE:
    'Whether durable events are missing cannot be determined; see the option recovery.',
  ERR_FLASHSTRIKE_UNSAFE_FILE:
    'A file of the log is not a regular file, or is one with a second name (a hard link).',
  ERR_FLASHSTRIKE_UNSUPPORTED:
    'The file was written by a newer version, or uses a feature that this version does not have.',
  ERR_FLASHSTRIKE_WORKER_DIED: 'A thread of the log ended unexpectedly.',
  ERR_FLASHSTRIKE_WRONG_LOG:
    'A file belongs to another log, or the folder holds another one than is asked for.',
} as const;

/** A key of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

interface WalErrorDetails {
  /** File or folder that the error is about. */
  readonly path?: string | undefined;
  /** Byte offset in that file. */
  readonly offset?: number | undefined;
  /** See WalError. */
  readonly firstEventId?: number | undefined;
  readonly cause?: unknown;
}

/**
 * What every failure of the library throws or rejects with. `code` is a key of
 * {@link ERROR_CODES}; `message` says what happened and what to do; `path` and `offset` say where;
 * `cause` is the underlying error, for instance one of Node with `code: 'ENOSPC'`.
 *
 * @example
 * import { Wal, WalError } from 'flashstrike';
 *
 * try {
 *   await Wal.open('./orders');
 * } catch (error) {
 *   if (error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_LOCKED') process.exit(1);
 *   throw error;
 * }
 */
export class WalError extends Error {
  /** Always `WalError`. */
  override readonly name = 'WalError';
  /** What kind of failure it is. */
  readonly code: ErrorCode;
  /** File or folder that the error is about. */
  readonly path: string | undefined;
  /** Byte offset in that file. */
  readonly offset: number | undefined;
  /** With `ERR_FLASHSTRIKE_EXPIRED`: the first event that was still there, where one was. */
  readonly firstEventId: number | undefined;

  constructor(code: ErrorCode, message: string, details: WalErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.path = details.path;
    this.offset = details.offset;
    this.firstEventId = details.firstEventId;
  }
}

/** A WalError as plain data, to cross threads by structured clone or JSON. */
export interface SerializedError {
  readonly code: string;
  readonly message: string;
  readonly path?: string | undefined;
  readonly offset?: number | undefined;
  readonly firstEventId?: number | undefined;
  readonly cause?: SerializedError | undefined;
}

const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);

const ERRNO_NAMES = new Map(Object.entries(constants.errno).map(([name, errno]) => [-errno, name]));
/**
 * What Node calls an error that libuv has no name for, EDQUOT for one: that depends on the call.
 */
const NAMELESS = /^(UNKNOWN$|Unknown system error )/;

/**
 * Node's own codes, and those of our assertions, begin with `ERR_`: wrong calls, not the system.
 */
const OF_SYSTEM = /^E(?!RR_)[A-Z0-9_]+$/;

/**
 * An error of any realm: where this module was loaded into a context of its own (Jest's ESM mode,
 * `vm`, Electron), Node's errors are no instances of the `Error` that it sees.
 */
export const isError = (value: unknown): value is Error =>
  value instanceof Error || types.isNativeError(value);

/** What went wrong, of whatever was thrown. */
export const messageOf = (error: unknown): string =>
  isError(error) ? error.message : String(error);

/** Whatever was thrown, as an error. */
export const errorOf = (thrown: unknown): Error =>
  isError(thrown) ? thrown : new Error(String(thrown));

/** The `code` of any error of Node, its zlib, ours … */
export const codeOf = (error: unknown): string | undefined =>
  isError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** What Node's permission model says, which `--permission` switches on. */
const NOT_PERMITTED = 'ERR_ACCESS_DENIED';

/** The option of Node that would allow what its permission model has refused; else undefined. */
export function neededPermission(error: unknown): string | undefined {
  if (codeOf(error) !== NOT_PERMITTED) return undefined;
  const permission = isError(error) && 'permission' in error ? String(error.permission) : '';
  if (permission === 'WorkerThreads') return '--allow-worker';
  return permission === 'FileSystemWrite' ? '--allow-fs-write' : '--allow-fs-read';
}

/** What the system calls an error of it (`ENOSPC` …); undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  const code = codeOf(error);
  if (code === undefined || OF_SYSTEM.test(code)) return code;
  if (code === NOT_PERMITTED) return 'EACCES';
  if (!NAMELESS.test(code)) return undefined;
  const errno = isError(error) && 'errno' in error ? Number(error.errno) : Number.NaN;
  return ERRNO_NAMES.get(errno) ?? code;
}

/**
 * Whether the world is to blame, not a wrong call or a broken invariant of ours: those are bugs.
 */
export const isOperational = (error: unknown): error is Error =>
  error instanceof WalError || systemCode(error) !== undefined;

export const isNoSpace = (error: unknown): boolean => {
  if (error instanceof WalError) {
    return error.code === 'ERR_FLASHSTRIKE_NO_SPACE' || isNoSpace(error.cause);
  }
  const code = systemCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
};

/** Too many files are open, or there is no memory: what somebody else holds, and gives back. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** Whether a system error is worth waiting for, however long it takes. */
export const isPassing = (error: unknown): boolean => PASSING.has(systemCode(error) ?? '');

/** What a system error says has run out, and where its limit is set. */
const LIMITS: Readonly<Record<string, string>> = {
  EAGAIN: 'threads (ulimit -u, pids.max of the container, TasksMax of systemd)',
  EMFILE: 'open files (ulimit -n)',
  ENFILE: 'open files of the machine (fs.file-max)',
  ENOMEM: "memory (ulimit -v, the container's limit, vm.max_map_count)",
  ERR_WORKER_INIT_FAILED: 'threads or memory (ulimit -u and -v, pids.max of the container)',
};
const LIMIT = new RegExp(`\\b(${Object.keys(LIMITS).join('|')})\\b`);
/** What V8 says where it gets no memory for a buffer. */
const NO_BUFFER = /Array buffer allocation failed/;

/**
 * The failure of an operation on `path` that met a limit, whatever else was said about it, as an
 * error that says what to raise.
 */
export function limitError(path: string, error: unknown): WalError | undefined {
  if (!isError(error)) return undefined;
  if (error instanceof WalError) {
    return error.code === 'ERR_FLASHSTRIKE_RESOURCES' ? error : limitError(path, error.cause);
  }
  // The message first: Node's own code for a thread that could not start names the cause only
  // there.
  const found = LIMIT.exec(`${error.message} ${systemCode(error) ?? codeOf(error) ?? ''}`)?.[1];
  const limit = LIMITS[NO_BUFFER.test(error.message) ? 'ENOMEM' : (found ?? '')];
  if (limit === undefined) return undefined;
  const message =
    `${path}: this process has reached its limit of ${limit}: ${error.message}. Raise the ` +
    'limit, then open the log again.';
  return new WalError('ERR_FLASHSTRIKE_RESOURCES', message, { path, cause: error });
}

export const invalidArgument = (message: string): WalError =>
  new WalError('ERR_FLASHSTRIKE_INVALID_ARGUMENT', message);

export const invalidOption = (message: string): WalError =>
  new WalError('ERR_FLASHSTRIKE_INVALID_OPTION', message);

export const outOfRange = (message: string): WalError =>
  new WalError('ERR_FLASHSTRIKE_OUT_OF_RANGE', message);

export function serializeError(error: unknown): SerializedError {
  if (error instanceof WalError) {
    const { code, message, path, offset, firstEventId } = error;
    const cause = error.cause === undefined ? undefined : serializeError(error.cause);
    return { code, message, path, offset, firstEventId, cause };
  }
  const message = messageOf(error);
  return { code: systemCode(error) ?? codeOf(error) ?? 'ERR_UNKNOWN', message };
}

export function deserializeError(data: SerializedError): Error {
  const cause = data.cause === undefined ? undefined : deserializeError(data.cause);
  if (isErrorCode(data.code)) {
    const { code, message, path, offset, firstEventId } = data;
    return new WalError(code, message, { path, offset, firstEventId, cause });
  }
  return Object.assign(new Error(data.message, cause === undefined ? undefined : { cause }), {
    code: data.code,
  });
}

/** Stops on a broken invariant of our own: a bug, never an operating condition. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
  readonly code = 'ERR_ASSERTION';
}

/** Payloads and names may hold terminal escapes: what goes into a message is made harmless. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

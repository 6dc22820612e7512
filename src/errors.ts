// Every operating failure is a WalError with a code; a broken invariant is an assertion.
import { constants } from 'node:os';
import { types } from 'node:util';

/** Every code, what it means, and what to do; docs and `--help` print this table. */
export const ERROR_CODES = {
  ERR_FLASHSTRIKE_ACCESS: 'The folder or a file in it cannot be read or written by this user.',
  ERR_FLASHSTRIKE_CLOSED: 'The log is closing or closed; open it again to go on.',
  ERR_FLASHSTRIKE_CORRUPT:
    'Bytes that were durable no longer validate. Nothing was changed; restore the file or salvage.',
  ERR_FLASHSTRIKE_DURABILITY_UNKNOWN:
    'The log failed before the sync that was waited for: the events may or may not be on disk. ' +
    'Reopen to learn.',
  ERR_FLASHSTRIKE_EVENT_TOO_LARGE:
    'The payload, or a batch with its frames, is larger than maxEventBytes lets in (1,048,488 ' +
    'bytes at most).',
  ERR_FLASHSTRIKE_EXPIRED: 'The segment that holds these events is gone.',
  ERR_FLASHSTRIKE_FAILED: 'A write or sync failed once; the log stays failed until it is reopened.',
  ERR_FLASHSTRIKE_FILE_LOST:
    'Somebody moved, removed, replaced or cut a file of the open log; nothing was called durable ' +
    'since.',
  ERR_FLASHSTRIKE_INPUT: 'A line of the input cannot be understood.',
  ERR_FLASHSTRIKE_INVALID_ARGUMENT: 'A call was given an argument of the wrong type or range.',
  ERR_FLASHSTRIKE_INVALID_OPTION: 'An option is unknown, of the wrong type, or cannot work.',
  ERR_FLASHSTRIKE_IO: 'The operating system reported an error.',
  ERR_FLASHSTRIKE_LIVE_COPY:
    'The folder is a copy of a log that was being written and lacks its tail, and recovery: ' +
    "'strict' was asked for.",
  ERR_FLASHSTRIKE_LOCKED: 'Another opening of this log holds its lock.',
  ERR_FLASHSTRIKE_LOCK_UNAVAILABLE:
    "No file lock can be had here; the option lock: 'none' does without.",
  ERR_FLASHSTRIKE_NOT_A_LOG: 'The path is not a folder, or the folder holds no log.',
  ERR_FLASHSTRIKE_NO_SPACE: 'The disk or quota is full; work resumes by itself when space is back.',
  ERR_FLASHSTRIKE_NO_TELEMETRY:
    'No process shows telemetry of this log in shared memory: it is closed, or keeps it to itself.',
  ERR_FLASHSTRIKE_OUT_OF_RANGE: 'An event id lies outside of what the log holds.',
  ERR_FLASHSTRIKE_PLATFORM: 'This platform is not supported.',
  ERR_FLASHSTRIKE_REGION_GONE:
    "The shared region of the crashed process is gone and recovery: 'strict' was asked for.",
  ERR_FLASHSTRIKE_REGION_UNCERTAIN:
    'A shared region may be that of this log and hold events that the files lack: choose with ' +
    'oldRing.',
  ERR_FLASHSTRIKE_RESOURCES:
    'A limit on threads, open files or memory was met; the message says which to raise. Nothing ' +
    'stays held.',
  ERR_FLASHSTRIKE_RING_MISMATCH:
    'The shared ring of the crashed process does not connect to the files.',
  ERR_FLASHSTRIKE_SHARED_MEMORY: 'The shared region cannot be created or is not trustworthy.',
  ERR_FLASHSTRIKE_STALLED: 'The ring stayed full for stallTimeoutMs: the disk does not keep up.',
  ERR_FLASHSTRIKE_TORN_TAIL:
    "The last write was torn and recovery: 'strict' was asked for; no durable event is missing.",
  ERR_FLASHSTRIKE_UNDECIDABLE:
    'It cannot be told whether events are missing; see the recovery option.',
  ERR_FLASHSTRIKE_UNSAFE_FILE: 'A name of ours is not a plain file that is ours alone.',
  ERR_FLASHSTRIKE_UNSUPPORTED: 'Written by a newer version, or with a feature not known here.',
  ERR_FLASHSTRIKE_WORKER_DIED: 'A thread of the log ended unexpectedly.',
  ERR_FLASHSTRIKE_WRONG_LOG: 'A file belongs to another log.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

interface WalErrorDetails {
  /** File or folder that the error is about. */
  readonly path?: string | undefined;
  /** Byte offset in that file. */
  readonly offset?: number | undefined;
  readonly cause?: unknown;
}

/** An operating failure: `code` is one of {@link ERROR_CODES}, `message` says what to do. */
export class WalError extends Error {
  override readonly name = 'WalError';
  readonly code: ErrorCode;
  readonly path: string | undefined;
  readonly offset: number | undefined;

  constructor(code: ErrorCode, message: string, details: WalErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.path = details.path;
    this.offset = details.offset;
  }
}

/** A WalError as plain data, to cross threads by structured clone or JSON. */
export interface SerializedError {
  readonly code: string;
  readonly message: string;
  readonly path?: string | undefined;
  readonly offset?: number | undefined;
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

/** What a system error tells to be short of, and where that limit stands. */
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

/** The failure of an operation on `path` that met a limit, as an error that says what to raise. */
export function limitError(path: string, error: unknown): WalError | undefined {
  if (!isError(error) || error instanceof WalError) return undefined;
  // The message first: Node's own code for a thread that could not start names the cause only
  // there.
  const found = LIMIT.exec(`${error.message} ${systemCode(error) ?? codeOf(error) ?? ''}`)?.[1];
  const limit = LIMITS[NO_BUFFER.test(error.message) ? 'ENOMEM' : (found ?? '')];
  if (limit === undefined) return undefined;
  const message =
    `${path}: this process may have no more ${limit}: ${error.message}. Raise the ` +
    'limit, then open the log again.';
  return new WalError('ERR_FLASHSTRIKE_RESOURCES', message, { path, cause: error });
}

export const invalidArgument = (message: string): WalError =>
  new WalError('ERR_FLASHSTRIKE_INVALID_ARGUMENT', message);

export const outOfRange = (message: string): WalError =>
  new WalError('ERR_FLASHSTRIKE_OUT_OF_RANGE', message);

export function serializeError(error: unknown): SerializedError {
  if (error instanceof WalError) {
    const { code, message, path, offset } = error;
    const cause = error.cause === undefined ? undefined : serializeError(error.cause);
    return { code, message, path, offset, cause };
  }
  const message = messageOf(error);
  return { code: systemCode(error) ?? codeOf(error) ?? 'ERR_UNKNOWN', message };
}

export function deserializeError(data: SerializedError): Error {
  const cause = data.cause === undefined ? undefined : deserializeError(data.cause);
  if (isErrorCode(data.code)) {
    return new WalError(data.code, data.message, { path: data.path, offset: data.offset, cause });
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

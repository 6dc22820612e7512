// The options of `Wal.open`: defaults, limits, and a clear error for each that cannot work.
import { resolve } from 'node:path';
import { WalError } from '../errors.js';
import { DEFAULT_REGION_FOLDER } from '../memory/shared-region.js';
import type { RecoveryMode, VerifyMode } from '../recovery/manager.js';
import type { OldRingChoice } from '../recovery/region-verdict.js';
import { MAX_SEGMENT_BYTES, MIN_SEGMENT_BYTES } from '../segment/segment-header.js';
import { MIB, PAGE_BYTES } from '../units.js';
import { largestEventBytes, MIN_RING_BYTES } from './event-limit.js';
import { QUEUE_CAPACITY } from './signals.js';

export type SyncMode = 'interval' | 'every-block' | 'manual';

export interface SyncOptions {
  /**
   * When blocks are synced without anyone waiting in `durable()`: `interval` when a block is
   * `intervalMs` old (an event is on disk at most two intervals and a sync after it was appended),
   * `every-block` after each block, `manual` only when asked.
   */
  readonly mode: SyncMode;
  readonly intervalMs: number;
}

/** Options of {@link Wal.open}; all may differ from one opening to the next. */
export interface WalOptions {
  /** Size of new segment files; a multiple of 4096, 64 KiB … 1 GiB. Default 64 MiB. */
  readonly segmentBytes?: number;
  /** Size of the ring; a power of two, 64 KiB … 1 GiB. Default 16 MiB. */
  readonly ringBytes?: number;
  /**
   * Largest payload accepted. Default, and the most: the smallest of `ringBytes` / 4, one block of
   * 1 MiB, and `segmentBytes` - 36 KiB, less 88 bytes for headers. So never above 1,048,488.
   */
  readonly maxEventBytes?: number;
  /** Segments kept ready, 1 … 4. Default 2. */
  readonly preparedSegments?: number;
  readonly sync?: Partial<SyncOptions>;
  /** How long `append` waits for room in a full ring before it throws. Default 10,000. */
  readonly stallTimeoutMs?: number;
  /** `precise` reads the clock for each event; `coarse` takes the writer thread's last reading. */
  readonly timestamps?: 'precise' | 'coarse';
  /**
   * What to do with the end that a crash left. `default` sets a torn write aside (never durable,
   * counted in `wal.recovery`) and refuses damage, and where it cannot tell; `strict` refuses a torn
   * write, too; `tolerate-tail` goes on where it cannot be told; `accept-loss` goes on where segments
   * before the last one are damaged or missing, and names in `wal.recovery.losses` what is lost;
   * `accept-copy` takes a folder that lacks a tail for the copy of a log that was being written (one that
   * provably is opens by itself, but for `strict`). None opens over other damage at the end of the log:
   * `salvage` reads what stands behind it. Default `default`.
   */
  readonly recovery?: RecoveryMode;
  /**
   * What is read of the finished segments, whose names, sizes and headers are always chained: nothing
   * more (`tail`), every block before the log opens (`all`), or every block while it is open
   * (`background`, told by `wal.verification`). Default `tail`.
   */
  readonly verify?: VerifyMode;
  /**
   * What to do with the shared region of a crashed process that may be this log's, where that cannot be
   * proven (another user's, or found in a moved copy), and that holds events which the files lack:
   * `refuse` the open, `take` its events where they connect, or `leave` it where it is and go on
   * without them, for good. Default `refuse`.
   */
  readonly oldRing?: OldRingChoice;
  /** `required`: an error where memory cannot be shared with the next process; `off`: never. */
  readonly sharedMemory?: 'auto' | 'required' | 'off';
  /** Folder of the shared region, on a tmpfs. Default `/dev/shm`. */
  readonly sharedMemoryDirectory?: string;
  /** One in so many appends is timed; 0 times none. Default 64. */
  readonly appendSampling?: number;
  /** Create the folder and the log where there is none. Default true. */
  readonly create?: boolean;
  /** `none`: where no file lock can be had, and you make sure of one writer yourself. */
  readonly lock?: 'flock' | 'none';
}

export interface ResolvedOptions extends Required<Omit<WalOptions, 'sync'>> {
  readonly sync: SyncOptions;
}

const RECOVERY_MODES: readonly RecoveryMode[] = [
  'default',
  'strict',
  'tolerate-tail',
  'accept-loss',
  'accept-copy',
];
const VERIFY_MODES: readonly VerifyMode[] = ['tail', 'all', 'background'];
const SYNC_MODES: readonly SyncMode[] = ['interval', 'every-block', 'manual'];
const MAX_RING_BYTES = 1024 * MIB;
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;
export const LONGEST_SAMPLING = 2 ** 30;

function invalid(name: string, value: unknown, expected: string): WalError {
  return new WalError(
    'ERR_FLASHSTRIKE_INVALID_OPTION',
    `The option ${name} must be ${expected}; it is ${describe(value)}.`,
  );
}

export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? `an object (${classOf(value)})` : typeof value;
}

function classOf(value: object): string {
  try {
    const name: unknown = value.constructor?.name;
    return typeof name === 'string' && name !== '' ? name.slice(0, 100) : 'no class';
  } catch {
    // A revoked proxy, or a getter that throws: code of whoever gave the object.
    return 'not to be looked at';
  }
}

function integer(
  name: string,
  value: unknown,
  limits: { min: number; max: number; multipleOf?: number },
): number {
  const { min, max, multipleOf = 1 } = limits;
  const fits = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
  if (!fits || value % multipleOf !== 0) {
    const multiple = multipleOf === 1 ? '' : `, a multiple of ${multipleOf}`;
    throw invalid(name, value, `an integer from ${min} to ${max}${multiple}`);
  }
  return value;
}

function oneOf<Value extends string>(
  name: string,
  value: unknown,
  allowed: readonly Value[],
): Value {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw invalid(name, value, `one of ${allowed.join(', ')}`);
  return found;
}

/** `salvage` reads only: it is no way to open a log. */
function recoveryMode(value: unknown): RecoveryMode {
  if (value !== 'salvage') return oneOf('recovery', value, RECOVERY_MODES);
  throw new WalError(
    'ERR_FLASHSTRIKE_INVALID_OPTION',
    "recovery: 'salvage' opens no log, because salvage only reads: call salvage(dir) for what is " +
      'left, or run flashstrike salvage for a copy that can be opened.',
  );
}

function bool(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalid(name, value, 'true or false');
  return value;
}

function folder(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) {
    throw invalid(name, value, 'the path of a folder');
  }
  return value;
}

function checkNames(options: object, known: readonly string[], prefix = ''): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new WalError(
      'ERR_FLASHSTRIKE_INVALID_OPTION',
      `There is no option ${prefix}${name.slice(0, 100)}. There are: ${known.join(', ')}.`,
    );
  }
}

function resolveSync(value: unknown): SyncOptions {
  if (value === undefined) return { mode: 'interval', intervalMs: 10 };
  if (typeof value !== 'object' || value === null) {
    throw invalid('sync', value, 'an object { mode, intervalMs }');
  }
  checkNames(value, ['mode', 'intervalMs'], 'sync.');
  const { mode = 'interval', intervalMs = 10 } = value as Partial<SyncOptions>;
  return {
    mode: oneOf('sync.mode', mode, SYNC_MODES),
    intervalMs: integer('sync.intervalMs', intervalMs, { min: 1, max: 3_600_000 }),
  };
}

type OptionName = keyof ResolvedOptions;

const NAMES: readonly OptionName[] = [
  'segmentBytes',
  'ringBytes',
  'maxEventBytes',
  'preparedSegments',
  'sync',
  'stallTimeoutMs',
  'timestamps',
  'recovery',
  'verify',
  'oldRing',
  'sharedMemory',
  'sharedMemoryDirectory',
  'appendSampling',
  'create',
  'lock',
];

/** @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION */
export function resolveOptions(options: unknown = {}): ResolvedOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid('options', options, 'an object');
  }
  checkNames(options, NAMES);
  const given = options as WalOptions;
  const segmentBytes = integer('segmentBytes', given.segmentBytes ?? 64 * MIB, {
    min: MIN_SEGMENT_BYTES,
    max: MAX_SEGMENT_BYTES,
    multipleOf: PAGE_BYTES,
  });
  const ringBytes = integer('ringBytes', given.ringBytes ?? 16 * MIB, {
    min: MIN_RING_BYTES,
    max: MAX_RING_BYTES,
  });
  if (!Number.isInteger(Math.log2(ringBytes))) {
    throw invalid('ringBytes', ringBytes, 'a power of two');
  }
  const largest = largestEventBytes(ringBytes, segmentBytes);
  return Object.freeze({
    segmentBytes,
    ringBytes,
    maxEventBytes: integer('maxEventBytes', given.maxEventBytes ?? largest, {
      min: 1,
      max: largest,
    }),
    preparedSegments: integer('preparedSegments', given.preparedSegments ?? 2, {
      min: 1,
      max: QUEUE_CAPACITY,
    }),
    sync: resolveSync(given.sync),
    stallTimeoutMs: integer('stallTimeoutMs', given.stallTimeoutMs ?? 10_000, {
      min: 0,
      max: LONGEST_TIMEOUT_MS,
    }),
    timestamps: oneOf('timestamps', given.timestamps ?? 'precise', ['precise', 'coarse']),
    recovery: recoveryMode(given.recovery ?? 'default'),
    verify: oneOf('verify', given.verify ?? 'tail', VERIFY_MODES),
    oldRing: oneOf('oldRing', given.oldRing ?? 'refuse', ['refuse', 'take', 'leave']),
    sharedMemory: oneOf('sharedMemory', given.sharedMemory ?? 'auto', ['auto', 'required', 'off']),
    sharedMemoryDirectory: resolve(
      folder('sharedMemoryDirectory', given.sharedMemoryDirectory ?? DEFAULT_REGION_FOLDER),
    ),
    appendSampling: integer('appendSampling', given.appendSampling ?? 64, {
      min: 0,
      max: LONGEST_SAMPLING,
    }),
    create: bool('create', given.create ?? true),
    lock: oneOf('lock', given.lock ?? 'flock', ['flock', 'none']),
  });
}

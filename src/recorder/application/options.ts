// The options of `Wal.open`: defaults, limits, and a clear error for each that cannot work.
import { resolve } from 'node:path';
import { WalError } from '../../errors.js';
import type { RecoveryMode, VerifyMode } from '../../recovery/recover-log.js';
import { DEFAULT_REGION_FOLDER } from '../../region/region-names.js';
import { MAX_SEGMENT_BYTES, MIN_SEGMENT_BYTES } from '../../segment/segment-header.js';
import { KIB, LONGEST_TIMER_MS, MIB, PAGE_BYTES } from '../../units.js';
import { QUEUE_CAPACITY } from '../threads/signals.js';
import type {
  Preallocation,
  ResolvedOptions,
  RetentionOptions,
  SyncMode,
  SyncOptions,
  WalOptions,
} from '../threads/wal-options.js';
import { largestEventBytes, MIN_RING_BYTES, usualEventBytes } from './event-limit.js';

const RECOVERY_MODES: readonly RecoveryMode[] = [
  'default',
  'strict',
  'tolerate-tail',
  'accept-loss',
  'accept-copy',
];
const PREALLOCATIONS: readonly Preallocation[] = ['recycle', 'zero', 'allocate'];
const VERIFY_MODES: readonly VerifyMode[] = ['tail', 'all', 'background'];
const SYNC_MODES: readonly SyncMode[] = ['interval', 'every-block', 'manual'];
const DEFAULT_SYNC: SyncOptions = {
  mode: 'interval',
  intervalMs: 10,
  maxUnsyncedBytes: 8 * MIB,
};
const MAX_RING_BYTES = 1024 * MIB;
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
    return typeof name === 'string' && name !== '' ? name.slice(0, 100) : 'of no class';
  } catch {
    // A revoked proxy, or a getter that throws: code of whoever gave the object.
    return 'its class cannot be read';
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
    "recovery: 'salvage' cannot open a log, because salvage only reads: call salvage(dir) to " +
      'read what is valid, or run flashstrike salvage for a copy that can be opened.',
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
      `There is no option ${prefix}${name.slice(0, 100)}. The options are: ${known.join(', ')}.`,
    );
  }
}

function resolveSync(value: unknown): SyncOptions {
  if (value === undefined) return DEFAULT_SYNC;
  if (typeof value !== 'object' || value === null) {
    throw invalid('sync', value, 'an object { mode, intervalMs, maxUnsyncedBytes }');
  }
  checkNames(value, Object.keys(DEFAULT_SYNC), 'sync.');
  const {
    mode = DEFAULT_SYNC.mode,
    intervalMs = DEFAULT_SYNC.intervalMs,
    maxUnsyncedBytes = DEFAULT_SYNC.maxUnsyncedBytes,
  } = value as Partial<SyncOptions>;
  const bytes = { min: 64 * KIB, max: 1024 * MIB };
  return {
    mode: oneOf('sync.mode', mode, SYNC_MODES),
    intervalMs: integer('sync.intervalMs', intervalMs, { min: 1, max: 3_600_000 }),
    maxUnsyncedBytes: integer('sync.maxUnsyncedBytes', maxUnsyncedBytes, bytes),
  };
}

const RETENTION_LIMITS = {
  segments: { min: 1, max: 1_000_000 },
  bytes: { min: MIN_SEGMENT_BYTES, max: Number.MAX_SAFE_INTEGER },
  ageMs: { min: 1, max: 100 * 365 * 86_400_000 },
} as const;

/** Undefined where everything is kept. */
function resolveRetention(value: unknown): RetentionOptions | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('retention', value, 'an object { segments, bytes, ageMs }');
  }
  checkNames(value, Object.keys(RETENTION_LIMITS), 'retention.');
  const limits: { -readonly [Name in keyof RetentionOptions]: number } = {};
  for (const name of ['segments', 'bytes', 'ageMs'] as const) {
    const given: unknown = (value as RetentionOptions)[name];
    if (given === undefined) continue;
    limits[name] = integer(`retention.${name}`, given, RETENTION_LIMITS[name]);
  }
  return Object.keys(limits).length === 0 ? undefined : Object.freeze(limits);
}

type OptionName = keyof ResolvedOptions;

const NAMES: readonly OptionName[] = [
  'segmentBytes',
  'ringBytes',
  'maxEventBytes',
  'preparedSegments',
  'preallocate',
  'sync',
  'stallTimeoutMs',
  'stallThresholdMs',
  'timestamps',
  'recovery',
  'verify',
  'oldRing',
  'sharedMemory',
  'sharedMemoryDirectory',
  'threads',
  'appendSampling',
  'retention',
  'compression',
  'hotSegments',
  'create',
  'lockTimeoutMs',
  'lock',
];

/** @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION */
export function resolveOptions(options: unknown = {}): ResolvedOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid('options', options, 'an object');
  }
  // What ends the opening is no option of the threads.
  checkNames(options, [...NAMES, 'signal']);
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
    maxEventBytes: integer('maxEventBytes', given.maxEventBytes ?? usualEventBytes(largest), {
      min: 1,
      max: largest,
    }),
    preparedSegments: integer('preparedSegments', given.preparedSegments ?? 2, {
      min: 1,
      max: QUEUE_CAPACITY,
    }),
    preallocate: oneOf('preallocate', given.preallocate ?? 'zero', PREALLOCATIONS),
    sync: resolveSync(given.sync),
    stallTimeoutMs: integer('stallTimeoutMs', given.stallTimeoutMs ?? 10_000, {
      min: 0,
      max: LONGEST_TIMER_MS,
    }),
    stallThresholdMs: integer('stallThresholdMs', given.stallThresholdMs ?? 100, {
      min: 0,
      max: 3_600_000,
    }),
    timestamps: oneOf('timestamps', given.timestamps ?? 'precise', ['precise', 'coarse']),
    recovery: recoveryMode(given.recovery ?? 'default'),
    verify: oneOf('verify', given.verify ?? 'tail', VERIFY_MODES),
    oldRing: oneOf('oldRing', given.oldRing ?? 'refuse', ['refuse', 'take', 'leave']),
    sharedMemory: oneOf('sharedMemory', given.sharedMemory ?? 'auto', ['auto', 'required', 'off']),
    threads: oneOf('threads', given.threads ?? 'shared', ['shared', 'own']),
    sharedMemoryDirectory: resolve(
      folder('sharedMemoryDirectory', given.sharedMemoryDirectory ?? DEFAULT_REGION_FOLDER),
    ),
    appendSampling: integer('appendSampling', given.appendSampling ?? 64, {
      min: 0,
      max: LONGEST_SAMPLING,
    }),
    retention: resolveRetention(given.retention),
    compression: oneOf('compression', given.compression ?? 'none', ['none', 'lz4']),
    hotSegments: integer('hotSegments', given.hotSegments ?? 4, { min: 0, max: 1_000_000 }),
    create: bool('create', given.create ?? true),
    lockTimeoutMs: integer('lockTimeoutMs', given.lockTimeoutMs ?? 0, {
      min: 0,
      max: LONGEST_TIMER_MS,
    }),
    lock: oneOf('lock', given.lock ?? 'flock', ['flock', 'none']),
  });
}

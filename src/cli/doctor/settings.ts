// The options with which a log is to be opened there, and why: those that the figures speak of.
import { KIB, MIB, NS_PER_MS, NS_PER_SECOND } from '../../units.js';
import { formatBytes, formatCount, formatDuration } from '../quantities.js';
import type { Examination } from './finding.js';
import { COPY_ON_WRITE } from './folder-rules.js';
import { wayOf } from './measurements.js';
import { LOG_MEMORY_BYTES } from './memory-rules.js';

export interface Setting {
  /** With a point in it where it is a field of another option. */
  readonly option: string;
  readonly value: string | number;
  readonly isDefault: boolean;
  readonly why: string;
}

type Advice = (examination: Examination) => Setting | undefined;

const RING_BYTES = 16 * MIB;
const LEAST_RING_BYTES = 256 * KIB;
const MOST_RING_BYTES = 256 * MIB;
const SEGMENT_BYTES = 64 * MIB;
const LEAST_SEGMENT_BYTES = MIB;
const INTERVAL_MS = 10;
const STALL_TIMEOUT_MS = 10_000;
/** A ring that carries this much through the longest stall is large enough for most. */
const COMFORTABLE_RATE = 20e6;
/** Below this part of what a growing file takes, zeros in advance are worth writing. */
const WORTH_ZEROS = 0.9;

const powerOfTwoUpTo = (bytes: number): number => 2 ** Math.floor(Math.log2(Math.max(1, bytes)));
const powerOfTwoFrom = (bytes: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, bytes)));
const inSeconds = (ns: number): string => formatDuration(ns / NS_PER_SECOND);
const between = (least: number, value: number, most: number): number =>
  Math.min(most, Math.max(least, value));

function preallocate({ facts, measured }: Examination): Setting | undefined {
  const type = facts.folder.mount?.type ?? '';
  const option = 'preallocate';
  if (COPY_ON_WRITE.has(type)) {
    const why = `${type} writes each block to a new place: zeros in advance would be written twice`;
    return { option, value: 'allocate', isDefault: false, why };
  }
  const [overwrite, grow] = [wayOf(measured, 'overwrite'), wayOf(measured, 'grow')];
  if (overwrite === undefined || grow === undefined) return undefined;
  const figures =
    `${inSeconds(overwrite.p50Ns)} into a prepared file, ${inSeconds(grow.p50Ns)} ` +
    `into a growing one`;
  if (overwrite.p50Ns > WORTH_ZEROS * grow.p50Ns) {
    const why =
      `a commit takes ${figures}: zeros in advance save nothing, and everything is ` +
      `written once less`;
    return { option, value: 'allocate', isDefault: false, why };
  }
  return { option, value: 'zero', isDefault: true, why: `a commit takes ${figures}` };
}

function ringBytes({ facts, measured }: Examination): Setting | undefined {
  const { isMemory, space } = facts.sharedMemory;
  const room = isMemory && space !== undefined ? space.freeBytes : Number.POSITIVE_INFINITY;
  const option = 'ringBytes';
  if (room < LOG_MEMORY_BYTES) {
    const value = between(LEAST_RING_BYTES, powerOfTwoUpTo(room / 2), RING_BYTES);
    const why = `shared memory has ${formatBytes(room)} free`;
    return { option, value, isDefault: false, why };
  }
  const longest = measured?.longest;
  if (longest === undefined) return undefined;
  const stallSeconds = longest.ns / NS_PER_SECOND;
  const needed = powerOfTwoFrom(COMFORTABLE_RATE * stallSeconds);
  const value = between(RING_BYTES, Math.min(needed, powerOfTwoUpTo(room / 4)), MOST_RING_BYTES);
  const rate = formatBytes(value / stallSeconds);
  return {
    option,
    value,
    isDefault: value === RING_BYTES,
    why:
      `it carries ${rate}/s of events (64 bytes and more each) through the longest stall seen, ` +
      `${inSeconds(longest.ns)}; take your rate × the longest stall that you want to live through`,
  };
}

function segmentBytes({ facts }: Examination): Setting | undefined {
  const free = facts.folder.space?.freeBytes;
  const most = Math.min(SEGMENT_BYTES, facts.limits.fileBytes ?? SEGMENT_BYTES);
  if (free === undefined) return undefined;
  const value = between(
    LEAST_SEGMENT_BYTES,
    powerOfTwoUpTo(Math.min(free / 8, most)),
    SEGMENT_BYTES,
  );
  if (value === SEGMENT_BYTES) return undefined;
  const why = `${formatBytes(free)} are free, and a log has six segments beside its own`;
  return { option: 'segmentBytes', value, isDefault: false, why };
}

function intervalMs({ measured }: Examination): Setting | undefined {
  const commit = wayOf(measured, 'overwrite');
  if (commit === undefined) return undefined;
  const option = 'sync.intervalMs';
  const commitMs = commit.p50Ns / NS_PER_MS;
  if (commitMs * 2 <= INTERVAL_MS) {
    const share = ((100 * commitMs) / INTERVAL_MS).toFixed(0);
    const why = `a sync each ${INTERVAL_MS} ms keeps the disk busy for ${share} % of the time`;
    return { option, value: INTERVAL_MS, isDefault: true, why };
  }
  const value = Math.ceil((commitMs * 4) / INTERVAL_MS) * INTERVAL_MS;
  const why =
    `a sync takes ${inSeconds(commit.p50Ns)}: at ${INTERVAL_MS} ms the disk would do ` +
    `nothing else`;
  return { option, value, isDefault: false, why };
}

function timestamps({ measured }: Examination): Setting | undefined {
  if (measured === undefined) return undefined;
  const ns = measured.clockReadingNs;
  const isDear = ns > 200;
  return {
    option: 'timestamps',
    value: isDear ? 'coarse' : 'precise',
    isDefault: !isDear,
    why: `a reading of the clock takes ${ns.toFixed(0)} ns, and precise takes one for each append`,
  };
}

function stallTimeoutMs({ measured }: Examination): Setting | undefined {
  const longestMs = (measured?.longest?.ns ?? 0) / NS_PER_MS;
  if (longestMs * 5 <= STALL_TIMEOUT_MS) return undefined;
  return {
    option: 'stallTimeoutMs',
    value: Math.ceil((longestMs * 10) / 1000) * 1000,
    isDefault: false,
    why:
      `one commit took ${formatDuration(longestMs / 1000)}: append must not give up on such ` +
      `a stall`,
  };
}

function lock({ measured }: Examination): Setting | undefined {
  if (measured?.log?.lock !== 'none') return undefined;
  const why = 'files cannot be locked there: make sure yourself that there is one writer';
  return { option: 'lock', value: 'none', isDefault: false, why };
}

function sharedMemoryDirectory({ facts }: Examination): Setting | undefined {
  const { path } = facts.sharedMemory;
  if (path === '/dev/shm') return undefined;
  const why = 'the folder that you have named for the ring';
  return { option: 'sharedMemoryDirectory', value: path, isDefault: false, why };
}

const ADVICE: readonly Advice[] = [
  preallocate,
  intervalMs,
  ringBytes,
  segmentBytes,
  timestamps,
  stallTimeoutMs,
  lock,
  sharedMemoryDirectory,
];

export const settingsFor = (examination: Examination): Setting[] =>
  ADVICE.map((advise) => advise(examination)).filter((setting) => setting !== undefined);

/** What sharing a commit brings here, as a sentence; undefined where it was not measured. */
export function sharingAdvice({ measured }: Examination): string | undefined {
  const [one, many] = [wayOf(measured, 'durable'), wayOf(measured, 'batch')];
  if (one === undefined || many === undefined) return undefined;
  const alone = Math.round(NS_PER_SECOND / one.p50Ns);
  const shared = Math.round((many.eventsPerCommit * NS_PER_SECOND) / many.p50Ns);
  return (
    `Who awaits durable() for each event alone gets ${formatCount(alone)} events/s here, ` +
    `${formatCount(many.eventsPerCommit)} events to a commit ${formatCount(shared)}: ` +
    'await once for all that came in a turn of the event loop.'
  );
}

/** A value as it stands in code: `'zero'`, `16_777_216`. */
export const literal = (value: string | number): string =>
  typeof value === 'number' ? formatCount(value).replaceAll(',', '_') : `'${value}'`;

/** The second argument of Wal.open, or undefined where the defaults are right. */
export function optionsText(settings: readonly Setting[]): string | undefined {
  const chosen = settings.filter(({ isDefault }) => !isDefault);
  if (chosen.length === 0) return undefined;
  const fields = chosen.map(({ option, value }) => {
    const [outer, inner] = option.split('.');
    return inner === undefined
      ? `${outer}: ${literal(value)}`
      : `${outer}: { ${inner}: ${literal(value)} }`;
  });
  return `{ ${fields.join(', ')} }`;
}

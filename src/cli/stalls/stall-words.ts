// A stall in words: who waited, what it went to, what is to be done.
import { STALL_CAUSES, type Stall, type StallCause } from '../../telemetry.js';
import { NS_PER_MS, NS_PER_SECOND, NS_PER_US } from '../../units.js';
import { formatBytes, formatCount, formatDuration } from '../quantities.js';

const shownUs = (us: number): string => formatDuration((us * NS_PER_US) / NS_PER_SECOND);
export const shownMs = (ms: number): string => formatDuration((ms * NS_PER_MS) / NS_PER_SECOND);

const calls = (count: number, one: string): string =>
  `${formatCount(count)} ${one}${count === 1 ? '' : 's'}`;

/** `durable, append` */
export const whoWaited = ({ waits }: Stall): string => Object.keys(waits).join(', ') || '-';

/** Shares below this part of a stall are not worth a word. */
const LEAST_PART = 0.01;
/** A cause that has less of it than half is not named alone, but with those that have a tenth. */
const [MOST_PART, SOME_PART] = [0.5, 0.1];

type Shares = Pick<Stall, 'cause' | 'sharesUs' | 'durationMs'>;

/** What has at least that part of it, the most first. */
function partsOf({ sharesUs, durationMs }: Shares, least: number) {
  const lengthUs = durationMs * 1000;
  const parts = STALL_CAUSES.flatMap((cause) => {
    const us = sharesUs[cause] ?? 0;
    return us > least * lengthUs ? [{ cause, us, part: us / lengthUs }] : [];
  });
  return parts.sort((a, b) => b.us - a.us);
}

/** What it was: one cause, or several of which none has half of it. */
export function causesOf(stall: Shares): readonly StallCause[] {
  const some = partsOf(stall, SOME_PART);
  const [first, second] = some;
  if (first === undefined || second === undefined || first.part >= MOST_PART) return [stall.cause];
  return some.map(({ cause }) => cause);
}

/** `sync`, or `several: sync, scheduler`. */
export function namedCause(stall: Shares): string {
  const causes = causesOf(stall);
  return causes.length === 1 ? stall.cause : `several: ${causes.join(', ')}`;
}

/** `sync 197 ms (95 %), scheduler 8.10 ms (4 %)`: what it went to, the most first. */
export function whereItWent(stall: Stall): string {
  const texts = partsOf(stall, LEAST_PART).map(
    ({ cause, us, part }) => `${cause} ${shownUs(us)} (${Math.round(100 * part)} %)`,
  );
  return texts.join(', ') || 'too short to tell';
}

/** What happened meanwhile, and whom it met. */
export function circumstances(stall: Stall): string {
  const { waits, events, writes, syncs, waitingBytesMax, ringBytes } = stall;
  const { append, durable, segment } = waits;
  const longest = [
    ...(durable === undefined ? [] : [`${calls(durable.count, 'durable() group')} waited`]),
    ...(append === undefined ? [] : [`${calls(append.count, 'append')} waited`]),
    ...(segment === undefined ? [] : [`${calls(segment.count, 'segment')} awaited`]),
  ];
  const meanwhile = [
    calls(events, 'event'),
    calls(writes, 'write'),
    calls(syncs, 'sync'),
    `at most ${formatBytes(waitingBytesMax)} of ${formatBytes(ringBytes)} in the ring`,
  ];
  return `${longest.join(', ')}; around it ${meanwhile.join(', ')}`;
}

/** What is to be done about it: a sentence without its full stop. */
export const REMEDIES: Readonly<Record<StallCause, string>> = {
  preparer: 'More preparedSegments, or larger segmentBytes; the disk is slow to make one',
  write: 'The disk, or its write-back, is slow: see dmesg, iostat, and what else writes there',
  sync: 'The disk is slow, or busy with other writes: see dmesg, iostat',
  ring: 'The disk is too slow for this load; a larger ringBytes takes in longer bursts',
  scheduler: 'The processor is taken by others: a limit of the container, or too many threads',
  collector: 'A smaller heap, or fewer objects that live long: node --trace-gc',
  neighbour: "See what the disk of the other logs does; threads: 'own' gives a log its own",
  application: 'Find what runs there without an await: node --cpu-prof',
  stopped: 'Find who stopped it: SIGSTOP, a debugger, a frozen container, a suspended machine',
  space: 'Free some space',
  unknown: 'See the intervals: --json',
};

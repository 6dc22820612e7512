// The threads that serve the logs of this environment (the main thread, or a worker of the
// application, each has its own). A log shares threads with others of its disk only: where a disk
// hangs, all that waits is of that disk.
//
// - One thread prepares for all logs, one keeps house for all, and one maintains the finished
//   segments of those that ask for it.
// - Up to three write. A log is opened on a thread that writes no other, because recovery takes its
//   time, and waits for the application's thread, which may be waiting for another log meanwhile.
//   Where three write already, the log is then handed to the one of them with the fewest logs.
import type { ThreadName } from '../../telemetry/heartbeats.js';
import { Host } from './host.js';
import { dropSpares } from './spare-memory.js';

/** So many threads write the logs of a disk: syncs of different files overlap in the kernel. */
const WRITERS_MAX = 3;
/** So many logs of a disk are opened at a time to be handed over; others wait for their turn. */
const OPENERS_MAX = 4;

interface Place {
  readonly host: Host;
  /** The disk of the logs that it serves, if any. */
  disk: string;
  /** `opens`: hands over the log that it has; `own`: takes no log beside it. */
  use: 'serves' | 'opens' | 'own';
  /** It is busy with opening a log that it will then serve. */
  isOpening: boolean;
}

const places = new Set<Place>();

function find(fits: (place: Place) => boolean): Place | undefined {
  let best: Place | undefined;
  for (const place of places) {
    if (fits(place) && place.host.logCount < (best?.host.logCount ?? Number.POSITIVE_INFINITY)) {
      best = place;
    }
  }
  return best;
}

const isServing = (place: Place, thread: ThreadName, disk: string): boolean =>
  place.host.thread === thread &&
  place.host.logCount > 0 &&
  place.disk === disk &&
  place.use === 'serves';

/** One that has no log, or a new one, which has not begun. */
function freeHost(thread: ThreadName, disk: string, use: Place['use']): Place {
  const free = find(({ host }) => host.thread === thread && host.logCount === 0);
  if (free !== undefined) {
    free.disk = disk;
    free.use = use;
    free.isOpening = false;
    return free;
  }
  const host = new Host(thread, () => {
    places.delete(place);
    if (places.size === 0) dropSpares();
  });
  const place: Place = { host, disk, use, isOpening: false };
  places.add(place);
  return place;
}

function begun({ host }: Place): Host {
  host.begin();
  return host;
}

/**
 * The host that prepares, keeps house or maintains segments for one more log of the disk: who has
 * it sees to it that it begins.
 */
export function helperFor(
  thread: 'preparer' | 'housekeeping' | 'maintainer',
  disk: string,
  threads: 'shared' | 'own',
): Host {
  if (threads === 'own') return freeHost(thread, disk, 'own').host;
  const known = find((place) => isServing(place, thread, disk));
  return (known ?? freeHost(thread, disk, 'serves')).host;
}

/** Opens of a disk that hand over, and those that wait for their turn. */
const turns = new Map<string, { taken: number; readonly waiting: (() => void)[] }>();

async function takeTurn(disk: string): Promise<void> {
  const turn = turns.get(disk) ?? { taken: 0, waiting: [] };
  turns.set(disk, turn);
  if (turn.taken < OPENERS_MAX) turn.taken++;
  else await new Promise<void>((resolve) => turn.waiting.push(resolve));
}

function endTurn(disk: string): void {
  const turn = turns.get(disk);
  const next = turn?.waiting.shift();
  if (next !== undefined) next();
  else if (turn !== undefined && --turn.taken === 0) turns.delete(disk);
}

/** A thread on which a log is opened. */
export interface Opener {
  readonly host: Host;
  /** The log then goes to the thread that `writerFor` tells. */
  readonly handsOver: boolean;
  /** To be called once, when the log is open or refused. */
  readonly end: () => void;
}

/**
 * The host on which a log of the disk is opened, once it may be. It has begun.
 * @throws as Host.begin
 */
export async function openerFor(disk: string, threads: 'shared' | 'own'): Promise<Opener> {
  if (threads === 'own') {
    return { host: begun(freeHost('writer', disk, 'own')), handsOver: false, end: () => {} };
  }
  const writers = [...places].filter((place) => isServing(place, 'writer', disk));
  if (writers.length < WRITERS_MAX) {
    const place = freeHost('writer', disk, 'serves');
    begun(place);
    place.isOpening = true;
    const end = (): void => {
      place.isOpening = false;
    };
    return { host: place.host, handsOver: false, end };
  }
  await takeTurn(disk);
  try {
    const host = begun(freeHost('writer', disk, 'opens'));
    return { host, handsOver: true, end: () => endTurn(disk) };
  } catch (error) {
    endTurn(disk);
    throw error;
  }
}

/** The writer that is to have a log which was opened elsewhere. @throws as Host.begin */
export function writerFor(disk: string): Host {
  const known = find((place) => isServing(place, 'writer', disk) && !place.isOpening);
  return known?.host ?? begun(freeHost('writer', disk, 'serves'));
}

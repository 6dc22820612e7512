// The threads that serve the logs of this environment (the main thread, or a worker of the
// application, each has its own). A writer has one log, for a sync may take any time; preparing and
// housekeeping are done for all logs of a disk by one thread each: where a disk hangs, all that
// waits is of that disk.
import type { ThreadName } from '../../telemetry/heartbeats.js';
import { Host } from './host.js';
import { dropSpares } from './spare-memory.js';

/** How many logs a host may serve. */
const LOGS_MAX: Readonly<Record<ThreadName, number>> = {
  writer: 1,
  preparer: Number.POSITIVE_INFINITY,
  housekeeping: Number.POSITIVE_INFINITY,
};

interface Place {
  readonly host: Host;
  /** The disk of the logs that it serves, if any. */
  disk: string;
}

const places = new Set<Place>();

/**
 * A host for one more log on the disk: one that is there, or a new one.
 * @throws WalError ERR_FLASHSTRIKE_PLATFORM, or what the system says where no thread can be started
 */
export function hostFor(thread: ThreadName, disk: string): Host {
  const mayTake = ({ host, disk: its }: Place): boolean =>
    host.thread === thread &&
    (host.logCount === 0 || (its === disk && host.logCount < LOGS_MAX[thread]));
  const known = [...places].find(mayTake);
  if (known !== undefined) {
    known.disk = disk;
    return known.host;
  }
  const host = new Host(thread, () => {
    places.delete(place);
    if (places.size === 0) dropSpares();
  });
  const place = { host, disk };
  places.add(place);
  return host;
}

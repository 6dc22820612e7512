// The shared memory of a log, in words: after a kill, or a close on a full disk, it may hold events
// that are in no file yet.

import { printable } from '../errors.js';
import { inspectLog, type RegionInspection } from '../verification/inspect.js';
import { formatEvents } from './quantities.js';
import type { Terminal } from './terminal.js';

/** What the region of a log holds, or would hold for its next opening. */
export function describeRegion(region: RegionInspection): string {
  const path = printable(region.path ?? '');
  switch (region.status) {
    case 'none':
      return 'none';
    case 'in-use':
      return `${path}, in use by process ${region.pid ?? 'unknown'}`;
    case 'waiting':
      return (region.unreadEvents ?? 0) === 0
        ? `${path}, left by a process that ended; every event in it is in the files`
        : `${path} holds ${formatEvents(region.unreadEvents ?? 0)} that the last process left ` +
            'behind; the next open writes them to disk';
    case 'uncertain':
    case 'gone':
      return `${region.status.toUpperCase()}: ${printable(region.reason ?? path)}`;
    default:
      return `${path} ${region.status}: ${printable(region.reason ?? 'not read')}`;
  }
}

/** Says so where events wait, or may wait, that readers of the files cannot see. */
export function tellWaitingEvents(terminal: Terminal, dir: string): void {
  const { region } = inspectLog(dir);
  if (region.status === 'none' || region.status === 'in-use') return;
  if (region.status === 'waiting' && (region.unreadEvents ?? 0) === 0) return;
  terminal.line(`shared memory ${describeRegion(region)}`);
}

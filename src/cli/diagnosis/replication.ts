// A stream that does not get what it is to get.
import { formatEvents } from '../quantities.js';
import type { Look } from './look.js';
import { formatNs } from './quantity.js';
import { type Trouble, warning } from './trouble.js';

/** Longer than servers take to elect a leader. */
const LONG_LAG_NS = 10e9;

/** What no stream is known to have is on this machine alone. */
export function* replicationTroubles(look: Look): Generator<Trouble> {
  const { lagEvents } = look.recorder.replication;
  const { replicationLagNs, engineWaitNs } = look.lasting;
  if (look.status !== 'running' || look.state === 'fenced' || lagEvents === 0) return;
  const lagNs = Math.max(replicationLagNs, engineWaitNs);
  if (lagNs <= LONG_LAG_NS) return;
  const why = engineWaitNs > 0 ? ': its engine does not answer, or refuses' : '';
  yield warning(
    'replication-behind',
    `a stream lacks ${formatEvents(lagEvents)}, for ${formatNs(lagNs)}${why}`,
    'See that its servers run, have a quorum and room: it goes on by itself',
  );
}

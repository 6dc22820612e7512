// What becomes of a log on the streams that are fed with it. Writer: the application thread, on
// whose event loop replicators run; or that of a process which replicates the folder, in a struct
// of its own (src/observation/fed-elsewhere.ts). Of several streams the one that is furthest behind
// stands for all. How far that is, whoever looks computes: what a replicator stored last would say
// that all is well for as long as it is stuck.
import { type Clock, monotonicClock } from '../../clock/clock.js';
import { layout, wordOf } from '../../memory/layout.js';
import {
  age,
  counter,
  defineMetrics,
  duration,
  gauge,
  histogram,
} from '../../metrics/catalogue.js';
import { addToValue, Counter64, Gauge64, putValue, readValue } from '../../metrics/counter64.js';
import { Duration64 } from '../../metrics/duration64.js';
import { LatencyHistogram } from '../../metrics/latency-histogram.js';
import { structOf } from '../../metrics/metrics-struct.js';
import { addTimedNote } from '../../metrics/timed-note.js';
import { Updater } from '../updater.js';

const ReplicationLayout = layout('Replication')
  .field(0, 'fedStreams', Gauge64)
  .field(64, 'confirmedEventId', Gauge64)
  .field(128, 'confirmedEventBytes', Gauge64)
  .field(192, 'lagEvents', Gauge64)
  .field(256, 'lagBytes', Gauge64)
  .field(320, 'lagAge', Gauge64)
  .field(384, 'fencedStreams', Gauge64)
  .field(448, 'streamEpoch', Gauge64)
  .field(512, 'engineWaitAge', Gauge64)
  .field(576, 'engineAnswerAge', Gauge64)
  .field(640, 'acknowledge', Duration64)
  .field(704, 'confirmedEvents', Counter64)
  .field(768, 'confirmedBytes', Counter64)
  .field(832, 'acknowledgeHistogram', LatencyHistogram)
  .field(5120, 'engineWait', Duration64)
  .field(5184, 'claims', Counter64)
  .field(5248, 'conflicts', Counter64)
  .field(5312, 'fullStreams', Counter64)
  .field(5376, 'timeouts', Counter64)
  .field(5440, 'unavailabilities', Counter64)
  .field(5504, 'foundStored', Counter64)
  .field(5568, 'regressions', Counter64)
  .field(5632, 'regressedEvents', Counter64)
  .end(5696, 64);

const at = ReplicationLayout.offset;

const ACKNOWLEDGE = wordOf(at.acknowledge);
const EVENTS = wordOf(at.confirmedEvents) - ACKNOWLEDGE;
const BYTES = wordOf(at.confirmedBytes) - ACKNOWLEDGE;
const HISTOGRAM = wordOf(at.acknowledgeHistogram) - ACKNOWLEDGE;

/** A note's words: events of the run, and bytes of their frames. */
function applyAcknowledge(
  words: Uint32Array,
  group: number,
  kind: number,
  low: number,
  high: number,
  events: number,
  bytes: number,
): void {
  if (!addTimedNote(words, group, group + HISTOGRAM, kind, low, high)) return;
  addToValue(words, group + EVENTS, events);
  addToValue(words, group + BYTES, bytes);
}

const STANDING = wordOf(at.fedStreams);
const CONFIRMED = wordOf(at.confirmedEventId) - STANDING;
const EVENT_BYTES = wordOf(at.confirmedEventBytes) - STANDING;
const LAG_EVENTS = wordOf(at.lagEvents) - STANDING;
const LAG_BYTES = wordOf(at.lagBytes) - STANDING;
const LAG_SINCE = wordOf(at.lagAge) - STANDING;

function applyStanding(
  words: Uint32Array,
  group: number,
  streams: number,
  confirmedEventId: number,
  eventBytes: number,
  sinceNs: number,
): void {
  putValue(words, group, streams);
  putValue(words, group + CONFIRMED, confirmedEventId);
  putValue(words, group + EVENT_BYTES, eventBytes);
  putValue(words, group + LAG_SINCE, sinceNs);
}

/** What is durable and not confirmed, computed into a copy of the struct. */
export function fillReplicationLag(copy: Uint32Array, start: number, durableEventId: number): void {
  const group = start + STANDING;
  const isFed = readValue(copy, group) > 0;
  const behind = Math.max(0, durableEventId - readValue(copy, group + CONFIRMED));
  const events = isFed ? behind : 0;
  putValue(copy, group + LAG_EVENTS, events);
  putValue(copy, group + LAG_BYTES, events * readValue(copy, group + EVENT_BYTES));
  if (events === 0) putValue(copy, group + LAG_SINCE, 0);
}

const APPLICATION = { writer: 'application' } as const;
const READER = { writer: 'reader' } as const;

const REPLICATION = defineMetrics(ReplicationLayout, 'replication', {
  fedStreams: gauge({
    ...APPLICATION,
    unit: 'streams',
    help: 'Streams that are fed with the log',
    covers: 'replicas of its process that have not ended; without any, from outside, another one',
  }),
  confirmedEventId: gauge({
    ...APPLICATION,
    group: 'fedStreams',
    unit: 'id',
    help: 'Id of the last event that each of these streams is known to have',
    covers:
      'of several streams the one that is furthest behind; 0 before its claim, or without any',
  }),
  confirmedEventBytes: gauge({
    ...APPLICATION,
    group: 'fedStreams',
    unit: 'bytes',
    help: 'Mean bytes of the frame of an event, of those that were confirmed last',
    covers: 'one run of events, of the stream that is furthest behind',
  }),
  lagEvents: gauge({
    ...READER,
    group: 'fedStreams',
    unit: 'events',
    help: 'Events that are durable here and not confirmed by a stream',
    covers: 'the positions at the moment of the look, whatever the replicator does',
  }),
  lagBytes: gauge({
    ...READER,
    group: 'fedStreams',
    unit: 'bytes',
    help: 'Bytes of the frames of such events, estimated',
    covers: 'their number times confirmedEventBytes',
  }),
  lagAge: age({
    ...APPLICATION,
    group: 'fedStreams',
    help: 'Age of the oldest event that was sent and is not confirmed; 0: there is none',
    covers: 'from its append until now; of events that gather behind it nothing is known',
  }),
  fencedStreams: gauge({
    ...APPLICATION,
    unit: 'streams',
    help: 'Streams that another log has taken over, for which this one refuses appends',
    covers: 'until they are taken back, or the log is opened again',
  }),
  streamEpoch: gauge({
    ...APPLICATION,
    unit: 'id',
    help: 'Epoch of the last claim that was accepted',
    covers: 'one more with each claim of the stream, by whatever log',
  }),
  engineWaitAge: age({
    ...APPLICATION,
    help: 'For how long the engine of a stream is waited for; 0: it is not',
    covers: 'from the first failure of a call until an append is accepted',
  }),
  engineAnswerAge: age({
    ...APPLICATION,
    help: 'Heartbeat: time since the engine has accepted a block',
    covers: 'blocks, claims and checkpoints, which an idle replicator sends',
  }),
  acknowledge: duration({
    ...APPLICATION,
    help: 'Time until the engine has confirmed a run of events',
    covers: 'from sending the run, in one block or in parts, to the answer for the last',
  }),
  confirmedEvents: counter({
    ...APPLICATION,
    group: 'acknowledge',
    unit: 'events',
    help: 'Events that were confirmed',
    covers: 'each run, once it is confirmed; those that were sent again count again',
  }),
  confirmedBytes: counter({
    ...APPLICATION,
    group: 'acknowledge',
    unit: 'bytes',
    help: 'Bytes of the frames of events that were confirmed',
    covers: 'each run, once it is confirmed',
  }),
  acknowledgeHistogram: histogram({
    ...APPLICATION,
    group: 'acknowledge',
    help: 'Time until the engine has confirmed a run of events',
    covers: 'from sending the run, in one block or in parts, to the answer for the last',
  }),
  engineWait: duration({
    ...APPLICATION,
    help: 'Time for which the engine was waited for',
    covers: 'from the first failure of a call until an append was accepted',
  }),
  claims: counter({
    ...APPLICATION,
    help: 'Claims of a stream that were accepted',
    covers: 'the first of each replica, and one whenever the stream was found elsewhere',
  }),
  conflicts: counter({
    ...APPLICATION,
    help: 'Resyncs because the stream ended elsewhere than expected',
    covers: 'each failed call; its position is read again then',
  }),
  fullStreams: counter({
    ...APPLICATION,
    help: 'Resyncs because the stream was full',
    covers: 'each failed call; it is tried again',
  }),
  timeouts: counter({
    ...APPLICATION,
    help: 'Resyncs because the engine did not answer in time',
    covers: 'each failed call; whether the block was stored is looked up',
  }),
  unavailabilities: counter({
    ...APPLICATION,
    help: 'Resyncs because there was no connection, or no quorum',
    covers: 'each failed call; it is tried again',
  }),
  foundStored: counter({
    ...APPLICATION,
    help: 'Blocks that were found stored although nobody had said so',
    covers: 'blocks whose append had failed; they are not sent again',
  }),
  regressions: counter({
    ...APPLICATION,
    help: 'How often a stream had lost events that it had confirmed',
    covers: 'each claim behind less than was confirmed; they are sent again',
  }),
  regressedEvents: counter({
    ...APPLICATION,
    unit: 'events',
    help: 'Events that a stream had confirmed and lost',
    covers: 'each regression',
  }),
});

/** Metrics of the streams that are fed with a log. */
export class Replication extends structOf(REPLICATION) {
  static readonly layout = ReplicationLayout;
}

const FAILURES = {
  conflict: wordOf(at.conflicts),
  full: wordOf(at.fullStreams),
  timeout: wordOf(at.timeouts),
  unavailable: wordOf(at.unavailabilities),
} as const;

/** How a stream stands; times in ns of the monotonic clock, 0: there is no such thing. */
export interface StreamStanding {
  readonly confirmedEventId: number;
  /** Mean of the events that were confirmed last. */
  readonly confirmedEventBytes: number;
  readonly unconfirmedSinceNs: number;
  readonly waitingSinceNs: number;
  readonly answeredNs: number;
}

/** How all streams stand. */
interface StreamsStanding extends StreamStanding {
  readonly streams: number;
  readonly fenced: number;
}

/** Records what replicators do; for the application thread. */
export class ReplicationUpdater extends Updater {
  constructor(metrics: Replication, clock: Clock = monotonicClock) {
    super(REPLICATION, metrics, clock);
    Object.freeze(this);
  }

  setStanding(standing: StreamsStanding): void {
    const { streams, confirmedEventId, confirmedEventBytes, unconfirmedSinceNs } = standing;
    const bytes = confirmedEventBytes;
    this.change(STANDING, applyStanding, streams, confirmedEventId, bytes, unconfirmedSinceNs);
    this.set(wordOf(at.fencedStreams), standing.fenced);
    this.set(wordOf(at.engineWaitAge), standing.waitingSinceNs);
    this.set(wordOf(at.engineAnswerAge), standing.answeredNs);
  }

  /** @param startNs when the run was sent */
  onConfirmed(startNs: number, events = 0, bytes = 0): void {
    this.record(ACKNOWLEDGE, applyAcknowledge, startNs, events, bytes);
  }

  onClaim(epoch: number): void {
    this.count(wordOf(at.claims));
    this.set(wordOf(at.streamEpoch), epoch);
  }

  onFailure(reason: keyof typeof FAILURES): void {
    this.count(FAILURES[reason]);
  }

  /** @param startNs when the engine failed first */
  onEngineWait(startNs: number): void {
    this.time(wordOf(at.engineWait), startNs);
  }

  onFoundStored(): void {
    this.count(wordOf(at.foundStored));
  }

  onRegression(events: number): void {
    this.count(wordOf(at.regressions));
    this.count(wordOf(at.regressedEvents), events);
  }
}

// The consumers of the log, looked at once a second. Writer: the housekeeping thread.
import { type Clock, monotonicClock } from '../../clock/clock.js';
import { layout, wordOf } from '../../memory/layout.js';
import { defineMetrics, gauge } from '../../metrics/catalogue.js';
import { Gauge64 } from '../../metrics/counter64.js';
import { structOf } from '../../metrics/metrics-struct.js';
import { Updater } from '../updater.js';

const ConsumersLayout = layout('Consumers')
  .field(0, 'activeConsumers', Gauge64)
  .field(64, 'damagedConsumers', Gauge64)
  .field(128, 'droppedConsumers', Gauge64)
  .field(192, 'consumerLagEvents', Gauge64)
  .field(256, 'consumerLagBytes', Gauge64)
  .field(320, 'consumerLagAge', Gauge64)
  .end(384, 64);

const at = ConsumersLayout.offset;
const HOUSEKEEPING = { writer: 'housekeeping' } as const;

const CONSUMERS = defineMetrics(ConsumersLayout, 'consumers', {
  activeConsumers: gauge({
    ...HOUSEKEEPING,
    unit: 'consumers',
    help: 'Consumers for which the log keeps events',
    covers: 'all that have a file in the folder, in use or not, damaged ones included',
  }),
  damagedConsumers: gauge({
    ...HOUSEKEEPING,
    unit: 'consumers',
    help: 'Consumers whose file is damaged or cannot be read: all events are kept for them',
    covers: 'those of activeConsumers; until they are removed by name',
  }),
  droppedConsumers: gauge({
    ...HOUSEKEEPING,
    unit: 'consumers',
    help: 'Consumers that lagged more than they may and were dropped',
    covers: 'those whose file is still there; none of activeConsumers',
  }),
  consumerLagEvents: gauge({
    ...HOUSEKEEPING,
    unit: 'events',
    help: 'Durable events that the consumer that is furthest behind has not acknowledged',
    covers: 'consumers that are neither damaged nor dropped; 0 without any',
  }),
  consumerLagBytes: gauge({
    ...HOUSEKEEPING,
    unit: 'bytes',
    help: 'Bytes of finished segments that hold such events, for the one with most of them',
    covers: 'the size of the files, compressed where they are; within a segment an estimate',
  }),
  consumerLagAge: gauge({
    ...HOUSEKEEPING,
    unit: 'ns',
    help: 'How long ago the segment of the oldest such event was finished, at the most',
    covers: 'by the wall clock, from the headers of segments; 0 where that segment is the last',
  }),
});

/** Metrics of the consumers of the log. */
export class Consumers extends structOf(CONSUMERS) {
  static readonly layout = ConsumersLayout;
}

/** Records what is found; for the one thread that looks. */
export class ConsumersUpdater extends Updater {
  constructor(metrics: Consumers, clock: Clock = monotonicClock) {
    super(CONSUMERS, metrics, clock);
    Object.freeze(this);
  }

  setConsumers(active: number, damaged: number, dropped: number): void {
    this.set(wordOf(at.activeConsumers), active);
    this.set(wordOf(at.damagedConsumers), damaged);
    this.set(wordOf(at.droppedConsumers), dropped);
  }

  /** Of the one that is furthest behind, by each measure. */
  setLag(events: number, bytes: number, ageNs: number): void {
    this.set(wordOf(at.consumerLagEvents), events);
    this.set(wordOf(at.consumerLagBytes), bytes);
    this.set(wordOf(at.consumerLagAge), ageNs);
  }
}

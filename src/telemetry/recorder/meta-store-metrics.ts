// Flushes of wal.meta while a log runs. Writer: the housekeeping thread.
import { type Clock, monotonicClock } from '../../clock/clock.js';
import { layout, wordOf } from '../../memory/layout.js';
import { counter, defineMetrics, duration } from '../../metrics/catalogue.js';
import { Counter64 } from '../../metrics/counter64.js';
import { Duration64 } from '../../metrics/duration64.js';
import { structOf } from '../../metrics/metrics-struct.js';
import { Updater } from '../updater.js';

const MetaStoreLayout = layout('MetaStore')
  .field(0, 'maintenanceMetaFlush', Duration64)
  .field(64, 'metaFlushFailures', Counter64)
  .end(128, 64);

const at = MetaStoreLayout.offset;

const META_STORE = defineMetrics(MetaStoreLayout, 'wal_meta', {
  maintenanceMetaFlush: duration({
    reference: 'maintenance_meta_flush',
    help: 'Time to flush wal.meta',
    writer: 'housekeeping',
    covers:
      'temporary file, fdatasync, rename, sync of the folder; successful flushes, including ' +
      'those of open and close',
  }),
  metaFlushFailures: counter({
    help: 'Flushes of wal.meta that failed and are retried',
    writer: 'housekeeping',
    covers: 'each flush that ended with an error',
  }),
});

/** Metrics of the WAL meta store. */
export class MetaStore extends structOf(META_STORE) {
  static readonly layout = MetaStoreLayout;
}

/** Records flushes; for the one thread that flushes. */
export class MetaStoreUpdater extends Updater {
  constructor(metrics: MetaStore, clock: Clock = monotonicClock) {
    super(META_STORE, metrics, clock);
    Object.freeze(this);
  }

  onAsyncMetaFlushCompleted(startNs: number): void {
    this.time(wordOf(at.maintenanceMetaFlush), startNs);
  }

  onAsyncMetaFlushFailed(): void {
    this.count(wordOf(at.metaFlushFailures));
  }
}

// Logs in trouble, as `top` sees them and as Prometheus scrapes them: the looks are at a log that
// there is not, the diagnosis and the exposition made of each are real.
import { diagnose } from '../../src/cli/diagnosis/diagnosis.js';
import { consumer, FakeLog, NOTHING_LASTS } from '../../src/cli/diagnosis/fake-look.js';
import { figuresOf } from '../../src/cli/diagnosis/figures.js';
import type { Look } from '../../src/cli/diagnosis/look.js';
import type { Trouble } from '../../src/cli/diagnosis/trouble.js';
import { PrometheusCollector } from '../../src/prometheus.js';
import { collectLog, collectUp } from '../../src/telemetry/collected-log.js';
import { HEALTHY, TROUBLES } from '../docs/top-scenes.js';

export interface Scene {
  readonly name: string;
  readonly before: Look;
  readonly now: Look;
}

const beat = (ageNs: number) => ({ beats: 9, ageNs });
const threads = (ages: Partial<Look['threads']>): Look['threads'] => ({
  writer: beat(3e6),
  preparer: beat(412e6),
  housekeeping: beat(306e6),
  application: beat(120e6),
  maintainer: { beats: 0, ageNs: undefined },
  ...ages,
});
const lasting = (waits: Partial<Look['lasting']>) => ({ lasting: { ...NOTHING_LASTS, ...waits } });
const BEHIND = { appendedEventId: 1_234_567, writtenEventId: 1_231_507, durableEventId: 1_231_507 };
const elsewhere = (ageNs: number, awayNs: number) => ({
  ...beat(ageNs),
  elsewhere: { logId: '00000000000000ab', ageNs: awayNs },
});

/** A second under load, then one in which `happen` happens. */
function scene(name: string, changes: Partial<Look>, happen: (log: FakeLog) => void = () => {}) {
  const log = new FakeLog();
  log.recordSecond();
  const before = log.look();
  happen(log);
  return { name, before, now: log.look(changes) };
}

const times = (count: number, record: (startNs: number) => void) => (log: FakeLog) =>
  log.took(1000, record, count);

/** A stream that lacks so many events. */
const replicated = (lagEvents: number) => (log: FakeLog) => {
  log.recordSecond();
  log.replicatedUpTo(1_234_567 - lagEvents);
};

/** Beside the screens of docs/TOP.md, what those do not show. */
const MORE: readonly Scene[] = [
  scene('brief waits, hearts that beat', {
    ...BEHIND,
    waitingBytes: 12_000_000,
    threads: threads({ writer: beat(0.9e9), application: beat(0.9e9), preparer: beat(4.9e9) }),
    ...lasting({
      durableLagNs: 0.9e9,
      durableWaitNs: 0.9e9,
      ringStallNs: 90e6,
      nextSegmentNs: 9e7,
    }),
  }),
  scene('helpers that stand still', {
    threads: threads({ preparer: beat(60e9), housekeeping: beat(6e9), maintainer: beat(7e9) }),
  }),
  scene('a helper at another log', { threads: threads({ housekeeping: elsewhere(9e9, 8.9e9) }) }),
  scene('a thread that is at another log, not yet for long', {
    threads: threads({ writer: elsewhere(0.8e9, 0.7e9), preparer: elsewhere(2e9, 2e9) }),
  }),
  scene('a durable() that waits while the writer gets on', {
    ...BEHIND,
    ...lasting({ durableWaitNs: 3e9 }),
  }),
  scene('a lag, and nobody waits', { ...BEHIND, ...lasting({ durableLagNs: 4e9 }) }),
  scene('a ring that is nearly full', { ...BEHIND, waitingBytes: 16_000_000 }),
  scene('a ring that is nearly full and whose append waits', {
    ...BEHIND,
    waitingBytes: 16_700_000,
    ...lasting({ ringStallNs: 2e9 }),
  }),
  scene('the writer waits for a segment', lasting({ nextSegmentNs: 2e9 })),
  scene('a disk with little room', {}, (log) => log.disk.setDiskFree(180e6)),
  scene('a disk of which nothing is known', {}, (log) => log.disk.setDiskFree(0)),
  scene('a slow sync', {}, (log) => log.took(200e6, (startNs) => log.writer.onSync(startNs))),
  scene('no segment can be made', {}, (log) => {
    times(3, (startNs) => log.taker.onGetNextSegment(startNs, 'failed', 0))(log);
  }),
  scene('segments are not zeroed in time', {}, (log) => log.preparation.onOffer(true)),
  scene('tryAppend finds the ring full', {}, (log) => log.manager.onRefusedAppend()),
  scene('a ring that cannot grow', { ringCapacityBytes: 65_536 }, (log) => {
    log.manager.onRefusedRingGrowth();
  }),
  scene('appends are refused by an open log', {}, (log) => {
    times(5, (startNs) => log.manager.onAppendEvent(startNs, false))(log);
  }),
  scene('wal.meta cannot be flushed', {}, (log) => log.meta.onAsyncMetaFlushFailed()),
  scene('the oldest segment is damaged', {}, (log) => log.maintainer.setBlockedSegments(1)),
  scene('a consumer is damaged', {}, (log) => log.consumers.setConsumers(2, 1, 0)),
  scene('a damaged consumer holds the oldest segment', {}, (log) => {
    log.consumers.setConsumers(2, 1, 0);
    log.maintainer.setHeld(5);
  }),
  scene('a consumer was dropped, and holds nothing', {
    consumers: [consumer('audit', 12, 'dropped')],
  }),
  scene('a stream is behind, not yet for long', lasting({ replicationLagNs: 9e9 }), replicated(9)),
  scene('a stream is not there', lasting({ engineWaitNs: 40e9 }), replicated(40)),
  scene('a stream is slow', lasting({ replicationLagNs: 20e9 }), replicated(20)),
  scene('a stream that has all of it', lasting({ engineWaitNs: 20e9 }), replicated(0)),
  scene(
    'another log has the stream of this one',
    { ...lasting({ engineWaitNs: 20e9, replicationLagNs: 20e9 }), state: 'fenced' },
    replicated(20),
  ),
  scene('maintenance fails', {}, (log) => log.maintainer.onMaintenanceFailure()),
  scene('compression fails', {}, (log) => {
    times(2, (startNs) => log.maintainer.onHotSegmentCompression(false, startNs))(log);
  }),
  scene('a record was cut short', { status: 'dead', incomplete: ['segmentWriter.sync'] }),
  scene('killed while its disk was full', { status: 'dead', state: 'no-space' }),
  scene('killed while it was fenced', { status: 'dead', state: 'fenced' }),
  scene('killed after it had failed', { status: 'dead', state: 'failed' }),
];

export const SCENES: readonly Scene[] = [HEALTHY, ...TROUBLES, ...MORE];

export const troublesOf = ({ before, now }: Scene): readonly Trouble[] =>
  diagnose(now, figuresOf(before, now));

/** Ages that a look has beside its metrics. */
const LASTING: Readonly<Record<string, keyof Look['lasting']>> = {
  flashstrike_wal_recorder_manager_ring_stall_age_seconds: 'ringStallNs',
  flashstrike_wal_recorder_manager_durable_wait_age_seconds: 'durableWaitNs',
  flashstrike_wal_recorder_segment_preparer_get_next_segment_age_seconds: 'nextSegmentNs',
  flashstrike_wal_recorder_segment_writer_durable_lag_age_seconds: 'durableLagNs',
  flashstrike_wal_recorder_replication_lag_age_seconds: 'replicationLagNs',
  flashstrike_wal_recorder_replication_engine_wait_age_seconds: 'engineWaitNs',
};

const RECENT_SYNC = 'flashstrike_wal_recorder_segment_writer_sync_recent_max_seconds';

/** The longest sync of the interval: what is recent for a fake log is not by a real clock. */
const recentSyncNs = ({ before, now }: Scene): number =>
  figuresOf(before, now).latencies.find(({ name, isOfInterval }) => name === 'sync' && isOfInterval)
    ?.longestNs ?? 0;

/** The values of a scrape by series: `flashstrike_wal_up{log="orders"}`. */
export function scrapeOf(
  scene: Scene,
  which: 'before' | 'now',
): ReadonlyMap<string, { value: number; isCount: boolean }> {
  const look = scene[which];
  const collector = new PrometheusCollector();
  collector.pushLabel('log', 'orders');
  if (look.status === 'gone') collectUp('flashstrike_wal', false, collector);
  else {
    const { build, threads: hearts, uptimeNs, recorder, recovery } = look;
    const figures = { build, threads: hearts, uptimeNs, recorder, recovery, standing: look };
    const incompleteGroups = look.incomplete.length;
    const isUp = look.status === 'running';
    const log = { ...figures, isUp, startedAtNs: 1n, incompleteGroups, stallCounts: [] };
    collectLog('flashstrike_wal', log, collector);
  }
  const series = new Map<string, { value: number; isCount: boolean }>();
  for (const { name, type, samples } of collector.families.values()) {
    const lasts = LASTING[name];
    for (const { suffix, labels, value } of samples) {
      const pairs = labels.map(([label, text]) => `${label}=${JSON.stringify(text)}`);
      const isCount = type !== 'gauge';
      let own = lasts === undefined ? value : look.lasting[lasts] / 1e9;
      if (name === RECENT_SYNC) own = recentSyncNs(scene) / 1e9;
      series.set(`${name}${suffix}{${pairs.join(',')}}`, { value: own, isCount });
    }
  }
  return series;
}

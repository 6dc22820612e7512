// The names of all series that a log may have, as they are in queries.

import { FakeLog } from '../../src/cli/diagnosis/fake-look.js';
import type { Look } from '../../src/cli/diagnosis/look.js';
import { PrometheusCollector } from '../../src/prometheus.js';
import { ALL_STRUCTS } from '../../src/telemetry/catalogue.js';
import { collectLog } from '../../src/telemetry/collected-log.js';

const SUFFIXES = {
  counter: [''],
  gauge: [''],
  summary: ['_sum', '_count'],
  histogram: ['_bucket', '_sum', '_count'],
};

/** `flashstrike_wal_recorder_segment_writer_sync_seconds_bucket`, and so on. */
export function exportedNames(): ReadonlySet<string> {
  const collector = new PrometheusCollector();
  const none = { collect: () => {} };
  const look: Look = new FakeLog().look();
  const { build, uptimeNs, threads } = look;
  const figures = { isUp: true, build, uptimeNs, threads, standing: look, startedAtNs: 1n };
  const sides = { recorder: none, recovery: none, stallCounts: [0] };
  collectLog('flashstrike_wal', { ...figures, ...sides, incompleteGroups: 0 }, collector);
  for (const { Struct, prefix } of ALL_STRUCTS) new Struct().collect(prefix, collector);
  return new Set(
    [...collector.families.values()].flatMap(({ name, type }) =>
      SUFFIXES[type].map((suffix) => `${name}${suffix}`),
    ),
  );
}

/** The names of ours in a query. */
export const namesIn = (query: string): ReadonlySet<string> =>
  new Set(query.match(/\bflashstrike_wal_\w+/g) ?? []);

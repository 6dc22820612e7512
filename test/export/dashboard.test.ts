// The dashboard that the package brings: what Grafana needs of one, and that each query names
// metrics that a log exports. That Prometheus answers them is seen in prometheus-server.test.ts.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { DASHBOARD, queriesOf } from './dashboard.js';
import { exportedNames, namesIn } from './exported-names.js';

const datasource = z.object({
  type: z.literal('prometheus'),
  uid: z.string().regex(/^\$\{datasource\}$/),
});
const gridPos = z.object({
  x: z.int().min(0).max(23),
  y: z.int().min(0),
  w: z.int().min(1).max(24),
  h: z.int().min(1),
});
const target = z.object({
  refId: z.string().regex(/^[A-Z]$/),
  datasource,
  expr: z.string().min(1),
  legendFormat: z.string().min(1),
  instant: z.boolean().optional(),
  format: z.enum(['time_series', 'heatmap', 'table']).optional(),
});
/** Of Grafana's; `cps` is counts, `Bps` bytes per second. */
const unit = z.enum(['none', 'short', 's', 'bytes', 'cps', 'Bps']);
const row = z.object({
  id: z.int().positive(),
  type: z.literal('row'),
  title: z.string().min(1),
  collapsed: z.literal(false),
  panels: z.tuple([]),
  gridPos,
});
const panelOf = <Type extends string>(type: Type, defaults: z.ZodType, targets: z.ZodType) =>
  z.object({
    id: z.int().positive(),
    type: z.literal(type),
    title: z.string().min(1),
    description: z.string().min(1),
    datasource,
    gridPos,
    targets,
    fieldConfig: z.object({
      defaults,
      overrides: z.array(
        z.object({
          matcher: z.object({ id: z.literal('byFrameRefID'), options: z.string() }),
          properties: z.array(z.object({ id: z.string(), value: z.unknown() })),
        }),
      ),
    }),
    options: z.record(z.string(), z.unknown()),
  });
const targets = z.array(target).min(1);
const panel = z.discriminatedUnion('type', [
  row,
  panelOf('timeseries', z.looseObject({ unit }), targets),
  panelOf('stat', z.looseObject({ unit }), targets),
  panelOf('heatmap', z.looseObject({}), targets),
  panelOf('alertlist', z.looseObject({}), z.tuple([])),
]);
const variable = z.looseObject({
  name: z.string().regex(/^\w+$/),
  label: z.string(),
  type: z.enum(['datasource', 'query']),
  query: z.union([z.string(), z.object({ query: z.string(), refId: z.string() })]),
});
const dashboard = z.looseObject({
  uid: z.string().min(1).max(40),
  title: z.string().min(1),
  schemaVersion: z.int().min(36),
  version: z.int(),
  refresh: z.string(),
  time: z.object({ from: z.string(), to: z.string() }),
  templating: z.object({ list: z.array(variable) }),
  annotations: z.object({ list: z.array(z.unknown()) }),
  panels: z.array(panel).min(20),
});

describe('the dashboard for Grafana', () => {
  test('has what Grafana needs', () => {
    const { success, error } = dashboard.safeParse(DASHBOARD);
    assert.ok(success, error && z.prettifyError(error));
    const broken = { ...DASHBOARD, panels: [...DASHBOARD.panels, { type: 'graph' }] };
    assert.equal(dashboard.safeParse(broken).success, false);
  });

  test('has panels with an id of their own each, none over another', () => {
    const { panels } = DASHBOARD;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos: place } of panels) {
      assert.ok(place.x + place.w <= 24, title);
      for (let x = place.x; x < place.x + place.w; x++) {
        for (let y = place.y; y < place.y + place.h; y++) {
          assert.ok(!taken.has(`${x} ${y}`), `${title} is over another`);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });

  test('asks in each query for metrics that a log exports, of the chosen logs', () => {
    const known = exportedNames();
    const queries = queriesOf(DASHBOARD);
    assert.ok(queries.length > 40);
    for (const query of queries) {
      const names = [...namesIn(query)];
      assert.ok(names.length > 0, query);
      assert.deepEqual(
        names.filter((name) => !known.has(name)),
        [],
        query,
      );
      const asked = query.match(/flashstrike_wal_\w+(\{[^}]*\})?/g) ?? [];
      for (const each of asked) assert.match(each, /\{log=~"\$log"/, query);
    }
  });

  test('has names of variables that are there', () => {
    const names = DASHBOARD.templating.list.map(({ name }) => name);
    const own = new Set([...names, '__rate_interval']);
    const used = JSON.stringify(DASHBOARD).matchAll(/\$\{?(\w+)/g);
    for (const [, name = ''] of used) assert.ok(own.has(name), name);
  });
});

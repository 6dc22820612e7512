// The tables of docs/METRICS.md, made from the catalogue: whatever a struct exports, its row says.
import {
  type Descriptions,
  type MetricDescription,
  type StructDefinition,
  snakeCase,
} from '../../src/metrics/catalogue.js';
import { collectMetric } from '../../src/metrics/collecting.js';
import { FakeCollector } from '../../src/metrics/fake-collector.js';
import { readMetric } from '../../src/metrics/readings.js';
import { ALL_STRUCTS, type CataloguedStruct } from '../../src/telemetry/catalogue.js';

const HEAD = [
  '| field | exported as | kind | unit | written by | one record covers | meaning |',
  '|---|---|---|---|---|---|---|',
];

const KIND_NAMES: Readonly<Record<string, string>> = {
  constant64: 'constant gauge',
  age64: 'age',
  recent_max64: 'recent maximum',
};

/** Of a counter that says nothing else. */
const UNIT_NAMES: Readonly<Record<string, string>> = { calls: 'count' };

const code = (text: string): string => `\`${text}\``;
const cell = (text: string): string => text.replaceAll('|', '\\|');

/** What one field is exported as, its struct's prefix left out. */
function exportedAs(field: string, { layout, fields }: StructDefinition): string[] {
  const description = fields[field] as MetricDescription;
  const words = new Uint32Array(layout.size / Uint32Array.BYTES_PER_ELEMENT);
  const collector = new FakeCollector();
  collectMetric('', field, fields, readMetric(description, words, 0, 0), collector);
  return collector.names.map((name) => name.slice(1));
}

function row(field: string, struct: CataloguedStruct): string {
  const { definition } = struct;
  const description = definition.fields[field] as MetricDescription;
  const { kind, unit, writer, covers, help, reference } = description;
  const cells = [
    reference !== undefined ? `**${code(field)}**` : code(field),
    exportedAs(field, definition).map(code).join('<br>'),
    KIND_NAMES[kind] ?? kind,
    UNIT_NAMES[unit] ?? unit,
    writer,
    covers,
    help,
  ];
  return `| ${cells.map(cell).join(' | ')} |`;
}

/** Groups of more than one metric: a sentence that says what belongs together. */
function together(fields: Descriptions): string[] {
  const groups = new Map<string, string[]>();
  for (const [field, { kind, group = field }] of Object.entries(fields)) {
    if (kind !== 'journal') groups.set(group, [...(groups.get(group) ?? []), code(field)]);
  }
  return [...groups.values()]
    .filter((names) => names.length > 1)
    .map((names) => `Always of one moment: ${names.join(', ')}.`);
}

function section(struct: CataloguedStruct): string[] {
  const { prefix, definition } = struct;
  const { label, fields } = definition;
  const names = Object.entries(fields)
    .filter(([, { kind }]) => kind !== 'journal')
    .map(([field]) => field);
  return [
    `### ${titleOf(struct)}`,
    '',
    `Dumped as “${label}”. Exported with the prefix ${code(`${prefix}_`)}.`,
    '',
    ...HEAD,
    ...names.map((field) => row(field, struct)),
    '',
    ...together(fields).flatMap((sentence) => [sentence, '']),
  ];
}

const titleOf = ({ system, definition }: CataloguedStruct): string =>
  `${system === 'wal_recorder' ? 'recorder' : 'recovery'}.${definition.name}`;

/** Names of the reference that follow from a kind, `…` for the field's own name. */
const BY_KIND: readonly (readonly [
  kind: string,
  reference: string,
  ours: string,
  added: string,
])[] = [
  ['duration64, operation64', '…_samples_total', '…_seconds_count', '…_ns_count'],
  ['', '…_total_ns', '…_seconds_sum', '…_ns_sum'],
  ['', '…_min_ns', '', '…_min_seconds'],
  ['', '…_max_ns', '…_max_seconds', ''],
  ['', '…_avg_ns', '…_seconds_sum / …_seconds_count', '…_avg_seconds'],
  ['', '…_jitter_ns', '', '…_jitter_seconds'],
  ['', '…_rate_per_second', '…_seconds_count / …_seconds_sum', '…_rate_per_second'],
  ['operation64', '…_success_total', '…_seconds_count - …_failures_total', ''],
];

function referenceRows(struct: CataloguedStruct): string[] {
  const { definition } = struct;
  const { subsystem, fields } = definition;
  const title = titleOf(struct);
  const rows = Object.entries(fields).flatMap(([field, { kind, reference }]) => {
    if (reference === undefined) return [];
    if (kind !== 'duration64' && kind !== 'operation64') {
      return [[title, code(reference), exportedAs(field, definition).map(code).join('<br>'), '']];
    }
    // The others of a duration follow by their endings.
    const base = snakeCase(field);
    return [[title, code(reference), code(`${base}_seconds`), code(`${base}_ns`)]];
  });
  const label = subsystem === undefined ? 'no `subsystem`' : code(`subsystem="${subsystem}"`);
  const added = subsystem === undefined ? '' : label;
  return [[title, label, '', added], ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

function referenceTable(): string[] {
  return [
    "### The reference's names",
    '',
    'Under which names the FlashStrike engine exports its metrics, and this package; each name ' +
      'follows a prefix.',
    'The last column is what the option `referenceNames` adds. ' +
      'Metrics that are not in this table exist only here. `…` stands for a name of the rows ' +
      'below, without its `_seconds` or `_ns`.',
    '“In no log yet”: no thread of this version does such work. The struct has the field, for ' +
      'those who record it themselves; `wal.telemetry` and Prometheus show it once a thread does.',
    '',
    "| of | the reference's name | ours | with `referenceNames` also |",
    '|---|---|---|---|',
    '| all | `system="wal_recorder"`, `system="wal_recovery"` |  | the same labels |',
    ...BY_KIND.map(
      ([kind, ...names]) =>
        `| ${kind} | ${names.map((name) => (name === '' ? '' : code(name))).join(' | ')} |`,
    ),
    ...ALL_STRUCTS.flatMap(referenceRows),
    '',
  ];
}

/** All tables, a heading each. */
export const metricsTables = (): string =>
  [...referenceTable(), ...ALL_STRUCTS.flatMap(section)].join('\n');

// The tables of docs/METRICS.md, made from the catalogue: whatever a struct exports, its row says.
import type {
  Descriptions,
  MetricDescription,
  StructDefinition,
} from '../../src/metrics/catalogue.js';
import { collectMetric } from '../../src/metrics/collecting.js';
import { FakeCollector } from '../../src/metrics/fake-collector.js';
import { readMetric } from '../../src/metrics/readings.js';
import { ALL_STRUCTS, type CataloguedStruct } from '../../src/telemetry/catalogue.js';
import { REFERENCE_FIELDS } from '../telemetry/reference-names.js';

const HEAD = [
  '| field | exported as | kind | unit | written by | one record covers | meaning |',
  '|---|---|---|---|---|---|---|',
];

const KIND_NAMES: Readonly<Record<string, string>> = { constant64: 'constant gauge', age64: 'age' };

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
  const { definition, prefix } = struct;
  const { kind, unit, writer, covers, help } = definition.fields[field] as MetricDescription;
  const isReference = REFERENCE_FIELDS[prefix]?.some(([name]) => name === field) ?? false;
  const cells = [
    isReference ? `**${code(field)}**` : code(field),
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
  const { system, prefix, definition } = struct;
  const { name, label, subsystem, fields } = definition;
  const side = system === 'wal_recorder' ? 'recorder' : 'recovery';
  const names = Object.entries(fields)
    .filter(([, { kind }]) => kind !== 'journal')
    .map(([field]) => field);
  return [
    `### ${side}.${name}`,
    '',
    `Dumped as “${label}”. Exported with the prefix ${code(`${prefix}_`)} and the labels`,
    `${code(`system="${system}"`)}, ${code(`subsystem="${subsystem}"`)}.`,
    '',
    ...HEAD,
    ...names.map((field) => row(field, struct)),
    '',
    ...together(fields).flatMap((sentence) => [sentence, '']),
  ];
}

/** All tables, a heading each. */
export const metricsTables = (): string => ALL_STRUCTS.flatMap(section).join('\n');

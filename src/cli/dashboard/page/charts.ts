// Which charts there are, in the order of an event's way.

import { formatNs } from '../../diagnosis/quantity.js';
import { formatBytes, formatCount, formatRate } from '../../quantities.js';
import { heatChart } from './heat-chart.js';
import { lineChart } from './line-chart.js';
import type { ChartKind } from './time-chart.js';

const perSecond = (value: number, seconds: number): number | undefined =>
  seconds > 0 ? value / seconds : undefined;

export const LATENCY_CHARTS: readonly ChartKind[] = [
  heatChart('append', 'append', 'one call in many is timed'),
  heatChart('durable', 'durable()', 'until it is settled'),
  heatChart('commit', 'commit', 'its oldest event, from written to durable'),
  heatChart('sync', 'sync', 'the call to the disk'),
];

export const REPLICATION_CHARTS: readonly ChartKind[] = [
  lineChart({
    title: 'Behind',
    hint: 'events durable, not confirmed',
    value: ({ streamLagEvents }) => streamLagEvents,
    format: formatCount,
    figure: 'highest',
  }),
  lineChart({
    title: 'On its way',
    hint: 'the oldest event that was sent',
    value: ({ streamLagNs }) => streamLagNs,
    format: formatNs,
    figure: 'highest',
  }),
  lineChart({
    title: 'Confirmed in',
    hint: 'mean of a second',
    value: ({ confirmed, confirmedNs }) => (confirmed > 0 ? confirmedNs / confirmed : undefined),
    format: formatNs,
    figure: 'highest',
  }),
];

export const LOAD_CHARTS: readonly ChartKind[] = [
  lineChart({
    title: 'Events',
    hint: 'appended',
    value: ({ events, seconds }) => perSecond(events, seconds),
    format: formatRate,
    figure: 'mean',
  }),
  lineChart({
    title: 'Bytes',
    hint: 'written to segments',
    value: ({ bytes, seconds }) => perSecond(bytes, seconds),
    format: (bytes) => `${formatBytes(bytes)}/s`,
    figure: 'mean',
  }),
  lineChart({
    title: 'Ring',
    hint: 'waits to be written',
    value: ({ ringBytes }) => ringBytes,
    format: formatBytes,
    figure: 'highest',
  }),
  lineChart({
    title: 'Durable lag',
    hint: 'of the oldest event',
    value: ({ lagNs }) => lagNs,
    format: formatNs,
    figure: 'highest',
  }),
];

// The human-readable snapshot of one struct, in the form of the reference.
import { type MetricDescription, sentenceCase } from './catalogue.js';
import { DurationReading } from './duration64.js';
import { HistogramReading, PERCENTILES } from './latency-histogram.js';
import { LifeCycleReading } from './life-cycle.js';
import { OperationReading } from './operation64.js';
import { formatNs, formatRate } from './quantity-text.js';
import type { MetricReading, ReadMetric } from './readings.js';

/** Anything that text can be written to, such as a stream. */
export interface TextSink {
  /** Called once or more, with whole lines. */
  write(text: string): unknown;
}

export interface DumpOptions {
  /** False: only the metrics that the reference has. Default: all. */
  readonly extended?: boolean | undefined;
}

export const RULE = '-'.repeat(65);

export function dumpStruct(
  label: string,
  metrics: Iterable<ReadMetric>,
  stream: TextSink,
  { extended = true }: DumpOptions = {},
): void {
  let text = `[${label} Metrics] Snapshot:\n${RULE}\n`;
  for (const [field, description, reading] of metrics) {
    if (!extended && description.reference === undefined) continue;
    text += ` ${sentenceCase(field)}: ${readingText(description, reading)}\n`;
  }
  stream.write(`${text}${RULE}\n`);
}

function readingText({ unit, kind }: MetricDescription, reading: MetricReading): string {
  if (reading instanceof OperationReading) return operationText(reading);
  if (reading instanceof DurationReading) return durationText(reading);
  if (reading instanceof HistogramReading) return histogramText(reading, unit === 'ns');
  if (reading instanceof LifeCycleReading) return lifeCycleText(reading);
  if (unit === 'ns' || kind === 'age64') return formatNs(reading);
  return unit === 'ps' ? formatNs(reading / 1e3) : String(reading);
}

function durationText(reading: DurationReading): string {
  const { samples, totalNs, minNs, maxNs, avgNs, ratePerSecond } = reading;
  if (samples === 0) return 'samples=0';
  return (
    `samples=${samples} total=${formatNs(totalNs)} min=${formatNs(minNs)} ` +
    `max=${formatNs(maxNs)} avg=${formatNs(avgNs)} rate=${formatRate(ratePerSecond)}`
  );
}

function operationText(reading: OperationReading): string {
  const { samples, successes, failures } = reading;
  const outcome = samples + failures === 0 ? '' : ` successes=${successes} failures=${failures}`;
  return `${durationText(reading)}${outcome}`;
}

function histogramText(reading: HistogramReading, isTime: boolean): string {
  const { count, outOfRange } = reading;
  if (count === 0) return 'count=0';
  const at = PERCENTILES.map((percent) => {
    const value = reading.percentile(percent);
    return `p${percent}=${isTime ? formatNs(value) : value}`;
  });
  const beyond = outOfRange === 0 ? '' : ` outOfRange=${outOfRange}`;
  return `count=${count} ${at.join(' ')}${beyond}`;
}

function lifeCycleText(reading: LifeCycleReading): string {
  const { cycles, activeCycles, totalNs, activeNs, lastSleepNs } = reading;
  if (cycles === 0) return 'cycles=0';
  return (
    `cycles=${cycles} active=${activeCycles} total=${formatNs(totalNs)} ` +
    `activeTime=${formatNs(activeNs)} lastSleep=${formatNs(lastSleepNs)}`
  );
}

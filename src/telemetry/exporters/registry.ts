// Metrics of logs in a registry of `prom-client` or of its successor `@prometheus-io/client`,
// beside the application's own. A registry is known by what it asks of a metric, so that neither
// is a dependency.
//
// A registry asks all metrics for their values in one go, without waiting in between: the first
// question of a scrape looks at the logs, and the others are answered from that look.
import { isError, WalError } from '../../errors.js';
import type { ExportedLog } from '../collected-log.js';
import { LogExporter } from './exported-logs.js';
import { type Family, PrometheusCollector } from './prometheus.js';

/** What a registry asks of a metric. */
interface RegisteredMetric {
  get(): Promise<unknown>;
  reset(): void;
}

/** A registry of `prom-client`, or of `@prometheus-io/client`. */
export interface MetricRegistry {
  /** Adds a metric; throws if there is one of this name. */
  registerMetric(metric: RegisteredMetric): void;
  /** Removes the metric that is called `name`. */
  removeSingleMetric(name: string): void;
}

/** A line of a metric, as registries have it. */
interface RegisteredValue {
  /** Undefined: that of the metric, which a registry of OpenMetrics ends by itself. */
  readonly metricName: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const valuesOf = ({ name, samples }: Family): RegisteredValue[] =>
  samples.map(({ suffix, labels, value }) => ({
    metricName: suffix === '' ? undefined : `${name}${suffix}`,
    labels: Object.fromEntries(labels),
    value,
  }));

/**
 * Shows logs in a registry of `prom-client` or `@prometheus-io/client`, under the names of
 * `flashstrike metrics`. Each scrape looks anew, once at each log. A family that a log shows for
 * the first time is in the scrape after that. `add` also throws where the registry has other
 * metrics of the same names.
 *
 * @example
 * import { Wal } from 'flashstrike';
 * import { type MetricRegistry, RegistryExporter } from 'flashstrike/prometheus';
 *
 * declare const register: MetricRegistry; // import { register } from 'prom-client';
 * await using wal = await Wal.open('./orders');
 * const exporter = new RegistryExporter(register).add(wal.telemetry);
 * // register.metrics() has the log beside all else, until:
 * exporter.unregister();
 */
export class RegistryExporter extends LogExporter {
  readonly #registry: MetricRegistry;
  readonly #registered = new Map<string, FamilyInRegistry>();
  #look: PrometheusCollector | undefined;
  #failures: ReturnType<LogExporter['collectLogs']> = [];

  /** @param registry for instance `register` of `prom-client`; metrics are added to it */
  constructor(registry: MetricRegistry) {
    super();
    this.#registry = registry;
  }

  /** What kept a log from being shown whole in the last scrape; empty while all is well. */
  get errors(): readonly Error[] {
    return this.#failures.map(({ error }) => error);
  }

  /** Throws also where the registry has other metrics of the same names. */
  protected override tryOut(log: ExportedLog): void {
    this.#takeLook();
    const failure = this.#failures.find((each) => each.log === log);
    if (failure !== undefined) throw failure.error;
  }

  /** Takes all that was added out of the registry. */
  unregister(): void {
    for (const name of this.#registered.keys()) this.#registry.removeSingleMetric(name);
    this.#registered.clear();
  }

  #takeLook(): PrometheusCollector {
    const look = new PrometheusCollector();
    this.#failures = this.collectLogs(() => look);
    this.#register(look);
    return look;
  }

  /** The look that this scrape is answered from. */
  #lookOfScrape(): PrometheusCollector {
    if (this.#look !== undefined) return this.#look;
    this.#look = this.#takeLook();
    queueMicrotask(() => {
      this.#look = undefined;
    });
    return this.#look;
  }

  /** All of the families that are new, or none. */
  #register({ families }: PrometheusCollector): void {
    const added: string[] = [];
    try {
      for (const { name, help, type } of families.values()) {
        if (this.#registered.has(name)) continue;
        const family = new FamilyInRegistry(name, help, type, () => {
          return this.#lookOfScrape().families.get(name);
        });
        this.#registry.registerMetric(family);
        this.#registered.set(name, family);
        added.push(name);
      }
    } catch (error) {
      for (const name of added) {
        this.#registry.removeSingleMetric(name);
        this.#registered.delete(name);
      }
      const why = isError(error) ? error.message : 'the registry refuses them.';
      const message = `The metrics of the log cannot be added to the registry: ${why}`;
      throw new WalError('ERR_FLASHSTRIKE_INVALID_ARGUMENT', message, { cause: error });
    }
  }
}

/** A family among the metrics of a registry, which reads and may change these fields. */
class FamilyInRegistry implements RegisteredMetric {
  /** A registry of OpenMetrics takes `_total` from the name of a counter. */
  name: string;
  readonly help: string;
  readonly type: Family['type'];
  /** Of processes of a cluster: each has logs of its own. */
  readonly aggregator = 'sum';
  readonly #find: () => Family | undefined;

  constructor(name: string, help: string, type: Family['type'], find: () => Family | undefined) {
    this.name = name;
    this.help = help;
    this.type = type;
    this.#find = find;
  }

  async get(): Promise<unknown> {
    const { name, help, type, aggregator } = this;
    const family = this.#find();
    return { name, help, type, aggregator, values: family === undefined ? [] : valuesOf(family) };
  }

  /** What a log counts is never reset. */
  reset(): void {}
}

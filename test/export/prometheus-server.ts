// A Prometheus server of the test's own, which scrapes one address every second.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../support/log-builder.js';

function whyNot(): string | false {
  const { error, status } = spawnSync('prometheus', ['--version'], { timeout: 300_000 });
  if (error !== undefined) return `there is no prometheus here: ${error.message}`;
  return status === 0 ? false : 'prometheus does not start here';
}

/** Why there is no server here, or false. */
export const noPrometheus: string | false = whyNot();

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, text: string];
}

interface FiredAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

/** It only ends a test that hangs. */
const LIMIT_MS = 240_000;

export class PrometheusServer {
  readonly #url: string;

  private constructor(url: string) {
    this.#url = url;
  }

  /** @param target `127.0.0.1:9464` @param rules path of a file of rules */
  static async start(context: TestContext, target: string, rules: string) {
    let child: ChildProcess | undefined;
    // Hooks run in their order: it ends before its folder goes.
    context.after(async () => {
      if (child === undefined || child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    });
    const folder = temporaryFolder(context);
    const file = join(folder, 'prometheus.json');
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'flashstrike', static_configs: [{ targets: [target] }] }],
    };
    writeFileSync(file, JSON.stringify(config));
    child = spawn('prometheus', [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
    ]);
    return new PrometheusServer(await addressOf(child));
  }

  async #ask(path: string): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1/${path}`);
    const answer = (await response.json()) as { status: string; error?: string; data?: unknown };
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  }

  /** What `query` is at this moment. @throws if it cannot be read */
  async query(query: string): Promise<readonly Sample[]> {
    const data = await this.#ask(`query?query=${encodeURIComponent(query)}`);
    return (data as { result: readonly Sample[] }).result;
  }

  /** The one value of `query` once there is one that `isMeant`. */
  async value(query: string, isMeant: (value: number) => boolean): Promise<number> {
    return this.#until(query, async () => {
      const [sample, ...more] = await this.query(query);
      if (more.length > 0) throw new Error(`${query} has ${more.length + 1} values`);
      const value = Number(sample?.value[1] ?? Number.NaN);
      return isMeant(value) ? value : undefined;
    });
  }

  /** The alert of this name, once it is there. */
  async alert(name: string): Promise<FiredAlert> {
    return this.#until(name, async () => {
      const { alerts } = (await this.#ask('alerts')) as { alerts: readonly FiredAlert[] };
      return alerts.find(({ labels }) => labels['alertname'] === name);
    });
  }

  async #until<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
    const deadline = performance.now() + LIMIT_MS;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`it did not come about: ${what}`);
      await delay(200);
    }
  }
}

/** Its log tells the port that it was given. */
function addressOf({ stderr, exitCode }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const isUp = (): boolean => text.includes('Server is ready to receive web requests');
    stderr?.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      const address = /msg="Listening on" address=(127\.0\.0\.1:\d+)/.exec(text)?.[1];
      if (address !== undefined && isUp()) resolve(`http://${address}`);
    });
    stderr?.once('end', () => reject(new Error(`prometheus ended (${exitCode}): ${text}`)));
  });
}

// Three real servers on loopback, in a folder of their own. All of them are gone with the process,
// however it ends.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removeFolder } from './remove-folder.js';

const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin`;
const found = spawnSync('nats-server', ['--version'], { env: { PATH }, encoding: 'utf8' });

/** Why there can be no cluster here; false: there can. */
export const NO_SERVER: string | false =
  found.status === 0 ? false : 'nats-server is not installed (Debian package nats-server)';

interface Node {
  readonly name: string;
  readonly port: number;
  readonly monitor: number;
  readonly store: string;
  readonly config: string;
  process: ChildProcess | undefined;
}

/**
 * Free when this is called; all are held until the last one is known. None of those that the system
 * gives to whoever connects: it would give away one whose server was killed.
 */
async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  for (let tries = 1; servers.length < count; tries++) {
    assert.ok(tries <= 1000, 'there are free ports');
    const server = createServer().listen(randomInt(15_000, 32_000), '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (isFree) servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

export class NatsCluster {
  readonly #dir: string;
  readonly #nodes: readonly Node[];
  readonly #onExit = (): void => this.killAll();

  private constructor(dir: string, nodes: readonly Node[]) {
    this.#dir = dir;
    this.#nodes = nodes;
    process.on('exit', this.#onExit);
  }

  /** Of ports that were free somebody else may have taken one: then by others. */
  static async start(): Promise<NatsCluster> {
    for (let attempt = 1; ; attempt++) {
      const cluster = await NatsCluster.#begin();
      if (await cluster.#isUp()) return cluster;
      await cluster.stop();
      assert.ok(attempt < 5, 'three servers start');
    }
  }

  static async #begin(): Promise<NatsCluster> {
    const dir = mkdtempSync(join(tmpdir(), 'flashstrike-nats-'));
    const ports = await freePorts(9);
    const routes = ports.slice(3, 6).map((port) => `nats://127.0.0.1:${port}`);
    const nodes = [0, 1, 2].map((index): Node => {
      const name = `n${index + 1}`;
      const store = join(dir, name);
      const config = join(dir, `${name}.conf`);
      const text = [
        `server_name: ${name}`,
        `listen: "127.0.0.1:${ports[index]}"`,
        `http: "127.0.0.1:${ports[index + 6]}"`,
        `jetstream { store_dir: "${store}", max_mem: 64MB, max_file: 4GB }`,
        `cluster { name: test, listen: "127.0.0.1:${ports[index + 3]}"`,
        `routes: ${JSON.stringify(routes)} }`,
      ];
      writeFileSync(config, `${text.join('\n')}\n`);
      const [port = 0, monitor = 0] = [ports[index], ports[index + 6]];
      return { name, port, monitor, store, config, process: undefined };
    });
    const cluster = new NatsCluster(dir, nodes);
    for (const { name } of nodes) cluster.start(name);
    return cluster;
  }

  get servers(): string[] {
    return this.#nodes.map(({ port }) => `127.0.0.1:${port}`);
  }

  /** The same for one of them. */
  serversOf(name: string): string[] {
    return [`127.0.0.1:${this.#nodeOf(name).port}`];
  }

  get names(): string[] {
    return this.#nodes.map(({ name }) => name);
  }

  /** What a server tells of itself; undefined where it does not, or is not well. */
  async tells(name: string, path: string): Promise<unknown> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.#nodeOf(name).monitor}/${path}`);
      return response.ok ? await response.json() : undefined;
    } catch {
      return undefined;
    }
  }

  /** Unless it runs. */
  start(name: string): void {
    const node = this.#nodeOf(name);
    const { process: child } = node;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) return;
    mkdirSync(node.store, { recursive: true });
    const options = { env: { PATH }, stdio: 'ignore' } as const;
    node.process = spawn('nats-server', ['-c', node.config], options);
  }

  /** As a crash: SIGKILL, and it is gone. */
  async kill(name: string): Promise<void> {
    const { process: child } = this.#nodeOf(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** At once, for whoever ends: nothing is waited for. */
  killAll(): void {
    for (const { process: child } of this.#nodes) child?.kill('SIGKILL');
  }

  loseDisk(name: string): void {
    rmSync(this.#nodeOf(name).store, { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    await Promise.all(this.names.map((name) => this.kill(name)));
    process.removeListener('exit', this.#onExit);
    removeFolder(this.#dir);
  }

  /** Whether all of them take connections; false once one has ended. */
  async #isUp(): Promise<boolean> {
    for (const { port, process: child } of this.#nodes) {
      for (;;) {
        if (child === undefined || child.exitCode !== null || child.signalCode !== null)
          return false;
        const socket = createConnection({ port, host: '127.0.0.1' });
        const isOpen = await once(socket, 'connect').then(
          () => true,
          () => false,
        );
        socket.destroy();
        if (isOpen) break;
        await delay(50);
      }
    }
    return true;
  }

  #nodeOf(name: string): Node {
    const node = this.#nodes.find((each) => each.name === name);
    assert.ok(node !== undefined, `there is a server ${name}`);
    return node;
  }
}

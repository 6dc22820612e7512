// Three nats-servers on loopback that keep the same streams: stand-ins for three machines.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { STREAM } from './stream.js';

const NAMES = ['north', 'east', 'south'];
export const env = { PATH: `${process.env['PATH']}:/usr/sbin` };

export class Servers {
  readonly #folder: string;
  readonly #ports: readonly number[];
  readonly #running = new Map<string, ChildProcess>();

  private constructor(folder: string, ports: readonly number[]) {
    this.#folder = folder;
    this.#ports = ports;
    for (const name of NAMES) this.start(name);
  }

  /** Of ports that were free somebody else may have taken one: then by others. */
  static async begin(folder: string): Promise<Servers> {
    for (let attempt = 1; attempt <= 5; attempt++) {
      const servers = new Servers(folder, await freePorts(2 * NAMES.length));
      if (await servers.#areUp()) return servers;
      await servers.stop();
    }
    throw new Error('Three servers could not be started.');
  }

  get addresses(): string[] {
    return NAMES.map((_, index) => `127.0.0.1:${this.#ports[index]}`);
  }

  start(name: string): void {
    const index = NAMES.indexOf(name);
    const routes = this.#ports.slice(NAMES.length).map((port) => `nats://127.0.0.1:${port}`);
    const config = join(this.#folder, `${name}.conf`);
    writeFileSync(
      config,
      `server_name: ${name}
listen: "${this.addresses[index]}"
jetstream { store_dir: "${join(this.#folder, name)}" }
cluster { name: example, listen: "${routes[index]?.slice(7)}", routes: ${JSON.stringify(routes)} }
`,
    );
    this.#running.set(name, spawn('nats-server', ['-c', config], { env, stdio: 'ignore' }));
  }

  /** As a crash: nothing is said to anybody, nothing is written any more. */
  async kill(name: string): Promise<void> {
    const server = this.#running.get(name);
    server?.kill('SIGKILL');
    if (server !== undefined && !hasEnded(server)) await once(server, 'exit');
  }

  /** As `kill`, of all; those that run now are gone once it resolves. */
  async stop(): Promise<void> {
    await Promise.all(NAMES.map((name) => this.kill(name)));
  }

  /** The server through which all of the stream goes now. */
  async leader(): Promise<string> {
    const connection = await connect({ servers: this.addresses });
    const manager = await jetstreamManager(connection, { checkAPI: false });
    for (;;) {
      const info = await manager.streams.info(STREAM).catch(() => undefined);
      const leader = info?.cluster?.leader;
      if (leader !== undefined) return connection.close().then(() => leader);
      await delay(100);
    }
  }

  /** Whether all of them take connections; false once one has ended. */
  async #areUp(): Promise<boolean> {
    for (const [index, server] of [...this.#running.values()].entries()) {
      for (let isOpen = false; !isOpen; await delay(20)) {
        if (hasEnded(server)) return false;
        const socket = createConnection({ port: this.#ports[index] ?? 0, host: '127.0.0.1' });
        isOpen = (await once(socket, 'connect').catch(() => undefined)) !== undefined;
        socket.destroy();
      }
    }
    return true;
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

/** Below those that the system gives to whoever connects; all are held until the last is known. */
async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = [];
  while (held.length < count) {
    const server = createServer().listen(randomInt(15_000, 32_000), '127.0.0.1');
    const isFree = await once(server, 'listening').catch(() => undefined);
    if (isFree !== undefined) held.push(server);
  }
  const ports = held.map((server) => (server.address() as { port: number }).port);
  await Promise.all(held.map((server) => once(server.close(), 'close')));
  return ports;
}

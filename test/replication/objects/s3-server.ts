// A server that speaks like S3, from the registry, on loopback.
import { mkdtempSync } from 'node:fs';
import type { RequestListener, Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { removeFolder } from '../../../bench/harness/remove-folder.js';
import type { S3Options } from '../../../src/replication/s3/s3-options.js';

const require = createRequire(import.meta.url);

/** What of the package `s3rver`, which brings no types, is used here. */
interface Package {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
  readonly httpServer: Server;
}
type ServerClass = new (options: Readonly<Record<string, unknown>>) => Package;

function findServer(): ServerClass | undefined {
  try {
    require.resolve('@aws-sdk/client-s3');
    return require('s3rver') as ServerClass;
  } catch {
    return undefined;
  }
}

const Found = findServer();

/** Why it cannot run here, or false. */
export const NO_S3: string | false =
  Found === undefined ? 'the packages s3rver and @aws-sdk/client-s3 are not installed' : false;

export const BUCKET = 'archive';

export class S3Server {
  readonly #server: Package;
  readonly #port: number;
  #listeners: readonly RequestListener[] = [];

  private constructor(server: Package, port: number) {
    this.#server = server;
    this.#port = port;
  }

  static async start(t: TestContext): Promise<S3Server> {
    if (Found === undefined) throw new Error(String(NO_S3));
    const directory = mkdtempSync(join(tmpdir(), 'flashstrike-s3-'));
    const server = new Found({
      address: '127.0.0.1',
      port: 0,
      silent: true,
      directory,
      configureBuckets: [{ name: BUCKET }],
    });
    const { port } = await server.run();
    t.after(async () => {
      server.httpServer.closeAllConnections();
      await server.close();
      removeFolder(directory);
    });
    return new S3Server(server, port);
  }

  /** Connections break, and whoever comes is sent away. */
  fail(): void {
    const { httpServer } = this.#server;
    this.#listeners = httpServer.listeners('request') as RequestListener[];
    httpServer.removeAllListeners('request');
    httpServer.on('request', (_request, response) => response.writeHead(503).end());
    httpServer.closeAllConnections();
  }

  heal(): void {
    const { httpServer } = this.#server;
    httpServer.removeAllListeners('request');
    for (const listener of this.#listeners) httpServer.on('request', listener);
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** What a store is made with. */
  options(prefix: string): S3Options {
    const credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
    const connection = { credentials, maxAttempts: 1 };
    return { bucket: BUCKET, prefix, endpoint: this.endpoint, connection };
  }
}

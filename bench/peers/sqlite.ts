// SQLite in WAL mode, by better-sqlite3 and by the module of Node. FULL syncs each transaction;
// NORMAL and OFF leave that to the kernel: what they have committed survives a killed process.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { loadPeer, missingPackage, type Peer } from './peer.js';

/** What the two share. */
interface Database {
  exec(sql: string): unknown;
  prepare(sql: string): Statement;
  close(): void;
}

interface Statement {
  run(...values: unknown[]): unknown;
  get(...values: unknown[]): unknown;
}

interface Sqlite {
  readonly name: string;
  readonly missing: string | undefined;
  open(file: string): Database;
}

const openBetter = (file: string): Database =>
  new (loadPeer<new (file: string) => Database>('better-sqlite3'))(file);

const BETTER: Sqlite = {
  name: 'better-sqlite3',
  missing: missingPackage('better-sqlite3', () => openBetter(':memory:').close()),
  open: openBetter,
};

function nodeSqlite(): { DatabaseSync: new (file: string) => Database } | undefined {
  try {
    return createRequire(import.meta.url)('node:sqlite');
  } catch {
    return undefined; // said below: this Node has none
  }
}

const OWN = nodeSqlite();
const NODE: Sqlite = {
  name: 'node:sqlite',
  missing: OWN === undefined ? `node:sqlite is not in Node ${process.version}` : undefined,
  open(file) {
    if (OWN === undefined) throw new Error('node:sqlite is missing');
    return new OWN.DatabaseSync(file);
  },
};

type Synchronous = 'OFF' | 'NORMAL' | 'FULL';

const peer = (sqlite: Sqlite, synchronous: Synchronous): Peer => ({
  name: `${sqlite.name} ${synchronous}`,
  survives: synchronous === 'FULL' ? 'power cut' : 'kill -9',
  missing: sqlite.missing,
  open(path) {
    const database = sqlite.open(join(path, 'events.db'));
    database.exec('PRAGMA journal_mode = WAL');
    database.exec(`PRAGMA synchronous = ${synchronous}`);
    database.exec('CREATE TABLE events (id INTEGER PRIMARY KEY, payload BLOB)');
    const insert = database.prepare('INSERT INTO events (payload) VALUES (?)');
    const begin = database.prepare('BEGIN');
    const commit = database.prepare('COMMIT');
    return {
      record(payload) {
        insert.run(payload);
        return undefined;
      },
      recordAll(payloads) {
        begin.run();
        for (const payload of payloads) insert.run(payload);
        commit.run();
        return undefined;
      },
      countAndClose() {
        const row = database.prepare('SELECT count(payload) AS count FROM events').get();
        database.close();
        return (row as { count: number }).count;
      },
    };
  },
});

const LEVELS: readonly Synchronous[] = ['OFF', 'NORMAL', 'FULL'];

export const SQLITES: readonly Peer[] = [BETTER, NODE].flatMap((sqlite) =>
  LEVELS.map((synchronous) => peer(sqlite, synchronous)),
);

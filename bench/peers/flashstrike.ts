// Flashstrike as a peer among the others, at each of the two levels.
import { openCursor, Wal, type WalOptions } from '../../src/index.js';
import { logSizes } from '../harness/folder.js';
import type { Peer, Store } from './peer.js';

type Commit = (wal: Wal) => Promise<unknown> | undefined;

async function open(path: string, options: WalOptions, commit: Commit): Promise<Store> {
  const wal = await Wal.open(path, options);
  return {
    record(payload) {
      wal.append(payload);
      return commit(wal);
    },
    recordAll(payloads) {
      for (const payload of payloads) wal.append(payload);
      return commit(wal);
    },
    async countAndClose() {
      await wal.close();
      const cursor = openCursor(path);
      let count = 0;
      while (cursor.next()) count++;
      cursor.close();
      return count;
    },
  };
}

export const OURS: readonly Peer[] = [
  {
    name: 'Flashstrike append',
    survives: 'kill -9',
    open: (path) => open(path, logSizes, () => undefined),
  },
  {
    name: 'Flashstrike append, coarse time',
    survives: 'kill -9',
    open: (path) => open(path, { ...logSizes, timestamps: 'coarse' }, () => undefined),
  },
  {
    name: 'Flashstrike append + durable()',
    survives: 'power cut',
    open: (path) => open(path, logSizes, (wal) => wal.durable()),
  },
  {
    name: 'Flashstrike append + durableSync()',
    survives: 'power cut',
    open: (path) => open(path, logSizes, (wal) => void wal.durableSync()),
  },
];

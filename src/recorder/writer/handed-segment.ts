// The active segment, handed from one thread to another: by its name and identity, for each thread
// opens and closes a descriptor of its own.
import { assert, WalError } from '../../errors.js';
import { SegmentTally } from '../../segment/segment-tally.js';
import type { Storage } from '../../storage/storage.js';
import type { HandedSegment } from '../threads/messages.js';
import { ActiveSegment } from './active-segment.js';

/** @throws WalError, or the system's error, where it is not that file any more */
export function openHanded(storage: Storage, handed: HandedSegment): ActiveSegment {
  const { path, inode, state, tally, takesBlocks } = handed;
  const fd = storage.open(path, 'rewrite');
  const status = storage.statusOf(fd);
  if (status.inode !== inode || status.bytes < state.fileBytes) {
    storage.close(fd);
    const message = `${path} was replaced or cut while the log was being opened. Open it again.`;
    throw new WalError('ERR_FLASHSTRIKE_IO', message, { path });
  }
  const active = new ActiveSegment(storage, fd, path, {
    ...state,
    tally: SegmentTally.from(tally),
  });
  if (!takesBlocks) active.giveUp();
  return active;
}

/** What is handed over of the active segment. */
export function handedSegment(active: ActiveSegment): HandedSegment {
  assert(!active.hasUnsynced, 'what is handed over is durable');
  const { path, inode, state, takesBlocks } = active;
  return { path, inode, state, takesBlocks, tally: active.tally.state };
}

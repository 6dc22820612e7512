import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { cannotMap } from '../../test/support/adapters.js';
import { Place } from '../../test/support/crash-place.js';
import { isSpent, listSharedRegions } from './all-regions.js';

test('all regions are listed, those whose folder is gone as well, and only what is spent may go', {
  skip: cannotMap,
}, (t) => {
  const place = new Place(t);
  const look = () =>
    listSharedRegions(place.shared).map((region) => [
      region.status,
      region.unreadEvents,
      region.folder,
      region.folderExists,
      isSpent(region),
    ]);
  assert.deepEqual(look(), []);
  const opening = place.open();
  const { directory } = place;
  assert.deepEqual(look(), [['in-use', undefined, directory, true, false]]);
  opening.log.write(3);
  opening.crash();
  assert.deepEqual(look(), [['waiting', 0, directory, true, true]]);
  const again = place.open();
  again.log.append();
  again.crash();
  assert.deepEqual(look(), [['waiting', 1, directory, true, false]]);
  rmSync(directory, { recursive: true });
  assert.deepEqual(look(), [['waiting', 1, directory, false, false]]);
});

// Which store a command means, as it was typed.
import { folderObjects, type ObjectStore } from '../../replication.js';

/** Where objects are: `file:///mnt/archive/orders`. */
export interface ObjectOptions {
  readonly url: URL;
}

export const storeAt = async ({ url }: ObjectOptions): Promise<ObjectStore> => folderObjects(url);

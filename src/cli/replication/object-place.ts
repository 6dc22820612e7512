// Which store a command means, as it was typed.
import { folderObjects, type ObjectStore } from '../../replication.js';

/** Where objects are: `file:///mnt/archive/orders` or `s3://bucket/prefix`. */
export interface ObjectOptions {
  readonly url: URL;
  /** Of a store that is not Amazon's. */
  readonly s3Endpoint?: string | undefined;
}

export async function storeAt({ url, s3Endpoint }: ObjectOptions): Promise<ObjectStore> {
  if (url.protocol === 'file:') return folderObjects(url);
  const { s3Objects } = await import('../../s3.js');
  const prefix = url.pathname.replace(/^\//, '');
  return s3Objects({ bucket: url.host, prefix, endpoint: s3Endpoint });
}

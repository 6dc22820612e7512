// The client of S3, which is loaded when the first object is asked for.
import { loadOptional } from '../optional-packages.js';

export type S3Package = typeof import('@aws-sdk/client-s3');

/**
 * @param load the package; a test has it missing
 * @throws WalError ERR_FLASHSTRIKE_PACKAGE_MISSING
 */
export const loadS3 = (
  load: () => Promise<S3Package> = () => import('@aws-sdk/client-s3'),
): Promise<S3Package> => loadOptional(load, 'A store on S3', ['@aws-sdk/client-s3']);

/** Which of the three layers of checksums failed, or `validation`: any other check. */
export type IntegrityFailure = 'header' | 'block' | 'chain' | 'validation';

/** The offsets of the four counters of these failures in a struct. */
interface FailureOffsets {
  readonly totalHeaderChecksumFailures: number;
  readonly totalBlockChecksumFailures: number;
  readonly totalChainedChecksumFailures: number;
  readonly totalValidationFailures: number;
}

/**
 * The offset of the counter for a failure. One of no known kind, from a caller without types, is
 * one of the others.
 */
export function failureOffset(at: FailureOffsets, failure: IntegrityFailure): number {
  switch (failure) {
    case 'header':
      return at.totalHeaderChecksumFailures;
    case 'block':
      return at.totalBlockChecksumFailures;
    case 'chain':
      return at.totalChainedChecksumFailures;
    default:
      return at.totalValidationFailures;
  }
}

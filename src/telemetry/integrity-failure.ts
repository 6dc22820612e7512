/** Which of the three layers of checksums did not hold, or `validation`: any other check. */
export type IntegrityFailure = 'header' | 'block' | 'chain' | 'validation';

// What a decoder says of bytes that are not what they should be. Bad bytes are an expected input
// here, so they are a value and never an exception; the caller, who knows the file, makes the
// error.

/**
 * - `truncated`: fewer bytes than the structure has
 * - `zero`: all bytes are zero, as in a file that was made ahead and not written here
 * - `magic`: does not begin as the structure begins
 * - `checksum`: begins so, but was altered, torn, or belongs to another place or segment
 * - `field`: the checksum holds and a field is impossible: a forgery or a bug of a writer
 * - `version`, `feature`: sound, but of a newer format than this one
 */
export type DefectKind =
  | 'truncated'
  | 'zero'
  | 'magic'
  | 'checksum'
  | 'field'
  | 'version'
  | 'feature';

export interface Defect {
  readonly defect: DefectKind;
  /** One sentence without the file's name; holds numbers only, never bytes of the file. */
  readonly message: string;
}

export const makeDefect = (defect: DefectKind, message: string): Defect => ({ defect, message });

export const isDefect = (result: object | undefined): result is Defect =>
  result !== undefined && 'defect' in result;

// What `flashstrike doctor` asks of the machine, as a port: tests bring machines that nobody has.
// Nothing here fails. What cannot be read is undefined, and a finding that needs it is not made.

interface PathStatus {
  readonly kind: 'file' | 'directory' | 'other';
}

export interface Space {
  /** f_type of statfs(2), unsigned. */
  readonly type: number;
  readonly totalBytes: number;
  /** What this user may still write. */
  readonly freeBytes: number;
  /** Names that may still be made; undefined where the file system has no such limit. */
  readonly freeNames: number | undefined;
}

export interface Machine {
  readonly platform: string;
  readonly release: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** User id; 0 is root; undefined where there are none. */
  readonly userId: number | undefined;
  readonly userName: string | undefined;
  environment(name: string): string | undefined;
  /** Text of a file, its first MiB. */
  readText(path: string): string | undefined;
  /** Names in a folder, sorted; none where it cannot be listed. */
  list(path: string): readonly string[];
  /** Without links in it. */
  realPath(path: string): string | undefined;
  /** Of what the path leads to. */
  statusOf(path: string): PathStatus | undefined;
  spaceAt(path: string): Space | undefined;
  mayWrite(path: string): boolean;
}

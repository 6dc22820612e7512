// Golden bytes as text: a line for 32 bytes, lines of zeros left out. A change of the format shows
// as a diff that can be read, and a segment of 64 KiB that is nearly empty takes a few lines.

const LINE_BYTES = 32;
/** Stands for a file that a log does not have, though the log has it of which it is a variant. */
const ABSENT = 'absent\n';

/** `bytes 64`, then `00000020 0123…` for each line of 32 bytes that is not all zero. */
export function encodeDump(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return ABSENT;
  const lines = [`bytes ${bytes.length}`];
  for (let at = 0; at < bytes.length; at += LINE_BYTES) {
    const line = Buffer.from(bytes.subarray(at, at + LINE_BYTES));
    if (line.some((byte) => byte !== 0)) {
      lines.push(`${at.toString(16).padStart(8, '0')} ${line.toString('hex')}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** @throws SyntaxError for text that encodeDump did not make */
export function decodeDump(text: string): Uint8Array | undefined {
  if (text === ABSENT) return undefined;
  const [first = '', ...lines] = text.trimEnd().split('\n');
  const size = /^bytes (\d+)$/.exec(first)?.[1];
  if (size === undefined) throw new SyntaxError(`no size in the dump: ${first}`);
  const bytes = new Uint8Array(Number(size));
  for (const line of lines) {
    const [, offset, hex] = /^([0-9a-f]{8}) ((?:[0-9a-f]{2}){1,32})$/.exec(line) ?? [];
    if (offset === undefined || hex === undefined) throw new SyntaxError(`no dump line: ${line}`);
    bytes.set(Buffer.from(hex, 'hex'), Number.parseInt(offset, 16));
  }
  return bytes;
}

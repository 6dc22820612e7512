// Payloads that follow from the event's id alone, so that whoever reads a log can check every byte
// without having seen it written. Lengths: mostly an order's 40 bytes, with empty, odd and large
// ones between them.

const LARGE_BYTES = 6000;

/** A well-mixed u32 of `id`. */
function mix(id: number): number {
  let hash = Math.imul(id ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export function payloadLength(id: number): number {
  const hash = mix(id);
  switch (hash % 16) {
    case 0:
      return 0;
    case 1:
      return 5;
    case 2:
      return hash % 251;
    case 3:
      return hash % 64 === 3 ? LARGE_BYTES + (hash % 977) : 41;
    default:
      return 40;
  }
}

export function payloadOf(id: number): Uint8Array {
  const payload = new Uint8Array(payloadLength(id));
  for (let at = 0; at < payload.length; at++) payload[at] = (id * 31 + at * 7) & 0xff;
  return payload;
}

/** The user's tag of event `id`. */
export const typeOf = (id: number): number => id & 0xffff;

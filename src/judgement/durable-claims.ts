// D, the highest event id that anyone calls durable, and who says so. A claim is only ever made
// after a sync, so each one is true by itself and the highest decides.

type ClaimSource =
  | 'meta'
  | 'segment-header'
  | 'block'
  | 'block-behind'
  | 'successor'
  | 'region'
  | 'acknowledgement';

interface DurableClaim {
  readonly source: ClaimSource;
  readonly eventId: number;
}

interface ClaimInputs {
  /** `durableEventId` of a usable wal.meta. */
  readonly meta?: number | undefined;
  /** The last segment's own header: rotation made everything before its first event durable. */
  readonly segmentHeader?: number | undefined;
  /** The highest that a block of the valid prefix claims. */
  readonly block?: number | undefined;
  /** The highest that a valid header behind E claims. */
  readonly blockBehind?: number | undefined;
  /** `previousLastEventId` of a successor's header. */
  readonly successor?: number | undefined;
  /** The durable word of the shared region, of the same boot. */
  readonly region?: number | undefined;
  /** What a consumer acknowledged, itself capped at durable. */
  readonly acknowledgement?: number | undefined;
}

export interface DurableClaims {
  /** D; 0 when nobody claims anything. */
  readonly durableEventId: number;
  /** All claims that were made, the highest first. */
  readonly claims: readonly DurableClaim[];
}

const SOURCES: readonly (readonly [ClaimSource, keyof ClaimInputs])[] = [
  ['meta', 'meta'],
  ['segment-header', 'segmentHeader'],
  ['block', 'block'],
  ['block-behind', 'blockBehind'],
  ['successor', 'successor'],
  ['region', 'region'],
  ['acknowledgement', 'acknowledgement'],
];

export function gatherClaims(inputs: ClaimInputs): DurableClaims {
  const claims: DurableClaim[] = [];
  for (const [source, key] of SOURCES) {
    const eventId = inputs[key];
    if (eventId !== undefined) claims.push({ source, eventId });
  }
  claims.sort((a, b) => b.eventId - a.eventId);
  return { durableEventId: claims[0]?.eventId ?? 0, claims };
}

const SPOKEN: Readonly<Record<ClaimSource, string>> = {
  meta: 'wal.meta',
  'segment-header': "the segment's header",
  block: 'a block before it',
  'block-behind': 'a block after it',
  successor: "the next segment's header",
  region: 'the shared region',
  acknowledgement: "a consumer's acknowledgement",
};

/** Who calls events from `eventId` on durable, for a message: `wal.meta (7), … (9)`. */
export const spokenClaims = (claims: DurableClaims, eventId: number): string =>
  claims.claims
    .filter((claim) => claim.eventId >= eventId)
    .map((claim) => `${SPOKEN[claim.source]} (${claim.eventId})`)
    .join(', ');

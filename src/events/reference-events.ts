// The two events of the reference as definitions, so that its structs can be appended and read as
// they are. docs/EVENTS.md has what is known of them.
import { defineEvent } from './define-event.js';

/**
 * A request of the reference, 64 bytes: one cache line, without the log's header. `eventId` and
 * `timestamp` are the engine's own; those of the log stand beside them.
 * @example
 * import { ReferenceRequest, Wal } from 'flashstrike';
 *
 * await using wal = await Wal.open('./requests');
 * const request = wal.begin(ReferenceRequest);
 * request.price = 585_3300;
 * request.quantity = 18;
 * request.commit();
 */
export const ReferenceRequest = defineEvent(
  'reference_request',
  {
    eventId: 'safeU64',
    timestamp: 'safeU64',
    price: 'safeU64',
    quantity: 'safeU64',
    userId: 'u32',
    orderId: 'u32',
    type: 'u8',
    orderType: 'u8',
    side: 'u8',
    reserved: { spare: 21 },
  },
  { version: 1 },
);

/** A trade of the reference, 64 bytes. */
export const ReferenceTrade = defineEvent(
  'reference_trade',
  {
    sequence: 'safeU64',
    makerOrder: 'u32',
    takerOrder: 'u32',
    makerUser: 'u32',
    takerUser: 'u32',
    price: 'safeU64',
    quantity: 'safeU64',
    engineTime: 'safeU64',
    fees: 'safeU64',
    side: 'u8',
    reserved: { spare: 7 },
  },
  { version: 1 },
);

// Why a reader of a segment stopped, and which check that was.
import type { DefectKind } from '../segment/defect.js';
import type { IntegrityFailure } from '../telemetry/integrity-failure.js';

/**
 * Why no further block was read. `limit`: the given limit was reached exactly. `full`: no room for
 * another block. `sealed`: the last block was the seal. `chain`: a valid block that does not belong
 * here. The rest is what the decoders of src/segment tell.
 */
export interface Stop {
  readonly reason: 'limit' | 'full' | 'sealed' | 'chain' | DefectKind;
  /** One sentence, without the file's name. */
  readonly message: string;
  /** True: the header of the block is sound, what it announces is not. */
  readonly inPayload?: boolean;
}

/** The check that did not hold where reading stopped. */
export function integrityFailureOf({ reason, inPayload }: Stop): IntegrityFailure {
  // Blocks that end at the pin, and still are not those that the successor pins.
  if (reason === 'chain' || reason === 'limit') return 'chain';
  if (reason !== 'checksum') return 'validation';
  return inPayload === true ? 'block' : 'header';
}

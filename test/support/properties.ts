// Properties with the same cases in every run: a sound product fails none of them by chance. Other
// cases are drawn with FLASHSTRIKE_PROPERTY_SEED; a property that fails tells its seed.
import fc from 'fast-check';

const SEED = Number(process.env['FLASHSTRIKE_PROPERTY_SEED'] ?? 20_120_621);

fc.configureGlobal({ seed: SEED });

export { fc };

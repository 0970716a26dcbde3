import type { Settings } from '../../platform/config/index.ts';

/** An entry of the settings' `mirrors`. */
export type MirrorSettings = Settings['mirrors'][number];

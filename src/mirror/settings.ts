import type { Settings } from '../config/index.ts';

/** An entry of the settings' `mirrors`. */
export type MirrorSettings = Settings['mirrors'][number];

import { serveOffLoop } from '../runtime/index.ts';
import { quickCheckHere } from './quick-check.ts';

export interface QuickCheck {
  readonly path: string;
}

serveOffLoop(({ path }: QuickCheck) => Promise.resolve(quickCheckHere(path)));

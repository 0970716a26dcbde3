import { serveOffLoop } from '../runtime/index.ts';
import { quickCheckHere, type QuickCheck } from './quick-check.ts';

serveOffLoop(({ path }: QuickCheck) => Promise.resolve(quickCheckHere(path)));

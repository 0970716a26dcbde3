import type { AuditedFinding } from '../../operate/audit/index.ts';
import type { AuditWords } from '../../web/index.ts';

/** What an audit's process is asked for. */
export interface AuditTask {
  readonly configFile: string | undefined;
  readonly words: AuditWords;
  /** Another site of the ledger than that of the settings. */
  readonly site: string | undefined;
}

/** What it tells while it works; its result is the summary. */
export type AuditTold =
  | { readonly kind: 'progress'; readonly checked: number; readonly rows: number }
  | { readonly kind: 'finding'; readonly finding: AuditedFinding };

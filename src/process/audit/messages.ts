import type { AuditedFinding, AuditSummary } from '../../operate/audit/index.ts';
import type { AuditWords } from '../../web/index.ts';

// What an audit's process and who asked for it tell each other.

/** To the process. */
export type Asked =
  | { readonly kind: 'start'; readonly configFile: string | undefined; readonly words: AuditWords }
  | { readonly kind: 'abort' };

/** From the process; the last is `done` or `failed`. */
export type Said =
  | { readonly kind: 'progress'; readonly checked: number; readonly rows: number }
  | { readonly kind: 'finding'; readonly finding: AuditedFinding }
  | { readonly kind: 'done'; readonly summary: AuditSummary }
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly message: string };

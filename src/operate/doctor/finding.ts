/** What `doctor` says of one precondition. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly remedy: string;
  /** It works as it is, and the remedy makes it better. */
  readonly isAdvice?: boolean;
}

/** What reading a tar to its end showed. `corrupt`: more bytes cannot mend it; `incomplete`: they can. */
export type Proof =
  | { readonly kind: 'complete'; readonly members: number; readonly bytes: number }
  | {
      readonly kind: 'incomplete';
      readonly reason: string;
      /** All but `cut` may be how its writer ends tars. */
      readonly ending?: 'cut' | 'unterminated' | 'one zero block';
    }
  | { readonly kind: 'corrupt'; readonly reason: string };

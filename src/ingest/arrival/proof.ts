/** Why the end of a tar may be zeros that are still to be filled; `isUsual` where silence looks the same. */
export interface Doubt {
  readonly reason: string;
  readonly isUsual: boolean;
}

/**
 * What reading a tar to its end showed. `corrupt`: more bytes cannot mend it; `incomplete`: they can. `unproved`: it is too much
 * to be read beforehand.
 */
export type Proof =
  | { readonly kind: 'complete'; readonly members: number; readonly bytes: number; readonly doubt?: Doubt }
  | {
      readonly kind: 'incomplete';
      readonly reason: string;
      /** All but `cut` may be how its writer ends tars. */
      readonly ending?: 'cut' | 'unterminated' | 'one zero block';
    }
  | { readonly kind: 'corrupt'; readonly reason: string; readonly doubt?: Doubt }
  | { readonly kind: 'unproved'; readonly reason: string };

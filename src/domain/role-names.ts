export const ROLES = ['watch', 'extract', 'upload', 'maintain', 'dashboard'] as const;
export type RoleName = (typeof ROLES)[number];

/** What a host that only keeps databases, mirrors and logs has work for. */
const WITHOUT_RECORDINGS: readonly RoleName[] = ['maintain', 'dashboard'];

/** The roles that a host has work for. */
export function usedRoles({ recordings }: { readonly recordings: boolean }): readonly RoleName[] {
  return recordings ? ROLES : WITHOUT_RECORDINGS;
}

/** Those without which work is left undone; the dashboard only looks on. */
export function neededRoles(parts: { readonly recordings: boolean }): readonly RoleName[] {
  return usedRoles(parts).filter((role) => role !== 'dashboard');
}

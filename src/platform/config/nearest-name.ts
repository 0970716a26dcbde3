import leven from 'leven';

/** The known name that a misspelt one comes close to. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  return known
    .map((one) => ({ one, distance: leven(one.toLowerCase(), name.toLowerCase()) }))
    .filter(({ one, distance }) => distance <= Math.max(1, Math.floor(Math.min(one.length, name.length) / 3)))
    .toSorted((one, other) => one.distance - other.distance)[0]?.one;
}

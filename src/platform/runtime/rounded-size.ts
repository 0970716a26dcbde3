const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `17 B`, `72.9 GiB`: to one decimal, for people to read. */
export function roundedSize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${SIZES[power]}`;
}

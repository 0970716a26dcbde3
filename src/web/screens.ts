/** The addresses of the console's screens. */
export const SCREENS = [
  '/',
  '/failures',
  '/recordings',
  '/recordings/:id',
  '/tars',
  '/tars/:id',
  '/landing',
  '/audit',
  '/backups',
  '/system',
  '/events',
  '/components',
] as const;

/** Whether a path is that of a screen. */
export function isScreen(path: string): boolean {
  const bare = path.length > 1 ? path.replace(/\/$/, '') : path;
  return SCREENS.some(
    (screen) => screen === bare || (screen.endsWith('/:id') && isBelow(bare, screen.slice(0, -3))),
  );
}

function isBelow(path: string, parent: string): boolean {
  return path.startsWith(parent) && /^[\w-]+$/.test(path.slice(parent.length));
}

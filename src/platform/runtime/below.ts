import { isAbsolute, relative, sep } from 'node:path';

/** What a path has in it that is not in its shortest form. */
const UNPLAIN = /\/(?:\.{0,2}(?:\/|$))/;

/** The way from `outer` to what lies below it; undefined for `outer` itself and for anything else. Both are absolute. */
export function pathBelow(outer: string, inner: string): string | undefined {
  // nearly every path is as plain as this, and there are several for each recording
  if (inner.startsWith(`${outer}/`) && !UNPLAIN.test(inner)) return inner.slice(outer.length + 1);
  const way = relative(outer, inner);
  return way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way) ? undefined : way;
}

/** True when `inner` lies below `outer`; both absolute. */
export function isBelow(outer: string, inner: string): boolean {
  return pathBelow(outer, inner) !== undefined;
}

/** True when `inner` is `outer` or lies below it; both absolute. */
export function isWithin(outer: string, inner: string): boolean {
  return relative(outer, inner) === '' || isBelow(outer, inner);
}

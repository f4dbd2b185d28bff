/** Rules for xenstore paths (docs/misc/xenstore.txt). */

const ABSOLUTE_MAX = 3072;
const RELATIVE_MAX = 2048;

/** Special watch paths: they are no nodes. */
export const INTRODUCE_DOMAIN = '@introduceDomain';
export const RELEASE_DOMAIN = '@releaseDomain';

export function domainPath(domid: number): string {
  return `/local/domain/${domid}`;
}

/** The absolute path a domain means, or undefined when it is not a legal node path. */
export function canonicalPath(path: string, domid: number): string | undefined {
  const relative = !path.startsWith('/');
  if (path.length > (relative ? RELATIVE_MAX : ABSOLUTE_MAX)) return undefined;
  const absolute = relative ? `${domainPath(domid)}/${path}` : path;
  return isLegal(absolute) ? absolute : undefined;
}

/** As `canonicalPath`, for watches: `@…` names are left as they are. */
export function canonicalWatchPath(path: string, domid: number): string | undefined {
  if (!path.startsWith('@')) return canonicalPath(path, domid);
  return path === INTRODUCE_DOMAIN || path === RELEASE_DOMAIN ? path : undefined;
}

function isLegal(path: string): boolean {
  if (path === '/') return true;
  return /^(\/[A-Za-z0-9\-_@]+)+$/.test(path);
}

export function segmentsOf(path: string): string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/** Whether `path` is `ancestor` or lies below it. */
export function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || ancestor === '/' || path.startsWith(`${ancestor}/`);
}

/** Paths as debugging information has them: POSIX or Windows, absolute or relative to the compiler's folder. */

export const isAbsolutePath = (path: string): boolean =>
  /^([/\\]|[A-Za-z]:[/\\]|[A-Za-z][A-Za-z0-9+.-]+:\/)/.test(path);

/** Joined and without "." and ".." segments; a relative result has no leading "./". */
export function joinPath(folder: string, name: string): string {
  const whole = isAbsolutePath(name) || folder === '' ? name : `${folder}/${name}`;
  return normalizePath(whole);
}

export function normalizePath(path: string): string {
  const forward = path.replaceAll('\\', '/');
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+:\/\/[^/]*|[A-Za-z]:)?(\/?)/.exec(forward);
  const prefix = `${scheme?.[1] ?? ''}${scheme?.[2] ?? ''}`;
  const parts: string[] = [];
  for (const part of forward.slice(prefix.length).split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (prefix === '') parts.push(part);
  }
  return `${prefix}${parts.join('/')}`;
}

export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/**
 * File names of a launch configuration, made absolute before VS Code substitutes variables: in the web host
 * `${workspaceFolder}/x` would lose the folder's scheme and so the file system it lies in.
 */

const VARIABLE = /^\$\{workspaceFolder(?::[^}]*)?\}[/\\]?/;
const PATH_KEYS = ['config', 'kernel', 'ramdisk'] as const;

type Keys = Readonly<Record<string, unknown>>;

/** `join` makes a URI string of a path relative to the workspace folder. Absolute paths and URIs stay as they are. */
export function resolvePaths(configuration: Keys, join: (relative: string) => string): Keys {
  const resolved: Record<string, unknown> = { ...configuration };
  for (const key of PATH_KEYS) resolved[key] = resolveValue(configuration[key], join);
  resolved.symbols = resolveValue(configuration.symbols, join);
  const { sourceMap } = configuration;
  if (typeof sourceMap === 'object' && sourceMap !== null) {
    resolved.sourceMap = Object.fromEntries(
      Object.entries(sourceMap).map(([from, to]) => [from, resolveValue(to, join)]),
    );
  }
  const { domains } = configuration;
  if (Array.isArray(domains)) {
    resolved.domains = domains.map((domain: unknown) =>
      typeof domain === 'object' && domain !== null ? resolvePaths(domain as Keys, join) : resolveValue(domain, join),
    );
  }
  for (const [key, value] of Object.entries(resolved)) if (value === undefined) delete resolved[key];
  return resolved;
}

function resolveValue(value: unknown, join: (relative: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveValue(item, join));
  if (typeof value !== 'string') return value;
  const relative = value.replace(VARIABLE, '');
  if (relative !== value) return join(relative.replaceAll('\\', '/'));
  if (value.includes('${') || isAbsolute(value)) return value;
  return join(value.replaceAll('\\', '/'));
}

/** A POSIX path, a Windows path with drive or share, or a URI. */
export function isAbsolute(path: string): boolean {
  return path.startsWith('/') || path.startsWith('\\\\') || /^[a-z]:[\\/]/i.test(path) || isUri(path);
}

export function isUri(text: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\//i.test(text);
}

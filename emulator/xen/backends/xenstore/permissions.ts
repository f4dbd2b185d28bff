/** Node permissions: `n0`, `r1`, `w`, `b` with a domid (docs/misc/xenstore.txt). */

export type Access = 'n' | 'r' | 'w' | 'b';

export interface Permission {
  readonly access: Access;
  readonly domid: number;
}

/** The control domain may do everything. */
const PRIVILEGED = 0;

export function mayRead(permissions: readonly Permission[], domid: number): boolean {
  const access = accessOf(permissions, domid);
  return access === 'r' || access === 'b';
}

export function mayWrite(permissions: readonly Permission[], domid: number): boolean {
  const access = accessOf(permissions, domid);
  return access === 'w' || access === 'b';
}

export function ownerOf(permissions: readonly Permission[]): number {
  return permissions[0]?.domid ?? PRIVILEGED;
}

export function owns(permissions: readonly Permission[], domid: number): boolean {
  return domid === PRIVILEGED || ownerOf(permissions) === domid;
}

function accessOf(permissions: readonly Permission[], domid: number): Access {
  if (owns(permissions, domid)) return 'b';
  const own = permissions.slice(1).find((permission) => permission.domid === domid);
  return own?.access ?? permissions[0]?.access ?? 'n';
}

/** Undefined when the text is no permission. */
export function parsePermission(text: string): Permission | undefined {
  const match = /^([nrwb])(\d{1,5})$/.exec(text);
  return match === null ? undefined : { access: match[1] as Access, domid: Number(match[2]) };
}

export function formatPermission(permission: Permission): string {
  return `${permission.access}${permission.domid}`;
}

/** A new node's: its parent's, but owned by the domain that made it. */
export function inheritPermissions(parent: readonly Permission[], domid: number): readonly Permission[] {
  if (domid === PRIVILEGED) return parent;
  const [first, ...rest] = parent;
  return [{ access: first?.access ?? 'n', domid }, ...rest];
}

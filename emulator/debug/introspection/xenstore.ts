import { childrenOf, findNode, walkTree } from '../../xen/backends/xenstore/tree.ts';
import type { Machine } from '../../xen/toolstack/machine-boot.ts';

/** A node and its children. Undefined: there is no such node. */
export function xenstoreNode({ store }: Machine, { path }: { readonly path: string }) {
  const node = findNode(store.root, path);
  if (node === undefined) return undefined;
  return {
    path,
    value: String.fromCharCode(...node.value),
    /** "n1", "r0": the first names the owner, and what all others may do. */
    permissions: node.permissions.map(({ access, domid }) => `${access}${domid}`),
    generation: node.generation,
    children: childrenOf(store.root, path),
  };
}

/** Watches of guests, and how many nodes each domain owns. */
export function xenstoreConnections({ store }: Machine, _args?: undefined) {
  const owned = new Map<number, number>();
  for (const { node } of walkTree(store.root)) {
    const owner = node.permissions[0]?.domid ?? 0;
    owned.set(owner, (owned.get(owner) ?? 0) + 1);
  }
  return Array.from(store.connections.values(), ({ domid, watches, transactions }) => ({
    domain: domid,
    nodes: owned.get(domid) ?? 0,
    transactions: transactions.size,
    watches: watches.map(({ path, token }) => ({ path, token })),
  }));
}

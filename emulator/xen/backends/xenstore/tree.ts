/**
 * The tree of nodes. Nodes are never changed: a change makes new nodes up to the root, so that a transaction holds a
 * consistent view by holding a root.
 */

import { parentOf, segmentsOf } from './paths.ts';
import type { Permission } from './permissions.ts';

export interface XsNode {
  readonly value: Uint8Array;
  /** The first names the owner, and what everybody else may do. */
  readonly permissions: readonly Permission[];
  /** Number of the store's change that last touched this node or its list of children. */
  readonly generation: number;
  /** In the order they were made. */
  readonly children: ReadonlyMap<string, XsNode>;
}

export function findNode(root: XsNode, path: string): XsNode | undefined {
  let node: XsNode | undefined = root;
  for (const segment of segmentsOf(path)) {
    node = node.children.get(segment);
    if (node === undefined) return undefined;
  }
  return node;
}

/** A new root in which `path` (whose parent must exist) is `node`; a new child counts as a change of its parent. */
export function withNode(root: XsNode, path: string, node: XsNode): XsNode {
  const segments = segmentsOf(path);
  const replace = (at: XsNode, depth: number): XsNode => {
    const segment = segments[depth];
    if (segment === undefined) return node;
    const child = at.children.get(segment);
    const isNew = child === undefined;
    const children = new Map(at.children);
    children.set(segment, isNew ? node : replace(child, depth + 1));
    return { ...at, children, generation: isNew ? node.generation : at.generation };
  };
  return replace(root, 0);
}

/** A new root without `path` and what is below it. */
export function withoutNode(root: XsNode, path: string, generation: number): XsNode {
  const parentPath = parentOf(path);
  const parent = findNode(root, parentPath);
  const name = segmentsOf(path).at(-1);
  if (parent === undefined || name === undefined) return root;
  const children = new Map(parent.children);
  children.delete(name);
  return withNode(root, parentPath, { ...parent, children, generation });
}

/** Every node, parents first, in order. */
export function* walkTree(node: XsNode, path = ''): Generator<{ readonly path: string; readonly node: XsNode }> {
  yield { path: path === '' ? '/' : path, node };
  for (const [name, child] of node.children) yield* walkTree(child, `${path}/${name}`);
}

/** The children of a node as tools list them: value as text, and how many children each has. */
export function childrenOf(
  root: XsNode,
  path: string,
): readonly { readonly name: string; readonly value: string; readonly children: number }[] {
  return Array.from(findNode(root, path)?.children ?? [], ([name, node]) => ({
    name,
    value: String.fromCharCode(...node.value),
    children: node.children.size,
  }));
}

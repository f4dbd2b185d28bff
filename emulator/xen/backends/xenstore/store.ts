/**
 * The store: tree, connections with their watches and transactions. Plain data and functions on it; requests.ts says
 * what each message does, backend.ts carries bytes to and from a domain's ring.
 *
 * NOT IMPLEMENTED: SET_TARGET beyond accepting it; the memory quota (ACC_MEM).
 */
import { type PlainObject, restoreFields, saveFields } from '../../../machine/plain-data.ts';
import { canonicalPath, INTRODUCE_DOMAIN, isWithin, parentOf, RELEASE_DOMAIN } from './paths.ts';
import { inheritPermissions, mayRead, mayWrite, ownerOf, type Permission } from './permissions.ts';
import { bytesOf, latin1, stringsPayload, XS_WATCH_EVENT, type XsError, type XsMessage } from './protocol.ts';
import { findNode, walkTree, withNode, withoutNode, type XsNode } from './tree.ts';

/** xenstored's limits for an unprivileged domain. It compares watches and transactions with >, so that one more goes. */
export const QUOTA = { nodes: 1000, watches: 128, nodeSize: 2048, transactions: 10, permissions: 5 } as const;

export interface Watch {
  /** Absolute, or `@…`. */
  readonly path: string;
  readonly token: string;
  /** Events name paths relative to the domain's own, as the watch did. */
  readonly relative: boolean;
}

export interface Transaction {
  readonly id: number;
  root: XsNode;
  /** Generation of each node when the transaction first looked at it; -1: it did not exist. */
  readonly seen: Map<string, number>;
  /** What to do again on the store when it commits, in order. */
  readonly changes: Change[];
}

export type Change =
  | { readonly kind: 'write'; readonly path: string; readonly value: Uint8Array }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'permissions'; readonly path: string; readonly permissions: readonly Permission[] };

export interface Connection {
  readonly domid: number;
  readonly watches: Watch[];
  readonly transactions: Map<number, Transaction>;
  nextTransactionId: number;
  /** Messages to the domain that wait for space in its ring. */
  readonly outbox: XsMessage[];
}

export interface StoreObserver {
  /** `domid` made the change; 0: the toolstack, back ends and tools. */
  changed(change: Change, domid: number): void;
  /** A watch of `domid` on `watch` is told of `path`. */
  watchFired(domid: number, watch: string, path: string): void;
}

/** Members that are no state. */
const NOT_SAVED = ['onOutbox', 'onChange', 'observer'];

const NOBODY_ELSE: readonly Permission[] = [{ access: 'r', domid: 0 }];
const MISSING = -1;

function newConnection(domid: number): Connection {
  return { domid, watches: [], transactions: new Map(), nextTransactionId: 1, outbox: [] };
}

/** What xenstored stores of a node: a head of 24 bytes, 8 for each permission, the value, the names of the children. */
function recordBytes({ value, permissions, children }: Pick<XsNode, 'value' | 'permissions' | 'children'>): number {
  let bytes = 24 + permissions.length * 8 + value.length;
  for (const name of children.keys()) bytes += name.length + 1;
  return bytes;
}

export class XenStore {
  root: XsNode = { value: new Uint8Array(0), permissions: NOBODY_ELSE, generation: 0, children: new Map() };
  generation = 0;
  readonly connections = new Map<number, Connection>();
  /** Told that a connection's outbox has something new. Set by whoever carries the bytes. */
  onOutbox: (domid: number) => void = () => {};
  /** Told of every path whose node has changed or gone, outside transactions. It must not change the store at once. */
  onChange: (path: string) => void = () => {};
  /** For whoever looks on: each change outside transactions, and each watch event. It must not change the store. */
  observer: StoreObserver | undefined;

  /** Opens a domain's connection and tells who watches for that. */
  introduce(domid: number): Connection {
    const connection = newConnection(domid);
    this.connections.set(domid, connection);
    this.fireSpecial(INTRODUCE_DOMAIN);
    return connection;
  }

  release(domid: number): void {
    if (this.connections.delete(domid)) this.fireSpecial(RELEASE_DOMAIN);
  }

  save(): PlainObject {
    return saveFields(this, NOT_SAVED);
  }

  /** Connections keep their identity: whoever carries their bytes holds them. */
  restore(state: PlainObject): void {
    const { connections, ...rest } = state;
    restoreFields(this, rest, [...NOT_SAVED, 'connections']);
    const held = new Map(this.connections);
    this.connections.clear();
    for (const [domid, saved] of connections as ReadonlyMap<number, PlainObject>) {
      const connection = held.get(domid) ?? newConnection(domid);
      restoreFields(connection, saved);
      this.connections.set(domid, connection);
    }
  }

  /** The tree a request works on. */
  rootFor(transaction: Transaction | undefined): XsNode {
    return transaction?.root ?? this.root;
  }

  /** Looks a node up, remembering it for the conflict check of a transaction. */
  look(path: string, transaction: Transaction | undefined): XsNode | undefined {
    const node = findNode(this.rootFor(transaction), path);
    if (transaction !== undefined && !transaction.seen.has(path)) {
      transaction.seen.set(path, node?.generation ?? MISSING);
    }
    return node;
  }

  /** Carries a change out, in the transaction or in the store (where watches then fire). */
  apply(change: Change, connection: Connection, transaction: Transaction | undefined): XsError | undefined {
    switch (change.kind) {
      case 'write':
        return this.write(change, connection, transaction);
      case 'remove':
        return this.remove(change, connection, transaction);
      case 'permissions':
        return this.setPermissions(change, connection, transaction);
    }
  }

  /** Commits: EAGAIN when anything the transaction looked at has changed since. */
  commit(transaction: Transaction, connection: Connection): XsError | undefined {
    for (const [path, generation] of transaction.seen) {
      if ((findNode(this.root, path)?.generation ?? MISSING) !== generation) return 'EAGAIN';
    }
    for (const change of transaction.changes) this.apply(change, connection, undefined);
    return undefined;
  }

  /** Value of a node as the control domain reads it, as text. */
  read(path: string): string | undefined {
    const node = findNode(this.root, path);
    return node === undefined ? undefined : latin1(node.value);
  }

  /** Writes as the control domain (the toolstack, or an editor). Ancestors are made as needed. */
  hostWrite(path: string, value: string, permissions?: readonly Permission[]): void {
    const tools = this.toolsConnection();
    this.apply({ kind: 'write', path, value: bytesOf(value) }, tools, undefined);
    if (permissions !== undefined) this.apply({ kind: 'permissions', path, permissions }, tools, undefined);
  }

  hostRemove(path: string): void {
    this.apply({ kind: 'remove', path }, this.toolsConnection(), undefined);
  }

  /** Nodes that a domain owns: what its quota counts. */
  nodesOwnedBy(domid: number, transaction: Transaction | undefined): number {
    let count = 0;
    for (const { node } of walkTree(this.rootFor(transaction))) if (ownerOf(node.permissions) === domid) count++;
    return count;
  }

  private toolsConnection(): Connection {
    return this.connections.get(0) ?? newConnection(0);
  }

  private write(
    change: Change & { kind: 'write' },
    connection: Connection,
    transaction: Transaction | undefined,
  ): XsError | undefined {
    const { path, value } = change;
    const { domid } = connection;
    const existing = this.look(path, transaction);
    if (existing !== undefined) {
      if (!mayWrite(existing.permissions, domid)) return 'EACCES';
      if (domid !== 0 && recordBytes({ ...existing, value }) >= QUOTA.nodeSize) return 'ENOSPC';
      this.store(path, { ...existing, value, generation: ++this.generation }, transaction);
    } else {
      const error = this.create(path, value, domid, transaction);
      if (error !== undefined) return error;
    }
    this.changed(change, connection, transaction);
    return undefined;
  }

  /** Makes a node and its missing ancestors; the nearest existing ancestor must be writable. */
  private create(
    path: string,
    value: Uint8Array,
    domid: number,
    transaction: Transaction | undefined,
  ): XsError | undefined {
    const missing: string[] = [];
    let at = path;
    let ancestor = findNode(this.rootFor(transaction), at);
    while (ancestor === undefined) {
      missing.unshift(at);
      at = parentOf(at);
      ancestor = this.look(at, transaction);
    }
    if (!mayWrite(ancestor.permissions, domid)) return 'EACCES';
    if (domid !== 0 && this.nodesOwnedBy(domid, transaction) + missing.length > QUOTA.nodes) return 'ENOSPC';
    const permissions = inheritPermissions(ancestor.permissions, domid);
    const first = (missing[0] as string).slice(at === '/' ? 1 : at.length + 1);
    const grown = recordBytes(ancestor) + first.length + 1;
    const added = recordBytes({ value, permissions, children: new Map() });
    if (domid !== 0 && Math.max(grown, added) >= QUOTA.nodeSize) return 'ENOSPC';
    for (const each of missing) {
      const node = {
        value: each === path ? value : new Uint8Array(0),
        permissions,
        generation: ++this.generation,
        children: new Map(),
      };
      this.store(each, node, transaction);
    }
    return undefined;
  }

  private remove(
    change: Change & { kind: 'remove' },
    connection: Connection,
    transaction: Transaction | undefined,
  ): XsError | undefined {
    const { path } = change;
    const node = this.look(path, transaction);
    if (node === undefined) return this.look(parentOf(path), transaction) === undefined ? 'ENOENT' : undefined;
    if (!mayWrite(node.permissions, connection.domid)) return 'EACCES';
    if (path === '/') return 'EINVAL';
    this.look(parentOf(path), transaction);
    const root = withoutNode(this.rootFor(transaction), path, ++this.generation);
    if (transaction === undefined) this.root = root;
    else transaction.root = root;
    if (transaction !== undefined) transaction.changes.push(change);
    else {
      this.observer?.changed(change, connection.domid);
      this.fire(path, node);
      // Whoever watches something below the removed node hears of that too.
      for (const below of walkTree(node, path)) if (below.path !== path) this.fireExact(below.path, below.node);
    }
    return undefined;
  }

  private setPermissions(
    change: Change & { kind: 'permissions' },
    connection: Connection,
    transaction: Transaction | undefined,
  ): XsError | undefined {
    const { path, permissions } = change;
    const node = this.look(path, transaction);
    if (node === undefined) return 'ENOENT';
    if (connection.domid !== 0) {
      if (ownerOf(node.permissions) !== connection.domid) return 'EACCES';
      if (ownerOf(permissions) !== connection.domid) return 'EPERM';
      if (permissions.length > QUOTA.permissions) return 'ENOSPC';
      if (recordBytes({ ...node, permissions }) >= QUOTA.nodeSize) return 'ENOSPC';
    }
    this.store(path, { ...node, permissions, generation: ++this.generation }, transaction);
    this.changed(change, connection, transaction);
    return undefined;
  }

  private store(path: string, node: XsNode, transaction: Transaction | undefined): void {
    if (transaction === undefined) this.root = withNode(this.root, path, node);
    else transaction.root = withNode(transaction.root, path, node);
  }

  /** Remembers a change for the commit, or lets watches fire. */
  private changed(change: Change, { domid }: Connection, transaction: Transaction | undefined): void {
    if (transaction !== undefined) {
      transaction.changes.push(change);
      return;
    }
    this.observer?.changed(change, domid);
    this.fire(change.path, findNode(this.root, change.path));
  }

  private fire(path: string, node: XsNode | undefined): void {
    this.onChange(path);
    this.sendEvents(path, node, (watch) => isWithin(path, watch.path));
  }

  private fireExact(path: string, node: XsNode): void {
    this.onChange(path);
    this.sendEvents(path, node, (watch) => watch.path === path);
  }

  private sendEvents(path: string, node: XsNode | undefined, matches: (watch: Watch) => boolean): void {
    for (const connection of this.connections.values()) {
      const readable = node !== undefined && mayRead(node.permissions, connection.domid);
      const parent = findNode(this.root, parentOf(path));
      if (!readable && !(parent !== undefined && mayRead(parent.permissions, connection.domid))) continue;
      for (const watch of connection.watches) if (matches(watch)) this.sendEvent(connection, watch, path);
    }
  }

  private fireSpecial(name: string): void {
    for (const connection of this.connections.values()) {
      for (const watch of connection.watches) if (watch.path === name) this.sendEvent(connection, watch, name);
    }
  }

  /** One WATCH_EVENT, its path written the way the watch was. */
  sendEvent(connection: Connection, watch: Watch, path: string): void {
    const prefix = canonicalPath('x', connection.domid)?.slice(0, -1) ?? '';
    const shown = watch.relative && path.startsWith(prefix) ? path.slice(prefix.length) : path;
    const payload = stringsPayload(shown, watch.token);
    this.observer?.watchFired(connection.domid, watch.path, path);
    connection.outbox.push({ type: XS_WATCH_EVENT, requestId: 0, transactionId: 0, payload });
    this.onOutbox(connection.domid);
  }
}

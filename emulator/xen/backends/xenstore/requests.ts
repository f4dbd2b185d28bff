/** What each request does: one row per message type (docs/misc/xenstore.txt, xenstored's wire_funcs). */
import { canonicalPath, canonicalWatchPath, domainPath } from './paths.ts';
import { formatPermission, mayRead, type Permission, parsePermission } from './permissions.ts';
import {
  bytesOf,
  latin1,
  PAYLOAD_MAX,
  payloadStrings,
  stringsPayload,
  XS_ERROR,
  type XsError,
  type XsMessage,
} from './protocol.ts';
import { type Connection, QUOTA, type Transaction, type XenStore } from './store.ts';
import type { XsNode } from './tree.ts';

interface Call {
  readonly store: XenStore;
  readonly connection: Connection;
  readonly transaction: Transaction | undefined;
  readonly message: XsMessage;
  readonly strings: readonly string[];
}

type Result = { readonly reply: Uint8Array; readonly afterReply?: () => void } | { readonly error: XsError };

interface Row {
  readonly handle: (call: Call) => Result;
  /** Only the control domain may. */
  readonly privileged?: boolean;
  /** The transaction id means nothing here. */
  readonly ignoresTransaction?: boolean;
}

const OK = { reply: stringsPayload('OK') };
const notForGuests: Row = { handle: () => OK, privileged: true, ignoresTransaction: true };

/** By message type. */
const REQUESTS: Readonly<Record<number, Row>> = {
  0: { ...notForGuests, handle: () => ({ error: 'ENOSYS' }) }, // CONTROL
  1: { handle: directory },
  2: { handle: (call) => readNode(call, (node) => ({ reply: node.value })) },
  3: { handle: getPermissions },
  4: { handle: watch, ignoresTransaction: true },
  5: { handle: unwatch, ignoresTransaction: true },
  6: { handle: transactionStart },
  7: { handle: transactionEnd },
  8: notForGuests, // INTRODUCE: the toolstack here is the host, which calls XenStore.introduce
  9: notForGuests, // RELEASE
  10: { handle: getDomainPath, ignoresTransaction: true },
  11: { handle: write },
  12: { handle: mkdir },
  13: { handle: remove },
  14: { handle: setPermissions },
  17: { handle: isDomainIntroduced, ignoresTransaction: true },
  18: notForGuests, // RESUME
  19: notForGuests, // SET_TARGET
  21: { handle: resetWatches, ignoresTransaction: true },
  22: { handle: directoryPart },
};

/** Carries a request out and puts the reply, and any events it causes, into outboxes. */
export function processRequest(store: XenStore, connection: Connection, message: XsMessage): void {
  const result = perform(store, connection, message);
  const failed = 'error' in result;
  connection.outbox.push({
    ...message,
    type: failed ? XS_ERROR : message.type,
    payload: failed ? stringsPayload(result.error) : result.reply,
  });
  if (!failed) result.afterReply?.();
}

function perform(store: XenStore, connection: Connection, message: XsMessage): Result {
  const row = Object.hasOwn(REQUESTS, message.type) ? REQUESTS[message.type] : undefined;
  if (row === undefined) return { error: 'ENOSYS' };
  if (row.privileged === true && connection.domid !== 0) return { error: 'EACCES' };
  let transaction: Transaction | undefined;
  if (row.ignoresTransaction !== true && message.transactionId !== 0) {
    transaction = connection.transactions.get(message.transactionId);
    if (transaction === undefined) return { error: 'ENOENT' };
  }
  const result = row.handle({ store, connection, transaction, message, strings: payloadStrings(message.payload) });
  if (!('error' in result) && result.reply.length > PAYLOAD_MAX) return { error: 'E2BIG' };
  return result;
}

/** Path of the first argument. */
function pathOf(call: Call): string | undefined {
  const first = call.strings[0];
  return first === undefined ? undefined : canonicalPath(first, call.connection.domid);
}

/** The node of the first argument, if it may be read. Reading what does not exist needs read access to its parent. */
function readNode(call: Call, use: (node: XsNode) => Result): Result {
  const path = pathOf(call);
  if (path === undefined) return { error: 'EINVAL' };
  const node = call.store.look(path, call.transaction);
  if (node === undefined) return { error: missingNodeError(call, path) };
  return mayRead(node.permissions, call.connection.domid) ? use(node) : { error: 'EACCES' };
}

/** ENOENT would tell that a node does not exist: only where the nearest ancestor may be read. */
function missingNodeError(call: Call, path: string): XsError {
  let at = path;
  for (;;) {
    at = at.slice(0, at.lastIndexOf('/')) || '/';
    const ancestor = call.store.look(at, call.transaction);
    if (ancestor !== undefined) return mayRead(ancestor.permissions, call.connection.domid) ? 'ENOENT' : 'EACCES';
  }
}

function childList(node: XsNode): Uint8Array {
  return stringsPayload(...node.children.keys());
}

function directory(call: Call): Result {
  return readNode(call, (node) => ({ reply: childList(node) }));
}

/** A long directory in parts: generation, then children from an offset into the list; an empty string ends it. */
function directoryPart(call: Call): Result {
  if (call.strings.length !== 2) return { error: 'EINVAL' };
  return readNode(call, (node) => {
    const children = latin1(childList(node));
    const offset = Number.parseInt(call.strings[1]!, 10) || 0;
    const head = `${node.generation}\0`;
    if (offset < 0 || offset >= children.length) return { reply: bytesOf(`${head}\0`) };
    const room = PAYLOAD_MAX - head.length - 1;
    const rest = children.slice(offset);
    const part = rest.length <= room ? rest : rest.slice(0, rest.lastIndexOf('\0', room - 1) + 1);
    return { reply: bytesOf(head + part + (part.length === rest.length ? '\0' : '')) };
  });
}

function getPermissions(call: Call): Result {
  return readNode(call, (node) => ({ reply: stringsPayload(...node.permissions.map(formatPermission)) }));
}

function setPermissions(call: Call): Result {
  const path = pathOf(call);
  const [, ...texts] = call.strings;
  if (path === undefined || texts.length === 0) return { error: 'EINVAL' };
  const permissions: Permission[] = [];
  for (const text of texts) {
    const permission = parsePermission(text);
    if (permission === undefined) return { error: 'EINVAL' };
    permissions.push(permission);
  }
  return outcome(call.store.apply({ kind: 'permissions', path, permissions }, call.connection, call.transaction));
}

function write(call: Call): Result {
  const path = pathOf(call);
  if (path === undefined) return { error: 'EINVAL' };
  const value = call.message.payload.slice(call.strings[0]!.length + 1);
  return outcome(call.store.apply({ kind: 'write', path, value }, call.connection, call.transaction));
}

function mkdir(call: Call): Result {
  const path = pathOf(call);
  if (path === undefined) return { error: 'EINVAL' };
  if (call.store.look(path, call.transaction) !== undefined) return OK;
  const value = new Uint8Array(0);
  return outcome(call.store.apply({ kind: 'write', path, value }, call.connection, call.transaction));
}

function remove(call: Call): Result {
  const path = pathOf(call);
  if (path === undefined) return { error: 'EINVAL' };
  return outcome(call.store.apply({ kind: 'remove', path }, call.connection, call.transaction));
}

function outcome(error: XsError | undefined): Result {
  return error === undefined ? OK : { error };
}

function watch(call: Call): Result {
  const [path, token] = call.strings;
  if (path === undefined || token === undefined) return { error: 'EINVAL' };
  const { store, connection } = call;
  const absolute = canonicalWatchPath(path, connection.domid);
  if (absolute === undefined) return { error: 'EINVAL' };
  if (connection.watches.some((other) => other.path === absolute && other.token === token)) return { error: 'EEXIST' };
  if (connection.domid !== 0 && connection.watches.length > QUOTA.watches) return { error: 'E2BIG' };
  const added = { path: absolute, token, relative: !path.startsWith('/') && !path.startsWith('@') };
  connection.watches.push(added);
  // Every watch fires once at once, so that its owner looks at what is there already.
  return { reply: OK.reply, afterReply: () => store.sendEvent(connection, added, absolute) };
}

function unwatch(call: Call): Result {
  const [path, token] = call.strings;
  if (path === undefined || token === undefined) return { error: 'EINVAL' };
  const { watches, domid } = call.connection;
  const absolute = canonicalWatchPath(path, domid);
  if (absolute === undefined) return { error: 'EINVAL' };
  const index = watches.findIndex((other) => other.path === absolute && other.token === token);
  if (index < 0) return { error: 'ENOENT' };
  watches.splice(index, 1);
  return OK;
}

function resetWatches(call: Call): Result {
  call.connection.watches.length = 0;
  call.connection.transactions.clear();
  return OK;
}

function transactionStart(call: Call): Result {
  const { connection, store } = call;
  if (call.transaction !== undefined) return { error: 'EBUSY' };
  if (connection.domid !== 0 && connection.transactions.size > QUOTA.transactions) return { error: 'ENOSPC' };
  const id = connection.nextTransactionId++;
  connection.transactions.set(id, { id, root: store.root, seen: new Map(), changes: [] });
  return { reply: stringsPayload(String(id)) };
}

function transactionEnd(call: Call): Result {
  const { connection, transaction, store } = call;
  const verdict = call.strings[0];
  if (verdict !== 'T' && verdict !== 'F') return { error: 'EINVAL' };
  if (transaction === undefined) return { error: 'ENOENT' };
  connection.transactions.delete(transaction.id);
  return verdict === 'T' ? outcome(store.commit(transaction, connection)) : OK;
}

function getDomainPath(call: Call): Result {
  const text = call.strings[0];
  if (text === undefined || !/^\d{1,5}$/.test(text)) return { error: 'EINVAL' };
  return { reply: stringsPayload(domainPath(Number(text))) };
}

function isDomainIntroduced(call: Call): Result {
  const text = call.strings[0];
  if (text === undefined || !/^\d{1,5}$/.test(text)) return { error: 'EINVAL' };
  const domid = Number(text);
  return { reply: stringsPayload(domid === 0 || call.store.connections.has(domid) ? 'T' : 'F') };
}

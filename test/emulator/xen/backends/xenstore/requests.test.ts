import { beforeEach, describe, expect, test } from 'vitest';
import { bytesOf, latin1, type XsMessage } from '../../../../../emulator/xen/backends/xenstore/protocol.ts';
import { processRequest } from '../../../../../emulator/xen/backends/xenstore/requests.ts';
import { type Connection, XenStore } from '../../../../../emulator/xen/backends/xenstore/store.ts';

/** Message types of xs_wire.h. */
const DIRECTORY = 1;
const READ = 2;
const GET_PERMS = 3;
const WATCH = 4;
const UNWATCH = 5;
const START = 6;
const END = 7;
const INTRODUCE = 8;
const GET_DOMAIN_PATH = 10;
const WRITE = 11;
const MKDIR = 12;
const RM = 13;
const SET_PERMS = 14;
const EVENT = 15;
const ERROR = 16;
const RESET_WATCHES = 21;
const DIRECTORY_PART = 22;

let store: XenStore;
let guest: Connection;
let requestId = 0;

beforeEach(() => {
  store = new XenStore();
  store.hostWrite('/local/domain/1', '', [
    { access: 'n', domid: 0 },
    { access: 'r', domid: 1 },
  ]);
  store.hostWrite('/local/domain/1/name', 'demo');
  store.hostWrite('/local/domain/1/data', '', [{ access: 'n', domid: 1 }]);
  store.hostWrite('/secret', 'x', [{ access: 'n', domid: 0 }]);
  store.introduce(0);
  guest = store.introduce(1);
  store.introduce(2);
});

/** Sends a request and answers what came back: "OK", "ENOENT" …; events go to `events`. */
let events: string[] = [];
function ask(type: number, payload: string, transactionId = 0, connection = guest): string {
  const message = { type, requestId: ++requestId, transactionId, payload: bytesOf(payload) };
  processRequest(store, connection, message);
  const [reply] = connection.outbox.filter((each) => each.type !== EVENT);
  events = connection.outbox.filter((each) => each.type === EVENT).map((each) => show(each));
  connection.outbox.length = 0;
  expect(reply).toMatchObject({ requestId, transactionId });
  expect([type, ERROR]).toContain(reply!.type);
  const text = show(reply!);
  return reply!.type === ERROR ? `!${text}` : text;
}

function show(message: XsMessage): string {
  return latin1(message.payload).replace(/\0$/, '').replaceAll('\0', '|');
}

describe('reading and writing', () => {
  test('relative and absolute paths', () => {
    expect(ask(READ, 'name\0')).toBe('demo');
    expect(ask(READ, '/local/domain/1/name\0')).toBe('demo');
    expect(ask(DIRECTORY, '/local/domain/1\0')).toBe('name|data');
    expect(ask(GET_DOMAIN_PATH, '7\0')).toBe('/local/domain/7');
  });

  test('a value is bytes: the text after the path, not terminated', () => {
    expect(ask(WRITE, 'data/a/b\0one\0two')).toBe('OK');
    expect(ask(READ, 'data/a/b\0')).toBe('one|two');
    expect(ask(READ, 'data/a\0')).toBe('');
    expect(ask(GET_PERMS, 'data/a/b\0')).toBe('n1');
  });

  test('errors by name', () => {
    expect(ask(READ, 'data/none\0')).toBe('!ENOENT');
    expect(ask(READ, 'bad path\0')).toBe('!EINVAL');
    expect(ask(READ, 'a//b\0')).toBe('!EINVAL');
    expect(ask(READ, 'name')).toBe('!EINVAL');
    expect(ask(READ, `${'a'.repeat(2049)}\0`)).toBe('!EINVAL');
    expect(ask(99, '\0')).toBe('!ENOSYS');
    expect(ask(INTRODUCE, '3\x001\x001\0')).toBe('!EACCES');
    expect(ask(READ, 'name\0', 77)).toBe('!ENOENT');
  });

  test('permissions: the owner, listed domains, nobody else', () => {
    expect(ask(WRITE, 'name\0mine')).toBe('!EACCES');
    expect(ask(READ, '/secret\0')).toBe('!EACCES');
    expect(ask(READ, '/secret/below\0')).toBe('!EACCES');
    expect(ask(WRITE, 'data/x\x001')).toBe('OK');
    const other = store.connections.get(2)!;
    expect(ask(READ, '/local/domain/1/data/x\0', 0, other)).toBe('!EACCES');
    expect(ask(SET_PERMS, 'data/x\0n1\0r2\0')).toBe('OK');
    expect(ask(READ, '/local/domain/1/data/x\0', 0, other)).toBe('1');
    expect(ask(WRITE, '/local/domain/1/data/x\x002', 0, other)).toBe('!EACCES');
    expect(ask(SET_PERMS, 'data/x\0n2\0')).toBe('!EPERM');
    expect(ask(SET_PERMS, '/local/domain/1/data/x\0n2\0', 0, other)).toBe('!EACCES');
    expect(ask(SET_PERMS, 'data/x\0z1\0')).toBe('!EINVAL');
  });

  test('mkdir and rm', () => {
    expect(ask(MKDIR, 'data/dir\0')).toBe('OK');
    expect(ask(MKDIR, 'data/dir\0')).toBe('OK');
    expect(ask(WRITE, 'data/dir/file\0x')).toBe('OK');
    expect(ask(RM, 'data/dir\0')).toBe('OK');
    expect(ask(READ, 'data/dir/file\0')).toBe('!ENOENT');
    expect(ask(RM, 'data/dir\0')).toBe('OK');
    expect(ask(RM, 'data/none/below\0')).toBe('!ENOENT');
    expect(ask(RM, 'name\0')).toBe('!EACCES');
  });

  test('a directory too long for one message comes in parts', () => {
    const names = Array.from({ length: 300 }, (_, index) => `node-with-a-long-name-${index}`);
    // Only the tools may make a node of that size.
    for (const name of names) store.hostWrite(`/local/domain/1/data/${name}`, '');
    expect(ask(DIRECTORY, 'data\0')).toBe('!E2BIG');
    const found: string[] = [];
    let offset = 0;
    for (let part = 0; part < 10; part++) {
      const message = { type: DIRECTORY_PART, requestId: 1, transactionId: 0, payload: bytesOf(`data\0${offset}\0`) };
      processRequest(store, guest, message);
      const [, ...rest] = latin1(guest.outbox.pop()!.payload).split('\0');
      rest.pop();
      const last = rest.at(-1) === '';
      const children = last ? rest.slice(0, -1) : rest;
      found.push(...children);
      offset += children.join('\0').length + 1;
      if (last) break;
    }
    expect(found).toEqual(names);
  });
});

describe('watches', () => {
  test('fire at once, then for the node and what is below, with the path as the watcher wrote it', () => {
    expect(ask(WATCH, 'data\0token\0')).toBe('OK');
    expect(events).toEqual(['data|token']);
    ask(WRITE, 'data/a/b\0x');
    expect(events).toEqual(['data/a/b|token']);
    ask(WATCH, '/local/domain/1/data\0abs\0');
    ask(RM, 'data/a\0');
    expect(events).toEqual(['data/a|token', '/local/domain/1/data/a|abs']);
  });

  test('removing a node tells who watches something below it', () => {
    ask(WRITE, 'data/a/b\0x');
    ask(WATCH, 'data/a/b\0t\0');
    ask(RM, 'data/a\0');
    expect(events).toEqual(['data/a/b|t']);
  });

  test('twice the same is EEXIST; unwatch and reset', () => {
    ask(WATCH, 'data\0t\0');
    expect(ask(WATCH, 'data\0t\0')).toBe('!EEXIST');
    expect(ask(WATCH, 'data\0u\0')).toBe('OK');
    expect(ask(UNWATCH, 'data\0t\0')).toBe('OK');
    expect(ask(UNWATCH, 'data\0t\0')).toBe('!ENOENT');
    ask(WRITE, 'data/x\0');
    expect(events).toEqual(['data/x|u']);
    expect(ask(RESET_WATCHES, '\0')).toBe('OK');
    ask(WRITE, 'data/x\0');
    expect(events).toEqual([]);
  });

  test('only what may be read is told', () => {
    const other = store.connections.get(2)!;
    ask(WATCH, '/local/domain/1/data\0t\0', 0, other);
    ask(WRITE, 'data/x\x001');
    expect(other.outbox).toEqual([]);
  });

  test('@introduceDomain and @releaseDomain', () => {
    ask(WATCH, '@introduceDomain\0i\0');
    expect(events).toEqual(['@introduceDomain|i']);
    ask(WATCH, '@releaseDomain\0r\0');
    guest.outbox.length = 0;
    store.introduce(3);
    store.release(3);
    expect(guest.outbox.map(show)).toEqual(['@introduceDomain|i', '@releaseDomain|r']);
    expect(ask(WATCH, '@nonsense\0t\0')).toBe('!EINVAL');
  });
});

describe('transactions', () => {
  test('what they do is seen inside at once, outside after the end; watches fire then', () => {
    ask(WATCH, 'data\0t\0');
    const id = Number(ask(START, '\0'));
    ask(WRITE, 'data/x\0new', id);
    expect(events).toEqual([]);
    expect(ask(READ, 'data/x\0', id)).toBe('new');
    expect(ask(READ, 'data/x\0')).toBe('!ENOENT');
    expect(ask(END, 'T\0', id)).toBe('OK');
    expect(events).toEqual(['data/x|t']);
    expect(ask(READ, 'data/x\0')).toBe('new');
    expect(ask(END, 'T\0', id)).toBe('!ENOENT');
  });

  test('an aborted one leaves nothing', () => {
    const id = Number(ask(START, '\0'));
    ask(WRITE, 'data/x\0new', id);
    expect(ask(END, 'F\0', id)).toBe('OK');
    expect(ask(READ, 'data/x\0')).toBe('!ENOENT');
  });

  test('EAGAIN when something it read has changed, appeared or gone', () => {
    ask(WRITE, 'data/x\0old');
    const changed = Number(ask(START, '\0'));
    ask(READ, 'data/x\0', changed);
    ask(WRITE, 'data/x\0other');
    expect(ask(END, 'T\0', changed)).toBe('!EAGAIN');

    const appeared = Number(ask(START, '\0'));
    expect(ask(READ, 'data/y\0', appeared)).toBe('!ENOENT');
    ask(WRITE, 'data/y\0');
    expect(ask(END, 'T\0', appeared)).toBe('!EAGAIN');

    const gone = Number(ask(START, '\0'));
    ask(READ, 'data/y\0', gone);
    ask(RM, 'data/y\0');
    expect(ask(END, 'T\0', gone)).toBe('!EAGAIN');
  });

  test('no conflict about nodes it never looked at', () => {
    ask(WRITE, 'data/x\0old');
    const id = Number(ask(START, '\0'));
    ask(READ, 'name\0', id);
    ask(WRITE, 'data/x\0other');
    expect(ask(END, 'T\0', id)).toBe('OK');
  });

  test('two that add children to the same node conflict, for its list of children changed', () => {
    const first = Number(ask(START, '\0'));
    const second = Number(ask(START, '\0'));
    ask(WRITE, 'data/a\0', first);
    ask(WRITE, 'data/b\0', second);
    expect(ask(END, 'T\0', first)).toBe('OK');
    expect(ask(END, 'T\0', second)).toBe('!EAGAIN');
  });
});

describe('quotas of an unprivileged domain', () => {
  test('nodes', () => {
    // Nine folders of 110 nodes, with `data` itself 1000.
    for (let folder = 0; folder < 9; folder++)
      for (let index = 0; index < 110; index++) expect(ask(WRITE, `data/${folder}/${index}\0`)).toBe('OK');
    expect(ask(WRITE, 'data/more\0')).toBe('!ENOSPC');
    expect(ask(RM, 'data/5/5\0')).toBe('OK');
    expect(ask(WRITE, 'data/more\0')).toBe('OK');
  });

  test('names of children count as the size of their parent', () => {
    const name = 'n'.repeat(200);
    let made = 0;
    while (made < 20 && ask(WRITE, `data/${name}${made}\0`) === 'OK') made++;
    expect(made).toBe(9);
    expect(ask(WRITE, 'data/short\0')).toBe('OK');
  });

  test('size of a node, watches, transactions, permissions', () => {
    // The record has a head of 24 bytes, 8 for the permission, and must stay under 2048 (write_node_raw).
    expect(ask(WRITE, `data/x\0${'y'.repeat(2016)}`)).toBe('!ENOSPC');
    expect(ask(WRITE, `data/x\0${'y'.repeat(2015)}`)).toBe('OK');
    for (let index = 0; index < 129; index++) expect(ask(WATCH, `data\0${index}\0`)).toBe('OK');
    expect(ask(WATCH, 'data\0more\0')).toBe('!E2BIG');
    for (let index = 0; index < 11; index++) expect(ask(START, '\0')).toBe(String(index + 1));
    expect(ask(START, '\0')).toBe('!ENOSPC');
    expect(ask(SET_PERMS, 'data/x\0n1\0r2\0r3\0r4\0r5\0r6\0')).toBe('!ENOSPC');
  });
});

import { describe, expect, it } from 'vitest';
import { SourceFiles } from '../../../../debug-adapter/session/source/source-files.ts';

/** A host whose disk holds these files; relative names start from the folder given, or from /work. */
function files(
  existing: readonly string[],
  map: Readonly<Record<string, string>> = {},
  folders = ['/work', '/work/boot'],
) {
  const asked: string[] = [];
  const host = {
    readFile: () => Promise.reject(new Error('nobody reads')),
    createTarget: () => Promise.reject(new Error('nobody boots')),
    locateFile: (name: string, relativeTo: string | undefined) => {
      const whole = /^(\/|[a-z-]+:)/.test(name) ? name : `${relativeTo ?? '/work'}/${name}`;
      asked.push(whole);
      return Promise.resolve(existing.includes(whole) ? whole : undefined);
    },
  };
  return { asked, sources: new SourceFiles(host, map, folders) };
}

describe('where the client finds a file', () => {
  it.each([
    ['an absolute one where it says', '/src/main.c', {}, ['/src/main.c'], '/src/main.c'],
    ['a relative one from the workspace', 'kernel/main.c', {}, ['/work/kernel/main.c'], '/work/kernel/main.c'],
    ['a relative one beside the kernel', 'main.c', {}, ['/work/boot/main.c'], '/work/boot/main.c'],
    ['one of another machine by its end', '/build/x/mm/slab.c', {}, ['/work/mm/slab.c'], '/work/mm/slab.c'],
    ['one that sourceMap moves', '/build/x/mm/slab.c', { '/build/x': '/src' }, ['/src/mm/slab.c'], '/src/mm/slab.c'],
    ['by the longest prefix', '/a/b/c.c', { '/a': '/one', '/a/b': '/two' }, ['/one/b/c.c', '/two/c.c'], '/two/c.c'],
    [
      'relative ones moved as a whole',
      'mm/slab.c',
      { '.': 'vscode-vfs://host/linux' },
      ['vscode-vfs://host/linux/mm/slab.c'],
      'vscode-vfs://host/linux/mm/slab.c',
    ],
  ] as const)('%s', async (_, name, map, existing, expected) => {
    expect(await files(existing, map).sources.clientPath(name)).toBe(expected);
  });

  it('nowhere: a name alone fits too much', async () => {
    const { sources } = files(['/work/main.c']);
    expect(await sources.clientPath('/build/kernel/main.c')).toBeUndefined();
    expect(await sources.clientPath('/build/kernel/other.c')).toBeUndefined();
  });

  it('looks once', async () => {
    const { sources, asked } = files(['/src/main.c']);
    await sources.clientPath('/src/main.c');
    await sources.clientPath('/src/main.c');
    expect(asked).toEqual(['/src/main.c']);
  });
});

describe('which files the client means', () => {
  it('those that it finds there, whatever the spelling', async () => {
    const { sources } = files(['/src/main.c', '/src/lib/main.c']);
    const known = ['/src/main.c', '/src/lib/main.c', '/src/other.c'];
    expect(await sources.matching('/src/lib/../main.c', known)).toEqual(['/src/main.c']);
    expect(await sources.matching('file:///src/lib/main.c', known)).toEqual(['/src/lib/main.c']);
    expect(await sources.matching('/elsewhere/main.c', known)).toEqual([]);
  });

  it('one that nobody found, by its end; from then on it is where the client said', async () => {
    const { sources } = files([]);
    expect(await sources.matching('/home/me/tree/mm/slab.c', ['mm/slab.c', 'fs/slab.c'])).toEqual(['mm/slab.c']);
    expect(await sources.clientPath('mm/slab.c')).toBe('/home/me/tree/mm/slab.c');
  });
});

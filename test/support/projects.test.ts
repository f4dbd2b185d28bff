import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

interface Project {
  readonly references?: readonly { readonly path: string }[];
}

const SKIPPED = new Set(['node_modules', 'dist', '.git', '.cache', 'test-output']);

function read(file: string): Project {
  return JSON.parse(readFileSync(file, 'utf8')) as Project;
}

function projectsBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !SKIPPED.has(entry.name))
    .flatMap(({ name }) => {
      const inside = path.posix.join(folder, name);
      return [...(existsSync(path.join(inside, 'tsconfig.json')) ? [inside] : []), ...projectsBelow(inside)];
    });
}

function hasSources(project: string): boolean {
  return readdirSync(project, { recursive: true }).some((file) => String(file).endsWith('.ts'));
}

test('every project with sources is built by "tsc -b"', () => {
  const referenced = read('tsconfig.json').references?.map((reference) => path.posix.normalize(reference.path)) ?? [];
  expect(projectsBelow('.').filter((project) => hasSources(project) && !referenced.includes(project))).toEqual([]);
});

test('no project below another layer refers to one above it', () => {
  const layers = ['emulator', 'debug-adapter', 'extension'];
  const layerOf = (project: string): number => layers.indexOf(project.split('/')[0] ?? '');
  const upward = projectsBelow('.')
    .filter((project) => layerOf(project) >= 0)
    .flatMap((project) =>
      (read(path.join(project, 'tsconfig.json')).references ?? [])
        .map((reference) => path.posix.join(project, reference.path))
        .filter((target) => layerOf(target) > layerOf(project))
        .map((target) => `${project} → ${target}`),
    );
  expect(upward).toEqual([]);
});

import { readFileSync } from 'node:fs';
import { expect, expectTypeOf, test } from 'vitest';
import type { DomainKeys, LaunchConfiguration } from '../../../debug-adapter/protocol/launch-configuration.ts';
import { contributions } from '../../../extension/manifest/contributions.ts';
import { commands } from '../../../extension/manifest/identifiers.ts';
import type { domainProperties, launchProperties } from '../../../extension/manifest/launch-schema.ts';

test('package.json holds the contributions that the code declares: npm run gen', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(manifest.contributes).toEqual(JSON.parse(JSON.stringify(contributions)));
});

test('every command is contributed with a title', () => {
  expect(contributions.commands.map(({ command }) => command).sort()).toEqual(Object.values(commands).sort());
});

test('the schema of launch.json and the arguments of the adapter have the same keys', () => {
  /** What the extension or VS Code sets, and no user writes. */
  type Internal = 'cwd' | 'consoleOutput' | 'noDebug';
  expectTypeOf<keyof typeof launchProperties>().toEqualTypeOf<Exclude<keyof LaunchConfiguration, Internal>>();
  expectTypeOf<keyof typeof domainProperties>().toEqualTypeOf<keyof DomainKeys>();
});

test('the extension and its types are no newer than the workbench it is tested in', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(manifest.engines.vscode).toBe(`^${manifest.devDependencies['@types/vscode']}`);
});

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { WorkbenchOptions } from './server.ts';

/** URI scheme of the opened folder, and the part of the server that serves it. */
export const FOLDER_SCHEME = 'xenoscope-folder';

/** The workbench page. Webviews and the extension host each get an origin of their own below this one. */
export function workbenchPage({ workspace, extension, settings: chosen }: WorkbenchOptions, authority: string): string {
  const at = (location: string) => ({ scheme: 'http', authority, path: location });
  const configuration = {
    folderUri: { scheme: FOLDER_SCHEME, authority: '', path: `/${path.basename(workspace)}` },
    additionalBuiltinExtensions: [at('/extension'), at('/file-system')],
    configurationDefaults: {
      'workbench.startupEditor': 'none',
      'workbench.tips.enabled': false,
      'chat.disableAIFeatures': true,
      'debug.internalConsoleOptions': 'neverOpen',
      'security.workspace.trust.enabled': false,
      ...chosen,
    },
    productConfiguration: {
      nameShort: 'Xenoscope in VS Code',
      nameLong: 'Xenoscope in VS Code (web, for development)',
      quality: 'stable',
      enableTelemetry: false,
      webEndpointUrlTemplate: `http://${authority}/build`,
      webviewContentExternalBaseUrlTemplate: `http://{{uuid}}.${authority}/build/out/vs/workbench/contrib/webview/browser/pre/`,
    },
    developmentOptions: { logLevel: 3 },
  };
  if (!existsSync(path.join(extension, 'package.json'))) throw new Error(`${extension} holds no extension`);
  const settings = escapeAttribute(JSON.stringify(configuration));
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta id="vscode-workbench-web-configuration" data-settings="${settings}">
<title>Xenoscope</title>
<link rel="icon" href="/build/favicon.ico">
<link rel="stylesheet" href="/build/out/vs/workbench/workbench.web.main.internal.css">
</head>
<body aria-label="">
<script>globalThis._VSCODE_FILE_ROOT = location.origin + '/build/out/';</script>
<script type="module">
await import('/build/out/nls.messages.js');
const { default: start } = await import('/build/workbench.js');
start();
</script>
</body>
</html>
`;
}

function escapeAttribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

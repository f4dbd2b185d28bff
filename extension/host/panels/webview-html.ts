import * as vscode from 'vscode';

/**
 * The page of a webview: one script, one style sheet, nothing inline. Scripts run only with this page's nonce, and
 * nothing is fetched from anywhere but the extension itself.
 */
export function webviewHtml(webview: vscode.Webview, extension: vscode.Uri, panel: string, title: string): string {
  const nonce = randomToken();
  const resource = (name: string): string => {
    return webview.asWebviewUri(vscode.Uri.joinPath(extension, 'dist', 'webview', name)).toString();
  };
  const policy = `default-src 'none'; style-src ${webview.cspSource}; font-src ${webview.cspSource}; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="${resource(`${panel}.css`)}">
</head>
<body>
<main id="root"></main>
<script nonce="${nonce}" src="${resource(`${panel}.js`)}"></script>
</body>
</html>`;
}

export function webviewOptions(extension: vscode.Uri): vscode.WebviewOptions {
  return { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(extension, 'dist', 'webview')] };
}

function randomToken(): string {
  const bytes = new Uint8Array(16);
  globalThis.crypto.getRandomValues(bytes);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

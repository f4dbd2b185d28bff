import * as vscode from 'vscode';

const SCHEME = 'xenoscope-folder';

interface Description {
  readonly folder: boolean;
  readonly size: number;
  readonly mtime: number;
  readonly ctime: number;
}

/** Development only: the folder that `npm start` opens, over HTTP (the other end is workspace-files.ts). */
export function activate(context: vscode.ExtensionContext): void {
  const files = new FolderOverHttp(vscode.Uri.joinPath(context.extensionUri, '..', SCHEME));
  context.subscriptions.push(vscode.workspace.registerFileSystemProvider(SCHEME, files, { isCaseSensitive: true }));
}

class FolderOverHttp implements vscode.FileSystemProvider {
  private readonly changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.changed.event;

  constructor(private readonly server: vscode.Uri) {}

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const response = await this.send(uri, 'GET', 'stat');
    const { folder, size, mtime, ctime } = (await response.json()) as Description;
    return { type: folder ? vscode.FileType.Directory : vscode.FileType.File, size, mtime, ctime };
  }

  async readDirectory(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
    const response = await this.send(uri, 'GET', 'list');
    const entries = (await response.json()) as readonly (readonly [string, boolean])[];
    return entries.map(([name, isFolder]) => [name, isFolder ? vscode.FileType.Directory : vscode.FileType.File]);
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return new Uint8Array(await (await this.send(uri, 'GET')).arrayBuffer());
  }

  async createDirectory(uri: vscode.Uri): Promise<void> {
    await this.send(uri, 'PUT', 'folder');
    this.tell(vscode.FileChangeType.Created, uri);
  }

  async writeFile(uri: vscode.Uri, contents: Uint8Array): Promise<void> {
    await this.send(uri, 'PUT', '', contents);
    this.tell(vscode.FileChangeType.Changed, uri);
  }

  async delete(uri: vscode.Uri): Promise<void> {
    await this.send(uri, 'DELETE');
    this.tell(vscode.FileChangeType.Deleted, uri);
  }

  async rename(from: vscode.Uri, to: vscode.Uri): Promise<void> {
    await this.send(from, 'POST', `rename=${encodeURIComponent(below(to))}`);
    this.tell(vscode.FileChangeType.Deleted, from);
    this.tell(vscode.FileChangeType.Created, to);
  }

  private tell(type: vscode.FileChangeType, uri: vscode.Uri): void {
    this.changed.fire([{ type, uri }]);
  }

  private async send(uri: vscode.Uri, method: string, query = '', body?: Uint8Array): Promise<Response> {
    const address = `${this.server.toString(true)}/${below(uri).split('/').map(encodeURIComponent).join('/')}`;
    const response = await fetch(query === '' ? address : `${address}?${query}`, {
      method,
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    });
    if (response.status === 404) throw vscode.FileSystemError.FileNotFound(uri);
    if (!response.ok) throw new vscode.FileSystemError(`${uri.path}: ${await response.text()}`);
    return response;
  }
}

/** Path below the opened folder, whose own name is the first part. */
function below(uri: vscode.Uri): string {
  return uri.path.split('/').slice(2).join('/');
}
